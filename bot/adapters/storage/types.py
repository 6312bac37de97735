"""Column types: times that keep their zone, money that keeps its last micro-dollar, safe text.

SQLite drops the offset of a time without a word and keeps a NUMERIC as a float, PostgreSQL refuses
some text; all are settled here, so that the two hold and give back the same values.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from bot.domain.money import Usd


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC and given back in UTC. Refuses a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"a time without a zone: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(TypeDecorator[Usd]):
    """An amount as integer micro-dollars."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Usd | None, dialect: Dialect) -> int | None:
        return None if value is None else value.micros

    def process_result_value(self, value: int | None, dialect: Dialect) -> Usd | None:
        return None if value is None else Usd(value)


class Words(TypeDecorator[str]):
    """Text that others wrote: what PostgreSQL cannot hold (NUL, half a surrogate) becomes �.

    A machine's status message must not be able to keep its own rental from being written.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole.replace("\0", "�")
