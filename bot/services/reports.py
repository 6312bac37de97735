"""The team's digest and weekly report: written when they are due, each of them once.

Words and picture are made from the books at that moment and stored with the note that this report
is settled; sending them is the bulletins' affair.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from bot.domain import report_words, tabs
from bot.domain.access import Actor
from bot.domain.bulletins import Bulletin
from bot.domain.money import ZERO, Usd
from bot.domain.periods import Span
from bot.domain.pictures import Picture, stacked
from bot.domain.policy_keys import QUIET, ZONE
from bot.domain.policy_reports import DIGEST, WEEKLY
from bot.domain.policy_values import Values
from bot.domain.quiet_hours import quiet_hours
from bot.domain.rentals import Rental, RentalId
from bot.domain.reports import Due, Facts, Share, Standing, daily, earlier, so_far, weekly
from bot.domain.savings import Saved, saved
from bot.domain.tabs import Tab
from bot.domain.zones import zone
from bot.errors import BotError, LeadsSee
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.services.policy import Policies
from bot.services.rounds import each
from bot.tasks import Wake

log = logging.getLogger(__name__)

LOOK_S = 60.0


class Reports:
    """`telling` is the hint that a bulletin is to be sent."""

    def __init__(self, *, store: Store, policies: Policies, clock: Clock, telling: Wake) -> None:
        self._store = store
        self._policies = policies
        self._clock = clock
        self._telling = telling

    async def run(self) -> None:
        """Write what is due; for ever. A round that fails is made good by the next."""
        pause = Wake()
        while True:
            try:
                await self.look()
            except BotError as error:
                log.warning("the reports could not be looked at: %s", error)
            await pause.wait(LOOK_S)

    async def look(self) -> int:
        """One round; how many reports were settled."""
        values = await self._policies.values()
        due = list(_due(values, self._clock.now()))
        if not due:
            return 0

        async def settle_all(guild_id: int) -> int:
            return sum([await self._settle(guild_id, one, values) for one in due])

        guilds = await self._store.renting_guilds()
        return sum(await each(guilds, settle_all, of=lambda one: one, at_once=1))

    async def week_so_far(self, actor: Actor) -> Bulletin:
        """The weekly report over the seven days up to now. Raises NotYours for all but leads."""
        if not actor.lead:
            raise LeadsSee("the team's")
        values = await self._policies.values()
        span = so_far(self._clock.now(), zone(values.get(ZONE)))
        return report_words.week(await self._facts(actor.guild_id, span, values))

    async def _settle(self, guild_id: int, due: Due, values: Values) -> bool:
        if await self._store.settled(guild_id, due):
            return False
        facts = await self._facts(guild_id, due.span, values)
        told = report_words.bulletin(due, guild_id, facts)
        if not await self._store.settle(guild_id, due, told):
            return False
        log.info("the %s report of %s was %s", due.kind, due.day, "written" if told else "empty")
        self._telling.set()
        return True

    async def _facts(self, guild_id: int, span: Span, values: Values) -> Facts:
        now = self._clock.now()
        where = guild_id, None, span.start, span.end
        lives = await self._store.lives(*where)
        costs: dict[RentalId, Usd] = {}
        for one in await self._store.spent(*where):
            costs[one.rental_id] = costs.get(one.rental_id, ZERO) + one.amount
        days = _by_day(await self._store.by_hour(*where, by_member=True), span)
        kept = await self._store.open_tabs_of(guild_id, None)
        if span.start <= now < span.end:  # what is not booked yet belongs to it
            for tab in kept:
                owed = tabs.outstanding(tab, now).total
                costs[tab.rental_id] = costs.get(tab.rental_id, ZERO) + owed
                if tab.rental_id in lives:
                    _add(days, str(lives[tab.rental_id].owner_id), span.day(now), owed)
        owners = {one: str(lives[one].owner_id) for one in costs if one in lives}
        names = {str(life.owner_id): life.owner_name for life in lives.values()}
        return Facts(
            span=span,
            people=_shares(costs, owners, names),
            kinds=_shares(costs, await self._store.kinds(costs), {}),
            standing=await self._standing(guild_id, kept),
            saved=await self._saved(guild_id, span, values),
            before=await self._total(guild_id, earlier(span)),
            picture=await self._picture(guild_id, span, days, names),
        )

    async def _standing(self, guild_id: int, kept: Sequence[Tab]) -> list[Standing]:
        """The machines that are there, the dearest first."""
        newest = {tab.rental_id: tab for tab in kept}
        rows = await self._store.rentals_of(guild_id, None, only_open=True, limit=1000)
        found = [_machine(row, newest[row.id]) for row in rows if row.id in newest]
        return sorted(found, key=lambda one: (-one.per_hour.micros, one.since))

    async def _saved(self, guild_id: int, span: Span, values: Values) -> Saved:
        ended = await self._store.ended_idle(guild_id, span.start, span.end)
        found = Saved()
        for rental in ended:
            found += saved(rental, zone(values.get(ZONE, member_id=rental.owner_id)))
        return found

    async def _total(self, guild_id: int, span: Span) -> Usd:
        spent = await self._store.spent(guild_id, None, span.start, span.end)
        return Usd.sum(one.amount for one in spent)

    async def _picture(
        self,
        guild_id: int,
        span: Span,
        sums: Mapping[str, Mapping[date, Usd]],
        names: Mapping[str, str],
    ) -> Picture | None:
        if not sums or len(span.days) < 2:
            return None
        before = earlier(span)
        hours = await self._store.by_hour(guild_id, None, before.start, before.end, by_member=True)
        past = _by_day(hours, before)
        return Picture(
            title=span.name,
            days=tuple(span.days),
            series=stacked(sums, names, span.days),
            before=tuple(
                Usd.sum(part.get(day, ZERO) for part in past.values()) for day in before.days
            )
            if past
            else (),
        )


def _due(values: Values, now: datetime) -> Iterable[Due]:
    where = zone(values.get(ZONE))
    text = values.get(QUIET)
    quiet = quiet_hours(text, where) if text is not None else None
    for key, when in ((DIGEST, daily), (WEEKLY, weekly)):
        at = values.get(key)
        found = when(at, now, where, quiet) if at is not None else None
        if found is not None:
            yield found


def _by_day(hours: Iterable[tuple[datetime, str, Usd]], span: Span) -> dict[str, dict[date, Usd]]:
    found: dict[str, dict[date, Usd]] = {}
    for at, part, amount in hours:
        _add(found, part, span.day(at), amount)
    return found


def _add(sums: dict[str, dict[date, Usd]], part: str, day: date, amount: Usd) -> None:
    days = sums.setdefault(part, {})
    days[day] = days.get(day, ZERO) + amount


def _shares(
    costs: Mapping[RentalId, Usd], parts: Mapping[RentalId, str], names: Mapping[str, str]
) -> list[Share]:
    """The costs by part, the dearest first, as `stacked` has them."""
    sums: dict[str, Usd] = {}
    counts: dict[str, int] = {}
    for rental_id, part in parts.items():
        if costs[rental_id].micros:
            sums[part] = sums.get(part, ZERO) + costs[rental_id]
            counts[part] = counts.get(part, 0) + 1
    order = sorted(sums, key=lambda part: (-sums[part].micros, part))
    return [
        Share(name=names.get(part, part), amount=sums[part], machines=counts[part])
        for part in order
    ]


def _machine(rental: Rental, tab: Tab) -> Standing:
    running = tab.burn.gpu or rental.running_at is None
    return Standing(
        title=rental.title if rental.name else rental.offer.title,
        owner=rental.owner_name,
        per_hour=tabs.per_hour(tab),
        since=rental.created_at or rental.requested_at,
        stopped=not running and tab.burn.storage,
    )
