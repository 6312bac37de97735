"""What people have spent: the books of a span, with the time that is not booked yet.

Beside it stand what was quoted for the time a machine lived, and what Vast charged for it. Those
two are of whole lives; they are summed, like our own reckoning beside them, over the rentals that
Vast has billed to their end.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.domain import tabs
from bot.domain.access import Action, Actor, demand
from bot.domain.ledger import Cost, Kind
from bot.domain.money import ZERO, Usd
from bot.domain.omens import Sign
from bot.domain.outlook import omen
from bot.domain.periods import Period, Span, span_of
from bot.domain.pictures import Picture, stacked
from bot.domain.rentals import ContractId, Rental, RentalId
from bot.domain.tabs import Tab
from bot.domain.tally import quoted
from bot.errors import LeadsSee
from bot.errors import Store as StoreError
from bot.ports.books import Store
from bot.ports.charts import Charts
from bot.ports.clock import Clock
from bot.ports.money import Life, Spent
from bot.services.budgets import Budgets
from bot.services.credit import Credit, Known

log = logging.getLogger(__name__)

SHOWN = 20
"""So many rentals are named; the rest is counted."""

_DAYS = 62
"""So many days have a bar each; of a longer span, weeks do."""
_KINDS = {
    Kind.GPU: "GPU",
    Kind.STORAGE: "Disk",
    Kind.DOWNLOAD: "Download",
    Kind.UPLOAD: "Upload",
    Kind.ADJUSTMENT: "Corrections",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A rental: what it cost within the span; over its life, what was quoted and charged."""

    rental: Rental
    cost: Cost
    failed: Usd = ZERO  # of it, for machines that were never used
    quoted: Usd = ZERO
    reckoned: Usd = ZERO
    billed: Usd | None = None
    final: bool = True  # Vast has billed it to its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Three columns over the same rentals: those that Vast has billed to their end."""

    count: int
    quoted: Usd
    reckoned: Usd
    billed: Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Spending of a member, or of the team (`member_id` None), the dearest rentals first."""

    member_id: int | None
    at: datetime
    lines: tuple[Line, ...]
    per_hour: Usd = ZERO  # what the open rentals cost together at the moment
    span: Span | None = None
    more: int = 0  # rentals that are not named
    more_cost: Usd = ZERO
    unreadable: int = 0  # rentals whose rows cannot be read; what they cost is in the total
    unreadable_cost: Usd = ZERO
    credit: Known | None = None  # None: nobody looks at it
    compared: Compared | None = None
    table: bytes = b""  # CSV
    picture: Picture | None = None

    @property
    def total(self) -> Usd:
        named = Usd.sum(line.cost.total for line in self.lines)
        return named + self.more_cost + self.unreadable_cost


class Spend:
    def __init__(
        self,
        *,
        store: Store,
        budgets: Budgets,
        charts: Charts,
        clock: Clock,
        credit: Credit | None = None,
    ) -> None:
        self._store = store
        self._budgets = budgets
        self._charts = charts
        self._credit = credit
        self._clock = clock

    async def report(
        self,
        actor: Actor,
        member_id: int | None = None,
        *,
        team: bool = False,
        period: Period = Period.MONTH,
    ) -> Report:
        """What a member has spent, oneself by default, or all together. Raises NotYours."""
        owner = None if team else member_id or actor.id
        if owner is not None:
            demand(actor, Action.SEE, owner_id=owner, guild_id=actor.guild_id)
        elif not actor.lead:
            raise LeadsSee("the team's")
        span = span_of(period, self._clock.now(), (await self._budgets.rules()).zone)
        where = actor.guild_id, owner, span.start, span.end
        kept = await self._store.open_tabs_of(actor.guild_id, owner)
        sums = await self._store.spent(*where)
        lives = await self._store.lives(*where)
        hours = await self._store.by_hour(*where, by_member=team)
        return await self._report(owner, span, kept, sums, lives, hours)

    async def draw(self, picture: Picture) -> bytes:
        """A picture as a PNG. Raises TimeoutError when that takes too long."""
        return await self._charts.draw(picture)

    async def _report(
        self,
        owner: int | None,
        span: Span,
        kept: Sequence[Tab],
        sums: Sequence[Spent],
        lives: Mapping[RentalId, Life],
        hours: Sequence[tuple[datetime, str, Usd]],
    ) -> Report:
        now = self._clock.now()
        running = {tab.rental_id: ZERO for tab in kept}
        costs: dict[RentalId, Cost] = {}
        failed: dict[RentalId, Usd] = {}
        for one in sums:
            costs[one.rental_id] = costs.get(one.rental_id, Cost()) + Cost.of(
                {one.kind: one.amount}
            )
            if _was_a_try(lives[one.rental_id], one.contract):
                failed[one.rental_id] = failed.get(one.rental_id, ZERO) + one.amount
        owing: dict[RentalId, Cost] = {}
        for tab in kept:
            owed = tabs.outstanding(tab, now)
            owing[tab.rental_id] = owing.get(tab.rental_id, Cost()) + owed
            running[tab.rental_id] += tabs.per_hour(tab)
        if span.start <= now < span.end:
            for rental_id, cost in owing.items():
                costs[rental_id] = costs.get(rental_id, Cost()) + cost
            # A rental that no look has shown a machine of yet costs nothing, and is named.
            costs = {one: Cost() for one, life in lives.items() if life.gone_at is None} | costs
        order = sorted(costs, key=lambda one: (-costs[one].total.micros, one))
        named = {one: await self._named(one) for one in order[:SHOWN]}
        unread = [one for one, rental in named.items() if rental is None]
        rest = order[SHOWN:]
        return Report(
            member_id=owner,
            at=now,
            span=span,
            per_hour=Usd.sum(running.values()),
            lines=tuple(
                Line(
                    rental=rental,
                    cost=costs[rental.id],
                    failed=failed.get(rental.id, ZERO),
                    quoted=_quoted(lives[rental.id], now),
                    reckoned=lives[rental.id].booked + owing.get(rental.id, Cost()).total,
                    billed=lives[rental.id].billed,
                    final=lives[rental.id].final,
                )
                for rental in named.values()
                if rental is not None
            ),
            unreadable=len(unread),
            unreadable_cost=Usd.sum(costs[one].total for one in unread),
            credit=self._credit.known if self._credit is not None else None,
            more=len(rest),
            more_cost=Usd.sum(costs[one].total for one in rest),
            compared=_compared(lives, owing, now),
            table=_table(sums, lives),
            picture=_picture(owner, span, hours, lives, now),
        )

    async def _named(self, rental_id: RentalId) -> Rental | None:
        """None where the row cannot be read: that keeps nobody from the rest."""
        try:
            return await self._store.rental(rental_id)
        except StoreError as error:
            log.error("left out of a report: %s", error)
            return None


def running(rental: Rental) -> Usd:
    """The present price of an hour: nothing without a machine, only the disk while it loads, and
    while Vast shows it stopped."""
    if not rental.open or rental.created_at is None:
        return ZERO
    if rental.running_at is None or omen(rental, Sign.STOPPED) is not None:
        return rental.per_hour - rental.price.gpu_per_hour
    return rental.per_hour


def _was_a_try(life: Life, contract: ContractId) -> bool:
    return not life.used or contract not in (0, life.contract)


def _quoted(life: Life, now: datetime) -> Usd:
    until = life.gone_at or now
    return quoted(life.agreed_per_hour, life.created_at, until, transfer=life.transfer)


def _compared(
    lives: Mapping[RentalId, Life], owing: Mapping[RentalId, Cost], now: datetime
) -> Compared | None:
    billed = {one: life for one, life in lives.items() if life.final}
    if not billed:
        return None
    return Compared(
        count=len(billed),
        quoted=Usd.sum(_quoted(life, now) for life in billed.values()),
        reckoned=Usd.sum(
            life.booked + owing.get(one, Cost()).total for one, life in billed.items()
        ),
        billed=Usd.sum(life.billed for life in billed.values() if life.billed is not None),
    )


def _table(sums: Sequence[Spent], lives: Mapping[RentalId, Life]) -> bytes:
    """One line a machine and kind, in dollars with every digit. Safe to open in a spreadsheet."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(("rental", "name", "member", "machine", "failed_try", "kind", "dollars"))
    for one in sorted(sums, key=lambda each: (each.rental_id, each.contract, each.kind)):
        life = lives[one.rental_id]
        rows.writerow(
            (
                one.rental_id,
                _cell(life.name),
                _cell(life.owner_name),
                one.contract or "",
                "yes" if _was_a_try(life, one.contract) else "no",
                one.kind.value,
                f"{one.amount.dollars:.6f}",
            )
        )
    return out.getvalue().encode()


def _cell(text: str) -> str:
    """A name that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _picture(
    owner: int | None,
    span: Span,
    hours: Sequence[tuple[datetime, str, Usd]],
    lives: Mapping[RentalId, Life],
    now: datetime,
) -> Picture | None:
    last = min(span.days[-1], span.day(now))
    days = [day for day in span.days if day <= last]
    step = 1 if len(days) <= _DAYS else 7
    shown = days[(len(days) - 1) % step :: step]  # the last one is always there
    sums: dict[str, dict[date, Usd]] = {}
    for at, part, amount in hours:
        places = sums.setdefault(part, {})
        place = last - (last - span.day(at)) // timedelta(days=step) * timedelta(days=step)
        places[place] = places.get(place, ZERO) + amount
    if not sums:
        return None
    names = {str(life.owner_id): life.owner_name for life in lives.values()}
    labels = names if owner is None else {kind.value: word for kind, word in _KINDS.items()}
    return Picture(
        title=f"Dollars a {'day' if step == 1 else 'week'}, {span.name}",
        days=tuple(shown),
        series=stacked(sums, labels, shown),
    )
