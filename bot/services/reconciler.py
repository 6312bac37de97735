"""The reconciler: looks at Vast once, and moves every open rental on by as many steps as it can.

A pass is the same at the start of the process as at any other time; there is no separate recovery.
One rental is in one pair of hands at a time, and a slow one holds nobody else up: each is moved on
in a task of its own, and the next pass leaves alone those that are still busy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain import happenings, omen_words, sweep
from bot.domain.lifecycle import Limits, Sight, next_step, prepare
from bot.domain.policy_values import Values
from bot.domain.rentals import Instance, Reason, Rental, RentalId, State
from bot.domain.replacement import grudge
from bot.domain.steps import (
    Close,
    Create,
    Destroy,
    Done,
    Look,
    Outcome,
    Recheck,
    Remove,
    Restore,
    Save,
    Step,
    Trouble,
    Wait,
)
from bot.domain.transitions import after
from bot.errors import Provider, Stale
from bot.errors import Store as StoreDown
from bot.log import bound
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.market import Market
from bot.ports.vitals import Observer
from bot.services import signs
from bot.services.account import AccountWatch
from bot.services.bookkeeper import Bookkeeper
from bot.services.policy import Policies
from bot.services.steps import Steps
from bot.tasks import Tasks, Wake

log = logging.getLogger(__name__)

SOON = timedelta(seconds=3)
"""How long to the next look while somebody waits for a machine to come or to go."""

MISSED_TICKS = 3
"""The clock's tick wakes us; should it stop, a pass comes all the same, this much later."""

_STEPS_A_PASS = 12
_AT_A_STRETCH = 20  # rentals looked at before whatever else is due has its turn
_LONGEST_PAUSE = timedelta(minutes=5)


class Reconciler:
    def __init__(
        self,
        *,
        store: Store,
        market: Market,
        steps: Steps,
        bookkeeper: Bookkeeper,
        tasks: Tasks,
        wake: Wake,
        news: Wake,
        clock: Clock,
        policies: Policies,
        installation: str,
        poll: timedelta,
        account: AccountWatch | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._store = store
        self._market = market
        self._steps = steps
        self._bookkeeper = bookkeeper
        self._tasks = tasks
        self._wake = wake
        self._news = news
        self._clock = clock
        self._policies = policies
        self._installation = installation
        self._poll = poll
        self._account = account or AccountWatch()
        self._observer = observer
        self._busy: set[RentalId] = set()
        self._met: set[RentalId] = set()
        self._long: dict[RentalId, asyncio.Task[Any]] = {}  # steps that may take hours
        self._faults = Faults()
        self._reported: dict[RentalId, float] = {}

    async def run(self) -> None:
        """Pass after pass, at each hint and at each tick; for ever."""
        while True:
            waited_for = await self.pass_once()
            pause = min(SOON, self._poll) if waited_for else self._poll * MISSED_TICKS
            await self._wake.wait(pause.total_seconds())

    async def pass_once(self) -> bool:
        """One look, and a push for every rental that nobody is busy with.

        Returns whether some rental is on its way, so that the next look should come soon.
        """
        busy = frozenset(self._busy)  # what they write from now on is not in what is read next
        rentals = await self._store.readable_rentals()
        if not rentals and not await self._bookkeeper.busy():
            return False
        self._break_off(rentals)
        values = await self._policies.values()
        asked_at = self._clock.now()
        self._return_to(rentals, values)
        listing = await self._listing()
        theirs = sweep.holdings(
            rentals, listing or (), self._installation, self._policies.limits(values)
        )
        await self._bookkeeper.look(rentals, theirs, listing, asked_at)
        known, may = {rental.id: rental for rental in rentals}, self._faults.may
        movers = {one.moves_from: one for one in reversed(rentals) if one.moves_from is not None}
        for number, rental in enumerate(rentals):
            if number % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)  # others may have their turn
            if rental.id not in busy and rental.id not in self._busy and may(rental.id, asked_at):
                source = await self._source(rental, known)
                sight = replace(
                    self._sight(rental, theirs.get(rental.id, ()), listing is not None, asked_at),
                    source=source,
                    mover=movers.get(rental.id),
                )
                self._note_load(rental, sight)
                self._push(rental, sight, values)
        return any(
            rental.state is not State.READY and rental.proposal is None for rental in rentals
        )

    def _break_off(self, rentals: Sequence[Rental]) -> None:
        """End what may take hours for a machine whose work was given up meanwhile, or that nobody
        waits for any more: as safe as a death of ours, and it costs until then."""
        for rental in rentals:
            given_up = rental.waived_by is not None or rental.ready_at is None
            if rental.id in self._long and rental.released_at is not None and given_up:
                log.info(
                    "rental %s is given up: what was under way for it is broken off", rental.id
                )
                self._long.pop(rental.id).cancel()
                self._wake.set()

    def _return_to(self, rentals: Sequence[Rental], values: Values) -> None:
        """After a start, go to the machines that were ready before the account is read: that takes
        seconds, minutes where Vast hangs, and where they are is on their rows. Once each; what has
        become of them the list says."""
        for rental in rentals:
            if rental.id not in self._met and rental.state is State.READY:
                blind = self._sight(rental, (), listed=False, at=self._clock.now())
                if not blind.connected:
                    self._push(rental, blind, values)
        self._met = {rental.id for rental in rentals}

    def _push(self, rental: Rental, sight: Sight, values: Values) -> None:
        """Have it moved on in a task of its own."""
        self._busy.add(rental.id)
        limits = self._policies.limits(values, preset=rental.image.name)
        self._tasks.once(f"rental {rental.id}", self._move(rental, sight, limits))

    def reported(self) -> dict[RentalId, float]:
        """The GPU load that Vast's newest listing told, in percent; a second source, and late."""
        return dict(self._reported)

    async def _listing(self) -> Sequence[Instance] | None:
        """Every machine on the account, or None: a failed list is not an empty one."""
        try:
            listing = await self._market.machines()
        except Provider as error:
            log.warning("the account could not be listed: %s", error)
            self._account.failed(error, self._clock.now())
            return None
        self._account.seen()
        return listing

    def _sight(self, rental: Rental, mine: Sequence[Instance], listed: bool, at: datetime) -> Sight:
        return Sight(
            at=at,
            listed=listed,
            machines=tuple(mine),
            connected=self._steps.connected(rental),
            served=self._steps.served(rental),
        )

    async def _source(self, rental: Rental, known: Mapping[RentalId, Rental]) -> Rental | None:
        """Of a move: the rental whose work this one takes over."""
        if rental.moves_from is None:
            return None
        source = known.get(rental.moves_from)
        if source is None and rental.ready_at is None:
            try:
                source = await self._store.rental(rental.moves_from)  # it has ended on the way
            except StoreDown as error:
                log.error("the rental that %s moves from: %s", rental.id, error)
        return source

    def _note_load(self, rental: Rental, sight: Sight) -> None:
        loads = [one.gpu_util for one in sight.machines if one.gpu_util is not None]
        self._reported.pop(rental.id, None)
        if loads:
            self._reported[rental.id] = float(loads[0])

    async def _move(self, rental: Rental, sight: Sight, limits: Limits) -> None:
        with bound(rental=rental.id):
            try:
                if await self._advance(rental, sight, limits):
                    self._wake.set()
                self._faults.clear(rental.id)
            except Stale:
                log.info("changed meanwhile; looked at again")
                self._wake.set()
            except StoreDown as error:
                log.warning("the database did not take a step: %s", error)
            except Exception:
                log.exception("a step of ours failed; left alone for a while")
                self._faults.note(rental.id, self._clock.now())
            finally:
                self._busy.discard(rental.id)

    async def _advance(self, rental: Rental, sight: Sight, limits: Limits) -> bool:
        """Take steps until one needs a new look; returns whether that should be soon."""
        moved = False
        for _ in range(_STEPS_A_PASS):
            step = next_step(rental, sight, limits, self._clock.now())
            if isinstance(step, Wait):
                return moved and (sight.source is not None or sight.mover is not None)
            moved = True
            before = rental.state
            rental, outcome = await self._take(rental, step)
            if rental.state is State.DESTROYING and before is not State.DESTROYING:
                await self._steps.forget(rental)
            if isinstance(outcome, Trouble):
                return rental.next_at is None or rental.next_at <= self._clock.now()
            if isinstance(step, Create | Destroy | Remove | Look):
                return not isinstance(step, Look) or rental.next_at is None
            if isinstance(step, Close):
                return rental.open  # another machine is to be tried
            sight = self._renewed(rental, sight)
        return True

    async def _take(self, rental: Rental, step: Step) -> tuple[Rental, Outcome]:
        """Store the intent, act, store what came of it."""
        with bound(step=_name(step)):
            return await self._carry_out(rental, step)

    async def _carry_out(self, rental: Rental, step: Step) -> tuple[Rental, Outcome]:
        intent = prepare(rental, step, self._clock.now())
        if intent != rental:
            rental = await self._store.apply(intent, event=f"{_name(step)} begun", notify=False)
        outcome = await self._act(rental, step)
        now = self._clock.now()
        if isinstance(step, Destroy | Remove) and isinstance(outcome, Done):
            await self._bookkeeper.destroyed(step.contract, now)
        moved = after(rental, step, outcome, now)
        if moved == rental:
            return rental, outcome
        signs.note(rental, moved)
        if moved.state is not rental.state:
            log.info("%s -> %s (%s)", rental.state, moved.state, moved.reason or _name(step))
        return await self._write(rental, moved, step, outcome), outcome

    async def _act(self, rental: Rental, step: Step) -> Outcome:
        """Carry the step out; one that may take hours can be broken off."""
        task = asyncio.current_task()
        if task is not None and isinstance(step, Save | Restore | Recheck):
            self._long[rental.id] = task
        try:
            return await self._steps.take(rental, step)
        finally:
            self._long.pop(rental.id, None)

    async def _write(self, before: Rental, moved: Rental, step: Step, outcome: Outcome) -> Rental:
        now = self._clock.now()
        if moved.reason is Reason.VANISHED and before.reason is None and moved.ready_at:
            await self._store.tell(omen_words.vanished(moved))  # it may be closed in this pass
        stored = await self._store.apply(
            moved,
            event=f"{_name(step)}: {_name(outcome)}",
            letters=happenings.letters(before, moved, now),
            notify=happenings.shows(before, moved),
            grudge=grudge(before, moved, now),
        )
        self._news.set()
        if self._observer is not None:
            self._observer.moved(before, stored, now)
        return stored

    def _renewed(self, rental: Rental, sight: Sight) -> Sight:
        """The same look at Vast, with what has changed between us and the machine."""
        return replace(
            sight, connected=self._steps.connected(rental), served=self._steps.served(rental)
        )


class Faults:
    """Rentals in whose steps something of ours broke: each is left alone, longer every time."""

    def __init__(self) -> None:
        self._counts: dict[RentalId, int] = {}
        self._until: dict[RentalId, datetime] = {}

    def may(self, rental_id: RentalId, now: datetime) -> bool:
        return rental_id not in self._until or now >= self._until[rental_id]

    def note(self, rental_id: RentalId, now: datetime) -> None:
        count = self._counts[rental_id] = self._counts.get(rental_id, 0) + 1
        self._until[rental_id] = now + min(SOON * 2 ** min(count - 1, 10), _LONGEST_PAUSE)

    def clear(self, rental_id: RentalId) -> None:
        self._counts.pop(rental_id, None)
        self._until.pop(rental_id, None)


def _name(thing: Step | Outcome) -> str:
    return type(thing).__name__.lower()
