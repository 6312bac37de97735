"""What a rental is expected to cost beside its hours, and what it makes of the month: its quote.

Transfer is foreseen, so people read it as “about”: of what is known the larger figure is taken.
Whether Vast charges for the loading of an image is not documented (reference vast-api, question
3), so it is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bot.domain.forecasts import Forecast
from bot.domain.images import Image, size_of
from bot.domain.money import ZERO, Usd
from bot.domain.offers import FIRST_ARCHIVE, Rates
from bot.domain.purses import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What crosses the host's line once, and what the host charges for it."""

    bytes: int
    cost: Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """How a month stands for somebody, whether or not there is a budget."""

    subject: Subject
    spent: Usd
    held: Usd  # what the open rentals may still cost
    limit: Usd | None = None  # with what leads have approved on top; None where there is no budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a rental makes of somebody's month."""

    subject: Subject
    spent: Usd  # until now
    most: Usd  # with all that runs, and with this, until its planned end
    limit: Usd | None = None

    @property
    def beyond(self) -> bool:
        return self.limit is not None and self.most > self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What was foreseen when a price was shown. Kept with the rental."""

    until: datetime  # the planned end, at most the month's; without a plan an hour from then
    hours: Usd  # the machine itself until then, GPU and disk
    archive: Carried  # at its end, at the host's upload rate
    image: Carried | None = None  # None: nobody knows its size
    restore: Carried | None = None  # of an archive onto it, at the host's download rate
    moved: Usd = ZERO  # of a move: what the old machine's host charges for the work it sends
    effects: tuple[Effect, ...] = ()

    @property
    def transfer(self) -> Usd:
        known = [one.cost for one in (self.image, self.restore, self.archive) if one is not None]
        return Usd.sum(known) + self.moved

    @property
    def most(self) -> Usd:
        return self.hours + self.transfer


def prospect(
    *,
    rates: Rates,
    image: Image,
    forecast: Forecast | None,
    archived: int | None,
    hours: Usd,
    until: datetime,
    used: Sequence[Used],
) -> Prospect:
    """`archived` are the bytes of the last archive of whoever asks; None where there is none."""
    loaded = size_of(image)
    brought = forecast.bytes if forecast is not None else None
    saved = max(brought or 0, archived or 0) or FIRST_ARCHIVE
    alone = Prospect(
        until=until,
        hours=hours,
        image=_carried(loaded, rates.download_per_gb) if loaded is not None else None,
        restore=_carried(brought, rates.download_per_gb) if brought is not None else None,
        archive=_carried(saved, rates.upload_per_gb),
        moved=forecast.upload if forecast is not None else ZERO,
    )
    return replace(alone, effects=tuple(_effect(one, alone.most) for one in used))


def _effect(used: Used, more: Usd) -> Effect:
    return Effect(
        subject=used.subject,
        spent=used.spent,
        most=used.spent + used.held + more,
        limit=used.limit,
    )


def _carried(size: int, per_gb: Usd) -> Carried:
    return Carried(bytes=size, cost=per_gb.times(Decimal(size) / 10**9))
