"""Budgets: set by leads, asked about before a rental begins, watched while it runs.

At 50, 80 and 100 percent somebody is told, once a month and budget. At 100 percent nothing new is
begun, unless a lead approves it; where the team has chosen so, what runs is archived and then
destroyed, some time after its owner was warned. Without a proven archive nothing is.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from bot.domain.access import Actor
from bot.domain.budgets import (
    WARNED,
    WARNING,
    AtLimit,
    Budget,
    Grant,
    Month,
    Scope,
    Subject,
    Use,
    marks,
    month_of,
    subjects,
    whose,
)
from bot.domain.letters import Kind, Writing
from bot.domain.money import Usd
from bot.domain.policy_keys import OVER_BUDGET, ZONE
from bot.domain.rentals import Rental, RentalId, State, new_id
from bot.domain.retries import waits
from bot.domain.zones import zone
from bot.errors import BadInput, BotError, NoRequest, NotYours, Refused, Stale
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.money import Claim
from bot.services.policy import Policies
from bot.services.rounds import each
from bot.tasks import Wake

log = logging.getLogger(__name__)

WATCH_S = 60.0


@dataclass(frozen=True, slots=True)
class Rules:
    zone: tzinfo = UTC
    at_limit: AtLimit = AtLimit.ASK


class Budgets:
    def __init__(self, *, store: Store, clock: Clock, wake: Wake, news: Wake) -> None:
        self._store = store
        self._policies = Policies(store=store)
        self._clock = clock
        self._wake = wake
        self._news = news

    async def rules(self) -> Rules:
        """What the team's policy says."""
        values = await self._policies.values()
        return Rules(zone(values.get(ZONE)), AtLimit(values.get(OVER_BUDGET)))

    async def month(self) -> Month:
        return month_of(self._clock.now(), (await self.rules()).zone)

    async def claim(self, role_ids: Sequence[int]) -> Claim:
        """On whose money somebody with these roles begins a rental now."""
        return Claim(role_ids=tuple(role_ids), month=await self.month())

    async def show(self, actor: Actor) -> tuple[Month, list[Use]]:
        """How the budgets stand that concern somebody; for a lead all of them."""
        month = await self.month()
        mine = None if actor.lead else subjects(actor.id, actor.role_ids)
        found = await self._store.uses(actor.guild_id, month, mine)
        order = list(Scope)
        return month, sorted(found, key=lambda u: (order.index(u.subject.scope), u.subject.id))

    async def changes(self, actor: Actor, *, limit: int) -> list[Budget]:
        """Who set which limit, newest first, for those who may set them; nothing for others."""
        if not (actor.lead or actor.manager):
            return []
        return await self._store.budget_changes(actor.guild_id, limit=limit)

    async def set(self, actor: Actor, subject: Subject, amount: Usd | None) -> Use | None:
        """Set a limit, or take it away with None; how it stands then. Raises NotYours.

        Who manages the server may, too: they decide who the leads are.
        """
        if not actor.manager:
            _demand_lead(actor)
        now = self._clock.now()
        budget = Budget(subject=subject, amount=amount, set_by=actor.id, set_at=now)
        await self._store.set_budget(actor.guild_id, budget)
        log.info("%s set the budget of %s to %s", actor.name, subject, amount)
        found = await self._store.uses(actor.guild_id, await self.month(), [subject])
        return found[0] if found else None

    async def request(self, actor: Actor, amount: Usd, quote_id: str | None = None) -> Grant:
        """Ask the leads for more money this month.

        Raises Refused where policy knows no asking, and where a request for that quote waits.
        """
        if amount.micros <= 0:
            raise BadInput("nothing asked for", public="Ask for more than nothing.")
        if (await self.rules()).at_limit is AtLimit.REFUSE:
            raise Refused(
                "policy refuses",
                public="The team's policy allows nothing beyond the budget.",
                hint="A lead can raise it with /budget set.",
            )
        grant = Grant(
            id=new_id(10),
            guild_id=actor.guild_id,
            member_id=actor.id,
            amount=amount,
            month=(await self.month()).name,
            asked_at=self._clock.now(),
            quote_id=quote_id,
        )
        if not await self._store.add_grant(grant):
            raise Refused(
                f"a request for {quote_id} waits",
                public="The leads have been asked about this already.",
                hint="Press Rent again once one of them has approved it.",
            )
        log.info("%s asked for %s more", actor.name, amount)
        return grant

    async def home(self, grant_id: str) -> int:
        """The server of a request, for a press that comes from elsewhere. Raises NotFound."""
        return (await self.grant(grant_id)).guild_id

    async def grant(self, grant_id: str) -> Grant:
        """A request as it stands. Raises NotFound."""
        grant = await self._store.grant(grant_id)
        if grant is None:
            raise NoRequest(f"no request {grant_id[:20]!r}")
        return grant

    async def decide(self, actor: Actor, grant_id: str, *, approved: bool) -> Grant:
        """Approve or deny a request. Raises NotYours, NotFound, and Refused when it is over."""
        _demand_lead(actor)
        grant = await self.grant(grant_id)
        if grant.guild_id != actor.guild_id:
            raise NoRequest("another server's")
        if grant.member_id == actor.id:
            raise NotYours(
                "decided by the asker",
                public="Nobody decides about their own request.",
                hint="Another lead can.",
            )
        now = self._clock.now()
        if grant.decided_at is None:
            await self._demand_waiting(grant, now)
            if approved:
                await self._demand_use(grant)
        decided = await self._store.decide_grant(grant_id, by=actor.id, approved=approved, now=now)
        if decided is None:
            raise Refused(
                "decided",
                public="Another lead has already answered this request.",
                hint="Its message says what came of it.",
            )
        log.info("%s %s request %s", actor.name, "approved" if approved else "denied", grant_id)
        return decided

    async def _demand_waiting(self, grant: Grant, now: datetime) -> None:
        """Raise Refused where an answer comes too late."""
        if not grant.waits(now) or grant.month != (await self.month()).name:
            raise Refused(
                "too late",
                public="This request is over; it was not answered in time.",
                hint=NoRequest.hint,
            )

    async def run(self) -> None:
        """Watch the budgets; for ever. A round that fails is made good by the next."""
        pause = Wake()
        while True:
            try:
                await self.watch()
            except BotError as error:
                log.warning("the budgets could not be looked at: %s", error)
            await pause.wait(WATCH_S)

    async def watch(self) -> None:
        """One round: marks that were passed are told, and what must end is marked for its end."""
        rules = await self.rules()

        async def watch_one(guild_id: int) -> None:
            await self._watch(guild_id, rules)

        await each(await self._store.guilds(), watch_one, of=lambda one: one, at_once=1)

    async def _demand_use(self, grant: Grant) -> None:
        """Raise Refused where what it was asked for has begun without it, and perhaps ended."""
        begun = await self._store.begun_with(grant.quote_id) if grant.quote_id else None
        if begun is None:
            return
        rental = await self._store.rental(begun)
        how = "is running already" if rental is not None and rental.open else "has ended meanwhile"
        raise Refused(
            f"{begun} began without {grant.id}",
            public=f"The machine that this was asked for {how}, so nothing more is needed.",
            hint="Deny it, or have them ask again for the next one.",
        )

    async def _watch(self, guild_id: int, rules: Rules) -> None:
        now = self._clock.now()
        month = month_of(now, rules.zone)
        told = dict(await self._store.marked(guild_id, month))
        for use in await self._store.uses(guild_id, month):
            warned_at = told.get((use.subject, WARNED))
            if rules.at_limit is not AtLimit.END or use.percent < 100:
                if warned_at is not None:  # that warning is over; an end later has one of its own
                    await self._store.unmark(guild_id, use.subject, month, WARNED)
                await self._tell(guild_id, use, month, rules, told)
            elif warned_at is None:
                await self._warn(guild_id, use, month, rules)
            elif now - warned_at >= WARNING:
                await self._end_all(guild_id, use)

    async def _tell(
        self,
        guild_id: int,
        use: Use,
        month: Month,
        rules: Rules,
        told: dict[tuple[Subject, int], datetime],
    ) -> None:
        """Of the marks passed since the last round only the highest is said."""
        passed = marks(use)
        news = bool(passed) and (use.subject, passed[-1]) not in told
        running = await self._store.counted(guild_id, use.subject) if news else []
        if not running:
            return  # nobody spends; it is told with the next rental
        letter = Writing(
            kind=_whom(use.subject), at=self._clock.now(), detail=_words(use, passed[-1], rules)
        )
        if await self._store.mark(
            guild_id, use.subject, month, passed, letters={running[-1]: [letter]}
        ):
            self._news.set()

    async def _warn(self, guild_id: int, use: Use, month: Month, rules: Rules) -> None:
        """Say that machines end: to whom the budget concerns, and to everybody whose they are."""
        running = await self._store.counted(guild_id, use.subject)
        words, now = _words(use, 100, rules), self._clock.now()
        letters = {
            one: [Writing(kind=Kind.BUDGET, at=now, ends=True, detail=words)]
            for one in await self._newest(running)
        }
        if running and use.subject.scope is not Scope.MEMBER:
            leads = Writing(kind=Kind.BUDGET_LEADS, at=now, ends=True, detail=words)
            letters.setdefault(running[-1], []).append(leads)
        passed = [*marks(use), WARNED]
        if letters and await self._store.mark(
            guild_id, use.subject, month, passed, letters=letters
        ):
            self._news.set()

    async def _newest(self, running: Sequence[RentalId]) -> list[RentalId]:
        """The newest machine of each owner, to write to them about; rows are read one by one, so
        that one that cannot be read keeps no other from being warned of."""
        found = await each(running, self._store.rental, of=lambda one: one, at_once=1)
        return list({one.owner_id: one.id for one in found if one is not None}.values())

    async def _end_all(self, guild_id: int, use: Use) -> None:
        async def end(rental_id: RentalId) -> None:
            rental = await self._store.rental(rental_id)
            if rental is not None and self._may_end(rental):
                await self._end(rental, use)

        mine = await self._store.counted(guild_id, use.subject)
        await each(mine, end, of=lambda one: one, at_once=1)

    def _may_end(self, rental: Rental) -> bool:
        """Not one that ends, nor one whose archive is tried again later or waits for a yes."""
        if rental.released_at is not None or rental.state in (State.DESTROYING, State.CLOSED):
            return False
        return not waits(rental, self._clock.now())

    async def _end(self, rental: Rental, use: Use) -> None:
        """The same wish a person would have: archived, proven, then destroyed."""
        note = f"{whose(use.subject)} is used up, so this machine is archived and ended."
        try:
            await self._store.apply(
                replace(rental, released_at=self._clock.now(), next_at=None, note=note),
                event="the budget is used up",
            )
        except Stale:
            return  # the next round looks again
        log.info("rental %s ends: the budget of %s is used up", rental.id, use.subject)
        self._wake.set()
        self._news.set()


def _whom(subject: Subject) -> Kind:
    """One's own budget is told to oneself, every other one to the leads."""
    return Kind.BUDGET if subject.scope is Scope.MEMBER else Kind.BUDGET_LEADS


def _words(use: Use, mark: int, rules: Rules) -> str:
    used = f"{use.spent} of {use.limit + use.granted} used this month"
    role = use.subject.scope is Scope.ROLE
    subject = f"The budget of <@&{use.subject.id}>" if role else whose(use.subject)
    said = f"{subject}: {mark} % reached\n{used}."
    if mark < 100:
        return said
    if rules.at_limit is AtLimit.END:
        minutes = WARNING // timedelta(minutes=1)
        return f"{said} In {minutes} minutes what runs on it is archived and then destroyed."
    more = " without a lead's approval" if rules.at_limit is AtLimit.ASK else ""
    return f"{said} Nothing new can be rented on it{more}."


def _demand_lead(actor: Actor) -> None:
    if not actor.lead:
        raise NotYours(
            f"{actor.id} is no lead", public="Only leads decide about budgets.", hint="Ask a lead."
        )
