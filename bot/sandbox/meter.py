"""What the simulated market bills: exact sums in integers, rounded once when they are read.

Nothing here is shared with Bellhop's own ledger, so that the one can be held against the other.
Sums are kept in grains. One grain is so small that an hour's price times a microsecond, a storage
price (per GB and month of 720 hours) times a thousandth of a GB times a microsecond, and a
transfer price (per GB of 10^9 bytes) times a byte are all whole numbers of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

Part = Literal["gpu", "storage", "download", "upload"]
PARTS: tuple[Part, ...] = get_args(Part)

_US = timedelta(microseconds=1)
_HOUR_US = 3_600_000_000
GRAINS = 720 * _HOUR_US * 1000  # in one micro-dollar
_GPU = GRAINS // _HOUR_US  # for one micro-dollar an hour, a microsecond long
_BYTE = GRAINS // 10**9  # for one micro-dollar a GB, one byte


def gpu_burn(rate: int) -> int:
    """Grains a microsecond for a price an hour."""
    return rate * _GPU


def storage_burn(rate: int, disk_gb: float) -> int:
    """Grains a microsecond for a price a GB and month; the disk counts in thousandths of a GB."""
    return rate * round(disk_gb * 1000)


def transfer(rate: int, size: int) -> int:
    """Grains for some bytes at a price a GB."""
    return rate * size * _BYTE


def micros(span: timedelta) -> int:
    return span // _US


def after(at: datetime, us: int) -> datetime:
    return at + timedelta(microseconds=us)


def rounded(grains: int) -> int:
    """Whole micro-dollars, half up."""
    return (2 * grains + GRAINS) // (2 * GRAINS)


@dataclass(slots=True)
class Meter:
    """One contract's bill, by UTC day and part. Time up to `at` is in it."""

    at: datetime
    burning: dict[Part, int] = field(default_factory=dict)  # grains a microsecond
    days: dict[date, dict[Part, int]] = field(default_factory=dict)  # grains

    def run(self, until: datetime) -> None:
        """Bill the time since the last call at the rates that held."""
        while self.at < until:
            midnight = datetime.combine(
                self.at.date() + timedelta(days=1), datetime.min.time(), tzinfo=UTC
            )
            end = min(until, midnight)
            span = micros(end - self.at)
            for part, burn in self.burning.items():
                self.add(part, burn * span)
            self.at = end

    def add(self, part: Part, grains: int) -> None:
        if grains:
            day = self.days.setdefault(self.at.date(), dict.fromkeys(PARTS, 0))
            day[part] += grains

    def burn(self) -> int:
        return sum(self.burning.values())

    def billed(self, first: date = date.min, last: date = date.max) -> dict[Part, int]:
        """Micro-dollars by part, of the days from `first` to `last`, both included."""
        days = [sums for day, sums in self.days.items() if first <= day <= last]
        return {part: rounded(sum(sums[part] for sums in days)) for part in PARTS}
