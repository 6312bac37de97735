"""Runs of cells as they are kept in the database: what our own restart must not lose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.rentals import RentalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One run of a cell. `key` makes it one; `number` orders them, oldest first."""

    key: str  # 64 characters at most
    rental_id: RentalId
    number: int
    state: str  # sealed JSON, in ASCII; what it says is the services' affair
    keeper: str = ""  # the process that keeps it, where there are several


class Seal(Protocol):
    """Makes texts readable for this installation only."""

    def close(self, text: str, *, about: str) -> str:
        """The text sealed, in ASCII. `about` must be said again when it is opened."""
        ...

    def open(self, text: str, *, about: str) -> str:
        """What was sealed; a text that never was comes back as it is. Raises Unreadable."""
        ...


class Recordings(Protocol):
    async def recordings(self) -> list[Recording]:
        """All there are, oldest first."""
        ...

    async def adopt_recordings(self, keeper: str, others: Collection[str]) -> list[Recording]:
        """Take over what neither this keeper nor one of the others keeps; that, oldest first."""
        ...

    async def keep_recordings(
        self, changed: Sequence[Recording], *, gone: Collection[str] = (), keeper: str = ""
    ) -> None:
        """Write what is new or changed and take away the keys that are gone, at once.

        What another keeper has taken over meanwhile stays as it is.
        """
        ...
