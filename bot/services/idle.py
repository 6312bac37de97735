"""The idle watch: looks at every ready machine, judges it, remembers. It never ends anything.

A verdict is only told. Who is asked and what is archived or destroyed because of it is decided
elsewhere, from the stored memory and the verdicts of the newest pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.idle import Judgement, judge
from bot.domain.idle_memory import begin, keep
from bot.domain.idle_policy import Policy
from bot.domain.letters import written
from bot.domain.rentals import Rental, RentalId, State
from bot.domain.samples import Sample
from bot.domain.standing import differs, followed, report
from bot.errors import Stale
from bot.log import bound
from bot.ports.books import Remembered, Store
from bot.ports.clock import Clock
from bot.services.probe import Probe
from bot.services.rounds import each

log = logging.getLogger(__name__)

KEPT_SAMPLES = timedelta(hours=48)
LOOK_S = 50.0
"""One look's deadline, all parts together."""

BETWEEN = timedelta(seconds=30)
"""From reading the counters to the last look; less, and the reading itself would seem work."""

_AT_ONCE = 16
_PRUNE_EVERY = timedelta(hours=1)
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """What a pass found of one rental."""

    rental: Rental
    sample: Sample
    judgement: Judgement


class IdleWatch:
    """`policy` gives the policy that holds for a rental, at once or after a look at the books."""

    def __init__(
        self,
        *,
        store: Store,
        probe: Probe,
        policy: Callable[[Rental], Policy | Awaitable[Policy]],
        clock: Clock,
        between: timedelta = BETWEEN,
    ) -> None:
        self._store = store
        self._probe = probe
        self._policy = policy
        self._clock = clock
        self._between = between
        self._reported: Mapping[RentalId, float] = {}
        self._pruned_at: datetime | None = None

    async def pass_once(self, gpu_util: Mapping[RentalId, float] | None = None) -> list[Judged]:
        """Look at every ready rental once, some at a time, and judge it.

        `gpu_util` is what Vast reports, in percent, as far as it is known.
        """
        self._reported = gpu_util or {}
        ready = [one for one in await self._store.readable_rentals() if one.state is State.READY]

        async def one(rental: Rental) -> Judged | None:
            with bound(rental=rental.id):
                return await self.look(rental, self._reported.get(rental.id))

        judged = await each(ready, one, of=lambda rental: rental.id, at_once=_AT_ONCE)
        await self._prune()
        return [found for found in judged if found is not None]

    async def look(self, rental: Rental, gpu_util: float | None = None) -> Judged | None:
        """Look at one rental now and judge it; None where others kept changing it meanwhile."""
        sample = await self._sample(rental, gpu_util)
        policy = self._policy(rental)
        if not isinstance(policy, Policy):
            policy = await policy
        for _ in range(_TRIES):
            known = await self._known(rental)
            judgement = judge(known.memory, sample, policy)
            letters = written(known.memory, judgement)
            seen = followed(report(judgement), known.report, sample, rental.offer.vram_mb)
            try:
                await self._store.remember(
                    rental.id,
                    judgement.memory,
                    version=known.version,
                    sample=sample,
                    report=seen,
                    letters=letters,
                    show=bool(letters) or differs(known.report, seen),
                )
            except Stale:
                continue  # somebody pressed Keep: judge again, with that known
            if judgement.words:
                log.info("judged %s: %s", type(judgement.verdict).__name__, judgement.words)
            return Judged(rental, sample, judgement)
        log.warning("its idle memory kept changing; not judged this time")
        return None

    async def look_anew(self, rental: Rental) -> Judged | None:
        """The fresh look just before a destroy: anything but Release there means stop.

        Since the look before it the machine has been archived, and its counters hold that: they
        are read anew first. What Vast reports is as of the last round.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._probe.begin_anew(rental)
        await asyncio.sleep(self._between.total_seconds())
        return await self.look(rental, self._reported.get(rental.id))

    def forget(self, rental_id: RentalId) -> None:
        """Let go of what was only held for comparing looks."""
        self._probe.forget(rental_id)

    async def keep(self, rental: Rental, until: datetime) -> None:
        """A person said that it stays until then. Raises Stale if it keeps changing."""
        await remember_keep(self._store, rental, until, self._clock.now())

    async def _known(self, rental: Rental) -> Remembered:
        return await _known(self._store, rental, self._clock.now())

    async def _sample(self, rental: Rental, gpu_util: float | None) -> Sample:
        at = self._clock.now()
        try:
            async with asyncio.timeout(LOOK_S):
                return await self._probe.sample(rental, vast_gpu_util=gpu_util)
        except TimeoutError:
            log.warning("a look took longer than %s s", LOOK_S)
            return Sample(at=at, vast_gpu_util=gpu_util)

    async def _prune(self) -> None:
        now = self._clock.now()
        if self._pruned_at is None or now - self._pruned_at >= _PRUNE_EVERY:
            self._pruned_at = now
            await self._store.forget_samples(now - KEPT_SAMPLES)


async def remember_keep(store: Store, rental: Rental, until: datetime, now: datetime) -> None:
    """Write into the idle memory that a person said it stays until then.

    Raises Stale if it keeps changing.
    """
    for tries_left in reversed(range(_TRIES)):
        known = await _known(store, rental, now)
        try:
            await store.remember(rental.id, keep(known.memory, until, now), version=known.version)
            return
        except Stale:
            if not tries_left:
                raise


async def _known(store: Store, rental: Rental, now: datetime) -> Remembered:
    return await store.remembered(rental.id) or Remembered(begin(rental.ready_at or now), 0)
