"""What an archive would cost and how long it would take, and how much may begin unasked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from bot.domain.money import ZERO, Usd
from bot.domain.offers import Offer
from bot.domain.trees import Entry, Kind, once, shown

_SPEED_SHARE = Decimal("0.8")  # of the line the host measured; SSH, tar and other tenants share it
_NAMED = 3
_HASH_BYTES_PER_S = Decimal(400_000_000)  # sha256sum and a disk, unhurried


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What archiving will take, before compression, which is not foreseen."""

    entries: int
    bytes: int  # of files
    to_send: int  # bytes of those that are not in an archive yet
    cost: Usd
    takes: timedelta
    largest: tuple[tuple[str, int], ...] = ()  # the largest names at the top, of what is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How large an archive may be without asking."""

    bytes: int = 20_000_000_000
    cost: Usd = field(default_factory=lambda: Usd.of(2))
    takes: timedelta = timedelta(hours=2)

    def allow(self, estimate: Estimate) -> bool:
        return (
            estimate.to_send <= self.bytes
            and estimate.cost <= self.cost
            and estimate.takes <= self.takes
        )

    def or_more(self, other: Caps) -> Caps:
        """Whatever either of the two allows."""
        return Caps(
            bytes=max(self.bytes, other.bytes),
            cost=max(self.cost, other.cost),
            takes=max(self.takes, other.takes),
        )


BY_OWNER = Caps()
BY_LEAD = Caps(bytes=200_000_000_000, cost=Usd.of(20), takes=timedelta(hours=24))
WITHOUT = Caps(bytes=2**62, cost=Usd(2**62), takes=timedelta.max)


def estimate(
    entries: Iterable[Entry], to_send: Iterable[Entry], *, offer: Offer, per_hour: Usd
) -> Estimate:
    """Size, time and money: the host's upload price, and the machine's while it takes.

    Bytes that leave a machine are its upload (reference idle-and-archive, 2.7).
    """
    files = total = read = sending = 0
    for entry in once(entries):
        if entry.kind is Kind.FILE:
            files += 1
            total += entry.weight
            read += entry.size  # holes are hashed like what they stand for
    tops: defaultdict[bytes, int] = defaultdict(int)
    for entry in once(to_send):
        sending += entry.weight
        tops[entry.path.partition(b"/")[0]] += entry.weight
    line = max(offer.upload_mbps, Decimal(1)) * 125_000 * _SPEED_SHARE
    seconds = Decimal(sending) / line + 2 * Decimal(read) / _HASH_BYTES_PER_S + 10
    takes = timedelta(seconds=int(seconds) + 1)
    by_bytes = offer.rates.upload_per_gb.times(Decimal(sending) / 10**9)
    return Estimate(
        entries=files,
        bytes=total,
        to_send=sending,
        cost=by_bytes + (per_hour.over(takes, per=timedelta(hours=1)) if per_hour else ZERO),
        takes=takes,
        largest=_largest(tops),
    )


def _largest(weights: Mapping[bytes, int]) -> tuple[tuple[str, int], ...]:
    """The names at the top of a workspace that hold most of what is sent, the largest first."""
    ranked = sorted(weights.items(), key=lambda one: (-one[1], one[0]))[:_NAMED]
    return tuple((shown(name), weight) for name, weight in ranked if weight)
