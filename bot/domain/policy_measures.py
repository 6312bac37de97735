"""Values of the policy that are measured: times, dollars, sizes, counts, each within its bounds."""

from __future__ import annotations

import abc
import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from bot.domain.money import Usd
from bot.domain.policy_kinds import Wrong

M = TypeVar("M", timedelta, Usd, int)

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), timedelta(seconds=1)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
}
_PART = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([a-z]*)\s*")
_BYTES = {"mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([mgt]b)")
_DOLLARS = re.compile(r"\$?\s*(\d{1,3}(?:,\d{3})+|\d{1,9})(\.\d{1,6})?\s*(?:\$|usd)?")


@dataclass(frozen=True, slots=True)
class _Bounded(abc.ABC, Generic[M]):
    """`least` and `most` are both allowed."""

    least: M
    most: M

    @abc.abstractmethod
    def show(self, value: M) -> str: ...

    @property
    def bounds(self) -> str:
        return f"between {self.show(self.least)} and {self.show(self.most)}"

    def _within(self, value: M) -> M:
        if not self.least <= value <= self.most:
            raise Wrong(f"must be {self.bounds}")
        return value


class Duration(_Bounded[timedelta]):
    """A span of time within bounds; kept as minutes."""

    def parse(self, text: str) -> timedelta:
        span, rest = timedelta(), text.strip().lower()
        above = timedelta.max
        if not rest:
            raise Wrong("must be a time")
        while rest:
            match = _PART.match(rest)
            # A number without a unit is what is left after hours: 1h30.
            usual = "min" if above == timedelta(hours=1) else ""
            unit = _UNITS.get(match[2] or usual) if match else None
            if match is None or unit is None or unit >= above:
                raise Wrong("must be a time with its unit")
            span += round(float(match[1]) * unit / timedelta(seconds=1)) * timedelta(seconds=1)
            above, rest = unit, rest[match.end() :]
        return self._within(span)

    def show(self, value: timedelta) -> str:
        return said(value)

    def dump(self, value: timedelta) -> object:
        minutes = value / timedelta(minutes=1)
        return int(minutes) if minutes == int(minutes) else minutes

    def load(self, data: object) -> timedelta:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise Wrong("must be minutes")
        return self._within(timedelta(minutes=data))


class Dollars(_Bounded[Usd]):
    """An amount within bounds; kept as micro-dollars."""

    def parse(self, text: str) -> Usd:
        match = _DOLLARS.fullmatch(text.strip().lower())
        if match is None:
            raise Wrong("must be dollars, with a point for cents")
        return self._within(Usd.of(match[1].replace(",", "") + (match[2] or "")))

    def show(self, value: Usd) -> str:
        return str(value).removesuffix(".00")

    def dump(self, value: Usd) -> object:
        return value.micros

    def load(self, data: object) -> Usd:
        return self._within(Usd(_whole(data)))


class Size(_Bounded[int]):
    """Bytes within bounds, written with their unit; whole megabytes."""

    def parse(self, text: str) -> int:
        match = _SIZE.fullmatch(text.strip().lower())
        if match is None:
            raise Wrong("must be a size in MB, GB or TB")
        megabytes = Decimal(match[1]) * _BYTES[match[2]] / _BYTES["mb"]
        return self._within(round(megabytes) * _BYTES["mb"])

    def show(self, value: int) -> str:
        unit = next(
            (
                one
                for one in ("tb", "gb")
                if value >= _BYTES[one] and not value % (_BYTES[one] // 1000)
            ),
            "mb",
        )
        return f"{Decimal(value) / _BYTES[unit]:f} {unit.upper()}"

    def dump(self, value: int) -> object:
        return value

    def load(self, data: object) -> int:
        return self._within(_whole(data))


class Count(_Bounded[int]):
    """A whole number within bounds."""

    def parse(self, text: str) -> int:
        plain = text.strip()
        if not re.fullmatch(r"\d{1,9}", plain):
            raise Wrong(f"must be a whole number {self.bounds}")
        return self._within(int(plain))

    def show(self, value: int) -> str:
        return str(value)

    def dump(self, value: int) -> object:
        return value

    def load(self, data: object) -> int:
        return self._within(_whole(data))


def said(span: timedelta) -> str:
    """“45 s”, “45 min”, “1 h 30 min”, “24 h”, “3 d 12 h”."""
    seconds = span // timedelta(seconds=1)
    days, rest = divmod(seconds, 86400)
    if days == 1:
        days, rest = 0, seconds  # as people say it: 24 h, 36 h
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (left, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 min"


def _whole(data: object) -> int:
    if isinstance(data, bool) or not isinstance(data, int):
        raise Wrong("must be a whole number")
    return data
