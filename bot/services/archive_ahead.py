"""Archives ahead of time: each night, and when the owner of a machine is first asked about it.

They run beside the life of a rental: it stays ready, is looked at and may be worked on. Nothing is
ever destroyed upon one of these; the last archive of a machine is made, and proven, after its end
was asked for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.ahead import due_at, newest_at, wanted
from bot.domain.archives import Failure, Proof, Trouble
from bot.domain.letters import Kind, Writing
from bot.domain.rentals import Rental, RentalId
from bot.domain.retries import TRIES, held_letters, measure, pause
from bot.errors import BotError, Busy, Stale
from bot.log import bound
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.machines import Tunnels
from bot.services.archives import Archives
from bot.services.policy import Policies
from bot.services.routes import Traffic
from bot.tasks import Tasks, Wake, rest

log = logging.getLogger(__name__)

TICK_S = 60.0
AT_ONCE = 2
"""So many machines at a time: each takes a core of ours and a part of our line."""

ASK_AGAIN = timedelta(days=7)
"""An owner who wants no archive so large is left in peace so long."""

LONGEST_S = 6 * 3600.0
_WRITES = 5
_AT_A_STRETCH = 20  # rentals thought about before whatever else is due has its turn


@dataclass(frozen=True, slots=True)
class _Again:
    """A row of failures: how many, since when it was due, and when it is tried again."""

    fails: int
    due_at: datetime
    at: datetime


class Ahead:
    """`news` is that of whoever delivers cards and letters."""

    def __init__(
        self,
        *,
        store: Store,
        archives: Archives,
        tunnels: Tunnels,
        traffic: Traffic,
        policies: Policies,
        tasks: Tasks,
        news: Wake,
        clock: Clock,
    ) -> None:
        self._store = store
        self._archives = archives
        self._tunnels = tunnels
        self._traffic = traffic
        self._policies = policies
        self._tasks = tasks
        self._news = news
        self._clock = clock
        self._running: set[RentalId] = set()
        self._again: dict[RentalId, _Again] = {}

    async def run(self) -> None:
        """Begin what is due, minute by minute; for ever."""
        while True:
            await self.tick()
            await rest(TICK_S)

    async def tick(self) -> None:
        """Begin the archives that are due, the latest first, as many as there is room for."""
        due = sorted(await self._due(), key=lambda one: one[0])
        for at, rental in due[: max(0, AT_ONCE - len(self._running))]:
            self._running.add(rental.id)
            self._tasks.once(f"archive ahead {rental.id}", self._take(rental, at))

    async def _due(self) -> list[tuple[datetime, Rental]]:
        now, found = self._clock.now(), []
        rentals = await self._store.readable_rentals()
        for gone in self._again.keys() - {rental.id for rental in rentals}:
            del self._again[gone]
        rentals = [one for one in rentals if self._may(one, now)]
        known = await self._store.remembered_of([one.id for one in rentals])
        values = await self._policies.values()
        for number, rental in enumerate(rentals):
            if number % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)  # others may have their turn
            memory = known[rental.id].memory if rental.id in known else None
            at = due_at(rental, memory, self._policies.rules_among(values, rental))
            if at is not None and at <= now:
                found.append((at, rental))
        return found

    def _may(self, rental: Rental, now: datetime) -> bool:
        if not wanted(rental) or rental.id in self._running:
            return False
        again = self._again.get(rental.id)
        return self._tunnels.connected(rental.id) and not (again and now < again.at)

    async def _take(self, rental: Rental, due: datetime) -> None:
        with bound(rental=rental.id):
            try:
                await self._settle(rental, due, await self._save(rental))
            finally:
                self._running.discard(rental.id)

    async def _save(self, rental: Rental) -> Proof | Failure | None:
        """None where something else is being done with it; then it is not a failure."""
        began = self._clock.now()
        try:
            async with asyncio.timeout(LONGEST_S):
                result = await self._archives.save(
                    rental,
                    self._tunnels.shell(rental.id),
                    caps=await self._policies.caps(rental),
                    tell=self._traffic.teller(rental.id),
                    partial=True,
                )
        except Busy:
            return None
        except TimeoutError:
            return Failure(trouble=Trouble.MACHINE, words="The night's archive took too long.")
        except BotError as error:
            log.warning("not archived ahead of time: %s", error)
            return Failure(trouble=Trouble.MACHINE, words=error.public)
        if isinstance(result, Proof):
            log.info("archived ahead of time, in %s", self._clock.now() - began)
        return result

    async def _settle(self, rental: Rental, due: datetime, result: Proof | Failure | None) -> None:
        """Write down what came of it."""
        if result is None:
            return
        if isinstance(result, Proof):
            self._again.pop(rental.id, None)
            await self._write(rental.id, lambda row: _with_archive(row, result), "ahead: archived")
        elif result.trouble is Trouble.TOO_LARGE and result.estimate is not None:
            said, now = measure(result.estimate), self._clock.now()
            self._again[rental.id] = _Again(0, due, now + ASK_AGAIN)
            await self._write(
                rental.id, lambda row: replace(row, held=said, held_at=now), "ahead: too large"
            )
        else:
            await self._failed(rental, due, result)
        self._news.set()

    async def _failed(self, rental: Rental, due: datetime, failure: Failure) -> None:
        """Tried again with growing patience; the third in a row is told, once."""
        before = self._again.get(rental.id)
        fails = before.fails + 1 if before is not None else 1
        first = before.due_at if before is not None else due
        self._again[rental.id] = _Again(fails, first, self._clock.now() + pause(fails))
        log.warning("not archived ahead of time, %s in a row: %s", fails, failure.words)
        if fails == TRIES:
            letter = Writing(kind=Kind.AHEAD_FAILED, at=newest_at(rental), detail=failure.words)
            await self._store.write_letter(rental.id, letter)

    async def _write(
        self, rental_id: RentalId, change: Callable[[Rental], Rental], event: str
    ) -> None:
        """Write on a row that still is one to archive ahead; others may be faster."""
        for _ in range(_WRITES):
            row = await self._store.rental(rental_id)
            if row is None or not wanted(row):
                return
            after = change(row)
            letters = held_letters(after) if after.held else ()
            try:
                await self._store.apply(after, event=event, letters=letters, notify=bool(letters))
                return
            except Stale:
                continue
        log.warning("the row kept changing; an archive is not noted on it")


def _with_archive(row: Rental, proof: Proof) -> Rental:
    at = proof.archive.proven_at or proof.archive.started_at
    return replace(row, ahead_id=proof.archive.id, ahead_at=at, save_allowed="")
