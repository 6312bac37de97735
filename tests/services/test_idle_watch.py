"""The idle watch over the real store: looks, judges, remembers, and ends nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.idle import Asked, Kept, Quiet, Release, Unknown, Word
from bot.domain.idle_policy import Policy
from bot.domain.processes import Row
from bot.domain.readings import Reading
from bot.domain.rentals import Rental, RentalId, State
from bot.domain.samples import Gpu, Notebook
from bot.errors import Unreachable
from bot.ports.books import Store
from bot.ports.machines import Shell
from bot.services.idle import KEPT_SAMPLES, IdleWatch
from bot.services.probe import Probe
from bot.services.routes import Route, Routes, Traffic
from tests.builders import NOW, SetClock, a_quote, a_rental

MINUTE = timedelta(minutes=1)
READER = Row(30, 1, 30, 0, 0, 0, 10_000, "sh")


async def usual(_: Rental) -> Policy:
    return Policy()


@dataclass
class Town:
    """Machines at rest whose clock is ours; one may be out of reach or slow."""

    clock: SetClock
    lost: bool = False
    hang: bool = False
    gpus: tuple[Gpu, ...] | None = (Gpu(0, 2),)
    cpu_s: float = 0  # what the container has used
    takes: timedelta = timedelta()
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def shell(self, rental_id: str) -> Any:
        if self.lost:
            raise Unreachable("there is no connection")
        return None

    async def look(self, shell: Shell, *, files: bool) -> Reading:
        if self.hang:
            self.waiting.set()
            await self.go_on.wait()
        self.clock.turn(self.takes)
        return Reading(
            now_s=self.clock.now().timestamp(),
            self_pid=30,
            rows=(READER,),
            cpu_us=round(self.cpu_s * 1e6),
            down_bytes=0,
            up_bytes=0,
            gpus=self.gpus,
        )

    async def activity(self, socket_path: str, token: str, *, now: datetime) -> Notebook | None:
        return Notebook()


@dataclass
class Post:
    store: Store
    clock: SetClock
    town: Town
    traffic: Traffic = field(default_factory=Traffic)
    routes: Routes = field(default_factory=Routes)

    def watch(self) -> IdleWatch:
        """A watch as after a start of the process."""
        probe = Probe(
            tunnels=self.town,  # type: ignore[arg-type]
            notebooks=self.town,  # type: ignore[arg-type]
            looks=self.town,
            routes=self.routes,
            traffic=self.traffic,
            clock=self.clock,
        )
        return IdleWatch(
            store=self.store, probe=probe, policy=usual, clock=self.clock, between=timedelta()
        )

    async def ready(self) -> Rental:
        quote = a_quote()
        await self.store.add_quote(quote)
        rental = await self.store.begin(a_rental(quote), quote_id=quote.id)
        self.routes.set(rental.id, Route("somewhere", "token"))
        return await self.store.apply(
            replace(rental, state=State.READY, ready_at=NOW), event="Serve"
        )

    async def passes(
        self, watch: IdleWatch, minutes: int, reported: dict[RentalId, float] | None = None
    ) -> Any:
        for _ in range(minutes):
            self.clock.turn(MINUTE)
            judged = await watch.pass_once(reported)
        return judged[0].judgement


@pytest.fixture
def post(store: Store, clock: SetClock) -> Post:
    return Post(store, clock, Town(clock))


async def test_a_forgotten_machine_is_judged_over_restarts(post: Post) -> None:
    """A new process goes on where the old one was: the memory is in the database."""
    rental = await post.ready()

    asked = await post.passes(post.watch(), 60)
    assert isinstance(asked.verdict, Asked)
    assert asked.words == (Word.ASK,)

    await post.passes(post.watch(), 30)
    again = post.watch()
    assert isinstance((await post.passes(again, 29)).verdict, Asked)
    assert isinstance((await post.passes(again, 1)).verdict, Release)
    assert (await post.store.rental(rental.id)) == rental  # nothing but a verdict


async def test_what_cannot_be_reached_is_unknown(post: Post) -> None:
    """And its look is stored like every other."""
    rental = await post.ready()
    post.town.lost = True

    judgement = await post.passes(post.watch(), 31)

    assert isinstance(judgement.verdict, Unknown)
    assert judgement.words == (Word.BLIND,)
    stored = await post.store.samples(rental.id, since=NOW)
    assert len(stored) == 31
    assert {one.machine for one in stored} == {None}


async def test_a_person_in_the_relay_counts(post: Post) -> None:
    """What the relay wrote into its book is in the verdict of the next pass."""
    rental = await post.ready()
    watch = post.watch()
    await post.passes(watch, 50)
    post.traffic.human(rental.id, post.clock.now())

    judgement = await post.passes(watch, 30)

    assert isinstance(judgement.verdict, Quiet)
    assert judgement.verdict.since == NOW + 50 * MINUTE


async def test_keep_pressed_during_a_look_is_not_lost(post: Post) -> None:
    """The look ends later and would write what it had read before: it judges again."""
    rental = await post.ready()
    watch = post.watch()
    await post.passes(watch, 1)
    post.town.hang = True
    post.clock.turn(MINUTE)
    look = asyncio.create_task(watch.look(rental))
    await post.town.waiting.wait()

    await watch.keep(rental, NOW + timedelta(hours=4))
    post.town.go_on.set()
    judged = await look

    assert judged is not None
    assert isinstance(judged.judgement.verdict, Kept)
    known = await post.store.remembered(rental.id)
    assert known is not None
    assert known.memory.kept_until == NOW + timedelta(hours=4)


async def test_keeps_and_looks_at_once_are_all_taken_in(post: Post) -> None:
    """Whoever comes second reads again."""
    rental = await post.ready()
    watch = post.watch()

    await asyncio.gather(
        watch.look(rental), *(watch.keep(rental, NOW + timedelta(hours=n)) for n in (1, 2, 3))
    )

    known = await post.store.remembered(rental.id)
    assert known is not None
    assert known.memory.kept_until == NOW + timedelta(hours=3)
    assert known.version == 4


@pytest.mark.parametrize("minutes", [3, 10, 40])
@pytest.mark.parametrize("restarted", [False, True])
async def test_our_own_archive_is_no_life_at_the_last_look(
    post: Post, minutes: int, restarted: bool
) -> None:
    """Between the verdict and the last look a core was busy: with packing and hashing for us."""
    rental = await post.ready()
    watch = post.watch()
    assert isinstance((await post.passes(watch, 120)).verdict, Release)
    post.clock.turn(minutes * MINUTE)
    post.town.cpu_s += minutes * 60
    post.town.takes = timedelta(seconds=20)

    judged = await (post.watch() if restarted else watch).look_anew(rental)

    assert judged is not None
    assert isinstance(judged.judgement.verdict, Release)


async def test_work_at_the_last_look_keeps_the_machine(post: Post) -> None:
    """What goes on after the archive is somebody's."""
    rental = await post.ready()
    watch = post.watch()
    await post.passes(watch, 120)
    post.clock.turn(10 * MINUTE)
    post.town.takes, post.town.gpus = timedelta(seconds=20), (Gpu(90, 20_000),)

    judged = await watch.look_anew(rental)

    assert judged is not None
    assert isinstance(judged.judgement.verdict, Asked)


async def test_the_last_look_knows_what_vast_reports(post: Post) -> None:
    """Without nvidia-smi, nobody else tells whether the GPU works."""
    rental = await post.ready()
    post.town.gpus, post.town.takes = None, timedelta(seconds=1)
    watch = post.watch()
    await post.passes(watch, 120, {rental.id: 0.0})

    judged = await watch.look_anew(rental)

    assert judged is not None
    assert isinstance(judged.judgement.verdict, Release)


async def test_only_ready_machines_are_looked_at(post: Post) -> None:
    """One that starts or ends has nobody in it."""
    rental = await post.ready()
    await post.store.apply(replace(rental, state=State.BOOTING), event="x")

    assert await post.watch().pass_once() == []


async def test_old_looks_are_pruned(post: Post) -> None:
    """Two days are kept."""
    rental = await post.ready()
    await post.passes(post.watch(), 1)
    post.clock.turn(KEPT_SAMPLES)

    await post.passes(post.watch(), 1)

    assert len(await post.store.samples(rental.id, since=NOW)) == 1
