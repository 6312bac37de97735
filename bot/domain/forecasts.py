"""What putting an archive onto a machine will take: time, money and disk, said before it is rented.

For a move it is also what the old machine costs meanwhile. Foreseen from what hosts measured of
themselves, so people read it as “about”; it is kept with the rental it was made for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from bot.domain.money import ZERO, Usd
from bot.domain.offers import Offer

START = timedelta(minutes=3)
"""Until a usual machine has loaded its image, let us in and started Jupyter."""

_SHARE = Decimal("0.8")  # of the line the host measured; SSH, tar and other tenants share it
_HASH_BYTES_PER_S = Decimal(400_000_000)  # sha256sum and a disk, unhurried
_SPARE = Decimal("1.3")  # room for what is unpacked beside what is kept, and to go on with the work
_SYSTEM_GB = 4  # the image's own growth: caches, Jupyter where it must be installed


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a restore, or a move, will take."""

    bytes: int  # of files, before compression
    disk_gb: int  # the smallest disk that will do
    takes: timedelta  # until the notebook is there again
    download: Usd  # at the new host's rate
    upload: Usd = ZERO  # of a move: at the old host's rate
    meanwhile: Usd = ZERO  # of a move: what the old machine costs until it is gone

    @property
    def extra(self) -> Usd:
        """Everything beside the new machine's own hours."""
        return self.download + self.upload + self.meanwhile


def disk_needed_gb(size: int) -> int:
    """The smallest disk for so many bytes of files, with room to go on."""
    return math.ceil(Decimal(size) / 10**9 * _SPARE) + _SYSTEM_GB


def restoring(size: int, onto: Offer) -> Forecast:
    """A restore of so many bytes onto a machine like that."""
    return Forecast(
        bytes=size,
        disk_gb=disk_needed_gb(size),
        takes=START + _carried(size, onto.download_mbps),
        download=_priced(size, onto.rates.download_per_gb),
    )


def saving(size: int, old: Offer) -> timedelta:
    """How long an archive of so many bytes takes from a machine like that."""
    return START + _carried(size, old.upload_mbps)


def moving(size: int, *, old: Offer, old_per_hour: Usd, onto: Offer) -> Forecast:
    """A move of so many bytes: archived on the one, restored on the other, while both run."""
    there = restoring(size, onto)
    takes = there.takes + _carried(size, old.upload_mbps)
    return Forecast(
        bytes=size,
        disk_gb=there.disk_gb,
        takes=takes,
        download=there.download,
        upload=_priced(size, old.rates.upload_per_gb),
        meanwhile=old_per_hour.over(takes, per=timedelta(hours=1)),
    )


def _carried(size: int, mbps: Decimal) -> timedelta:
    """The transfer, and the hashing of it on the machine."""
    line = max(mbps, Decimal(1)) * 125_000 * _SHARE
    return timedelta(seconds=math.ceil(size / line + size / _HASH_BYTES_PER_S))


def _priced(size: int, per_gb: Usd) -> Usd:
    return per_gb.times(Decimal(size) / 10**9)
