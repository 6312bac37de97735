"""What several processes of one installation tell each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.domain.rentals import Address, RentalId

AGAIN = "again"
"""The word that is heard whenever the wires have been down: other words may have been missed."""


class Wires(Protocol):
    """Hints from process to process. One may be lost: whoever needs it looks at the rows too."""

    def tell(self, word: str, about: str = "") -> None:
        """Tell every process, this one included. Returns at once; `about` is short text."""
        ...

    def hear(self, word: str, listener: Callable[[str], None]) -> None:
        """Call `listener` with what each such word is about."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One that runs, or ran. `address` is what others need of it; its role says what that is."""

    id: str
    role: str
    address: str
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a notebook is that people may enter: its machine, and where it listens there."""

    rental_id: RentalId
    target: str  # of the machine: the path of a Unix socket, or a port on its loopback
    token: str = field(repr=False)  # sealed
    addresses: tuple[Address, ...]
    host_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriage:
    """What one relay carried between people and one notebook since it started."""

    process_id: str
    rental_id: RentalId
    human_at: datetime | None
    bytes: int
    kept: Mapping[str, int] = field(default_factory=dict)  # kernel -> connections without a tab


class Processes(Protocol):
    async def process_seen(self, process: Process) -> None: ...

    async def processes(self, *, since: datetime) -> list[Process]:
        """Those that were seen since then, oldest id first."""
        ...

    async def process_gone(self, process_id: str) -> None:
        """It ended in order: it is not there any more."""
        ...

    async def forget_processes(self, before: datetime) -> int:
        """Those not seen since then, and what they carried; how many there were."""
        ...


class Ways(Protocol):
    async def ways(self) -> list[Way]:
        """Those of notebooks that people may enter now."""
        ...

    async def keep_way(self, rental_id: RentalId, *, target: str, token: str) -> None: ...

    async def drop_way(self, rental_id: RentalId) -> None:
        """One that is not there is no error."""
        ...

    async def carry(self, carriages: Sequence[Carriage]) -> None:
        """Write down what a relay carried, over what it wrote before."""
        ...

    async def carried(self) -> list[Carriage]: ...


class HouseKeys(Protocol):
    async def house_key(self, name: str) -> str | None:
        """One of Bellhop's own keys, sealed."""
        ...

    async def keep_house_key(self, name: str, sealed: str) -> str:
        """Keep it unless there is one of that name; returns what is there now."""
        ...
