"""What people wish of a rental that is there: kept, saved, ended.

Nothing here archives or destroys a machine. A wish is written on a row and the reconciler is woken.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.access import Action, Actor, demand
from bot.domain.letters import Kind, Writing
from bot.domain.paces import Pace
from bot.domain.quiet_hours import tomorrow
from bot.domain.rentals import Reason, Rental, RentalId, State
from bot.domain.retries import Allowed, again, called_off, waiting
from bot.domain.standing import Standing
from bot.domain.tally import Tally
from bot.errors import BadInput, NotFound, NotReady, Stale
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.money import Claim
from bot.services.idle import remember_keep
from bot.services.paces import Paces
from bot.services.policy import Policies
from bot.services.standing import look_up
from bot.services.tallies import tally_of
from bot.tasks import Wake

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
MAX_KEEP = timedelta(days=7)

_COMING = (State.REQUESTED, State.CREATING, State.BOOTING)
_THERE = (State.READY, State.ARCHIVING)


@dataclass(frozen=True, slots=True)
class Kept:
    """Until when a rental is kept; None where it cannot be kept any more."""

    rental: Rental
    until: datetime | None


class Wishes:
    """`wake` is the reconciler's, `news` that of whoever delivers cards and letters."""

    def __init__(self, *, store: Store, clock: Clock, wake: Wake, news: Wake) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake
        self._news = news
        self._paces = Paces(store=store, clock=clock)

    async def get(self, actor: Actor, rental_id: str, action: Action = Action.SEE) -> Rental:
        """A rental this person may act on so. Raises NotFound, NotYours."""
        rental = await self._store.rental(RentalId(rental_id))
        if rental is None or rental.guild_id != actor.guild_id:
            raise NotFound(f"no rental {rental_id[:20]!r}")
        demand(actor, action, owner_id=rental.owner_id, guild_id=rental.guild_id)
        return rental

    async def home(self, rental_id: str) -> int:
        """The server a rental belongs to, for a press that comes from elsewhere. NotFound."""
        rental = await self._store.rental(RentalId(rental_id))
        if rental is None:
            raise NotFound(f"no rental {rental_id[:20]!r}")
        return rental.guild_id

    async def standing(self, rental: Rental) -> Standing | None:
        """How it stands with the idle watch; None before the first look."""
        return await look_up(self._store, rental, self._clock.now())

    async def pace(self, rental: Rental) -> Pace | None:
        """How its start goes, and how long such a one usually takes; None once it is up."""
        return await self._paces.of(rental)

    async def tally(self, rental: Rental) -> Tally:
        """What it has cost, as the books say."""
        return await tally_of(self._store, rental, self._clock.now())

    async def tomorrow(self, rental: Rental) -> datetime:
        """When tomorrow begins for whoever keeps this rental."""
        rules = await Policies(store=self._store).rules(rental)
        return tomorrow(self._clock.now(), rules.zone)

    async def keep(self, actor: Actor, rental_id: str, until: datetime) -> Kept:
        """Let a machine stay until then, whatever the idle watch sees; takes back its wish to end.

        The row of a ready machine is written in any case: a verdict from before this moment finds
        it changed and ends nothing. Where it is too late, or a person has asked for the end,
        nothing changes and the rental says why. Raises NotFound, NotYours, NotReady, BadInput.
        """
        now = self._clock.now()
        if not now < until <= now + MAX_KEEP:
            raise BadInput(public=f"Keep it for 1 to {MAX_KEEP // HOUR} hours.")

        def kept(rental: Rental) -> Rental | None:
            if waiting(rental):
                return called_off(rental)
            if rental.state not in _THERE or _wanted_gone(rental):
                return None
            return replace(rental, released_at=None, reason=None)

        before = await self.get(actor, rental_id, Action.KEEP)
        if before.state in _COMING:
            raise NotReady(f"rental {rental_id} is not ready", hint="It is not idle before it is.")
        if kept(before) is None:
            return Kept(before, None)
        await remember_keep(self._store, before, until, now)
        rental, changed = await self._write(
            actor, rental_id, Action.KEEP, kept, f"kept until {until:%F %R} by {actor.id}"
        )
        return Kept(rental, until if changed else None)

    async def save(self, actor: Actor, rental_id: str) -> Rental:
        """Have a machine archived while it keeps running; who asks is there, so it is not idle.

        Safe to repeat. A rental that is ending comes back unchanged. Raises NotFound, NotYours,
        NotReady.
        """
        now = self._clock.now()

        def wished(rental: Rental) -> Rental | None:
            if rental.state not in _THERE or _wanted_gone(rental):
                return None
            asked_at = rental.save_asked_at or now
            return replace(again(rental), save_asked_at=asked_at, released_at=None, reason=None)

        before = await self.get(actor, rental_id, Action.SAVE)
        if before.state in _COMING:
            raise NotReady(f"rental {rental_id} is not ready", hint="There is no work on it yet.")
        if wished(before) is not None:
            await remember_keep(self._store, before, now, now)
        event = f"save asked by {actor.id}"
        rental, _ = await self._write(actor, rental_id, Action.SAVE, wished, event)
        return rental

    async def end(self, actor: Actor, rental_id: str, *, discard: bool = False) -> Rental:
        """Give a machine up for good, once its work is archived and proven.

        With `discard` it goes without; the door has asked twice and named what is lost. That also
        hurries an end which waits for an archive. Safe to repeat. Raises NotFound, NotYours.
        """
        now = self._clock.now()

        def wished(rental: Rental) -> Rental | None:
            if rental.replacing:  # its machine ends anyway; no other is to come
                return replace(rental, replacing=False, ended_by=actor.id)
            if rental.state in (State.DESTROYING, State.CLOSED):
                return None
            stands = _wanted_gone(rental) and not waiting(rental)
            if stands and (rental.waived_by is not None or not discard):
                return None
            return replace(
                again(rental),
                # An end that nobody asked for began earlier: what was done since is to be archived.
                released_at=rental.released_at if _wanted_gone(rental) else now,
                reason=Reason.RELEASED if rental.ready_at is not None else rental.reason,
                ended_by=rental.ended_by or actor.id,
                waived_by=actor.id if discard else rental.waived_by,
            )

        how = ", its work given up" if discard else ""
        event = f"release asked by {actor.id}{how}"
        rental, changed = await self._write(actor, rental_id, Action.DESTROY, wished, event)
        if changed:
            log.info("%s gave up rental %s%s", actor.name, rental.id, how)
        return rental

    async def allow_archive(self, actor: Actor, rental_id: str, *, ends: bool) -> Rental:
        """Agree to an archive above the caps, a lead to any size; then it stays, or ends.

        An end that was asked for before stays asked for. Safe to repeat. Raises NotFound, NotYours.
        """
        now = self._clock.now()

        def agreed(rental: Rental) -> Rental | None:
            if rental.state is not State.READY or not rental.held:
                return None
            ended = ends and not _wanted_gone(rental)
            return replace(
                again(rental),
                save_allowed=Allowed.LEAD if actor.lead else Allowed.OWNER,
                save_asked_at=rental.save_asked_at or now,
                released_at=now if ended else rental.released_at,
                reason=Reason.RELEASED if ended else rental.reason,
                ended_by=actor.id if ended else rental.ended_by,
            )

        action = Action.DESTROY if ends else Action.SAVE
        event = f"so large an archive agreed to by {actor.id}"
        rental, _ = await self._write(actor, rental_id, action, agreed, event)
        return rental

    async def call_off(self, actor: Actor, rental_id: str) -> Rental:
        """Take back the wish to save or to end a machine, as long as it is there.

        Safe to repeat. Raises NotFound, NotYours.
        """

        def kept(rental: Rental) -> Rental | None:
            if rental.state not in _THERE or rental.waived_by is not None:
                return None
            return called_off(rental)

        event = f"called off by {actor.id}"
        rental, _ = await self._write(actor, rental_id, Action.KEEP, kept, event)
        return rental

    async def _write(
        self,
        actor: Actor,
        rental_id: str,
        action: Action,
        change: Callable[[Rental], Rental | None],
        event: str,
        claim: Claim | None = None,
    ) -> tuple[Rental, bool]:
        """Write a wish on the row, looking again where others are faster.

        With a claim only where the rental, as it would be, fits the budgets: raises OverBudget.
        Returns the row and whether it was written; it is not where `change` gives None.
        """
        for _ in range(5):
            rental = await self.get(actor, rental_id, action)
            wish = change(rental)
            if wish is None:
                return rental, False
            letters = []
            if action is Action.SAVE and wish.save_asked_at is not None:
                letters = [Writing(kind=Kind.SAVED, at=wish.save_asked_at)]  # told when proven
            try:
                written = await self._store_wish(rental, wish, event, letters, claim)
            except Stale:
                continue  # the reconciler was faster; look again
            self._wake.set()
            self._news.set()
            return written, True
        raise Stale(f"rental {rental_id} kept changing")

    async def _store_wish(
        self,
        rental: Rental,
        wish: Rental,
        event: str,
        letters: list[Writing],
        claim: Claim | None,
    ) -> Rental:
        """Write a wish; not on the row of a running archive that it leaves as it is.

        Whoever archives would find the row changed, and have archived in vain. A machine that is
        not ready is let go of by nobody's verdict, so nothing needs to be fended off either.
        """
        if wish == rental and rental.state is State.ARCHIVING:
            for letter in letters:
                await self._store.write_letter(rental.id, letter)
            return rental
        return await self._store.apply(wish, event=event, letters=letters, claim=claim)


def _wanted_gone(rental: Rental) -> bool:
    """Whether a person has asked for its end."""
    return rental.released_at is not None and rental.ended_by is not None
