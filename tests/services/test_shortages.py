"""From a kernel's words to what the card reads, and how long it stays there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.rentals import Rental, RentalId
from bot.domain.samples import Gpu
from bot.domain.shortages import LASTING, Kind, Shortage
from bot.domain.standing import Report
from bot.ports.books import Store
from bot.services.outputs import Outputs
from bot.services.routes import Routes
from bot.services.shortages import FALLBACK_S, Shortages
from bot.services.standing import look_up
from bot.tasks import Wake
from tests.builders import SetClock
from tests.services.test_idle_watch import Post, Town
from tests.services.test_outputs import Files

MINUTE = timedelta(minutes=1)


@pytest.fixture
def post(store: Store, clock: SetClock) -> Post:
    return Post(store, clock, Town(clock))


@pytest.fixture
def shortages(store: Store, clock: SetClock) -> Shortages:
    return Shortages(store=store, clock=clock)


async def the_report(post: Post, rental: Rental) -> Report:
    standing = await look_up(post.store, rental, post.clock.now())
    assert standing is not None
    assert standing.report is not None
    return standing.report


async def shown(post: Post) -> int:
    """How many cards are to be shown anew; they are, after this."""
    due = await post.store.due(post.clock.now())
    for notice in due:
        await post.store.delivered(notice, post.clock.now())
    return len(due)


async def test_what_a_kernel_says_is_on_the_card_before_the_next_look(
    post: Post, shortages: Shortages
) -> None:
    """The person is there now; a minute is long."""
    rental = await post.ready()
    await post.passes(post.watch(), 1)
    await shown(post)

    shortages.hear(rental.id, "k", Kind.GPU_MEMORY)
    assert await shortages.write() == 1

    told = (await the_report(post, rental)).shortage
    assert told == Shortage(Kind.GPU_MEMORY, post.clock.now(), "k")
    assert await shown(post) == 1
    assert await shortages.write() == 0


async def test_looks_keep_it_as_long_as_it_is_news(post: Post, shortages: Shortages) -> None:
    """Also over a restart, for it is in the database; the end is shown as well."""
    rental = await post.ready()
    await post.passes(post.watch(), 1)
    shortages.hear(rental.id, "k", Kind.DIED)
    await shortages.write()
    await shown(post)

    await post.passes(post.watch(), LASTING // MINUTE - 1)
    assert (await the_report(post, rental)).shortage is not None
    assert await shown(post) <= 1

    await post.passes(post.watch(), 1)
    assert (await the_report(post, rental)).shortage is None
    assert await shown(post) == 1


async def test_what_is_heard_before_the_first_look_waits_for_it(
    post: Post, shortages: Shortages
) -> None:
    """There is nothing yet to write it beside."""
    rental = await post.ready()
    shortages.hear(rental.id, "k", Kind.DIED)
    assert await shortages.write() == 0

    await post.passes(post.watch(), 1)

    assert await shortages.write() == 1
    assert (await the_report(post, rental)).shortage is not None


async def test_and_is_written_soon_after_it(post: Post, shortages: Shortages) -> None:
    """Who has just run a first cell is there, and looks at the card."""
    rental = await post.ready()
    shortages.hear(rental.id, "k", Kind.GPU_MEMORY)
    news = Wake()
    writing = asyncio.ensure_future(shortages.run(news))
    await asyncio.sleep(0.2)

    await post.passes(post.watch(), 1)

    async with asyncio.timeout(FALLBACK_S - 5):
        await news.wait(60)
    writing.cancel()
    assert (await the_report(post, rental)).shortage is not None


async def test_of_a_rental_that_never_was_nothing_is_kept(
    shortages: Shortages, clock: SetClock
) -> None:
    """What waits in vain is forgotten."""
    shortages.hear(RentalId("gone"), "k", Kind.DIED)
    clock.turn(LASTING)

    assert await shortages.write() == 0
    assert shortages._waiting == {}


async def test_a_full_gpu_is_measured_told_and_taken_back(post: Post) -> None:
    """With the figures that /status shows."""
    rental = await post.ready()
    watch = post.watch()
    post.town.gpus = (Gpu(0, 24_000),)

    await post.passes(watch, 1)
    first = await the_report(post, rental)
    assert first.shortage is None
    assert first.vram is not None
    assert (first.vram.used_mb, first.vram.total_mb) == (24_000, rental.offer.vram_mb)

    await shown(post)
    await post.passes(watch, 1)
    assert (await the_report(post, rental)).shortage == Shortage(Kind.FULL, first.at)
    assert await shown(post) == 1

    post.town.gpus = (Gpu(0, 300),)
    await post.passes(watch, 1)
    assert (await the_report(post, rental)).shortage is None
    assert await shown(post) == 1


def an_error(name: str, words: str) -> dict[str, object]:
    return {"ename": name, "evalue": words, "traceback": []}


def test_the_relay_hears_cells_without_memory_and_kernels_that_die() -> None:
    """Jupyter's “restarting” comes when a kernel died, not when a person restarts it."""
    found: list[tuple[RentalId, str, Kind]] = []
    outputs = Outputs(documents=Files(), routes=Routes(), short=lambda *heard: found.append(heard))
    talk = outputs.talk(RentalId("r1"), "k1", "s1")
    talk.asked("run", cell_id="one", code="train()")

    talk.heard("error", "run", an_error("ValueError", "no"))
    assert found == []
    talk.heard("error", "run", an_error("OutOfMemoryError", "CUDA out of memory."))
    talk.heard("status", "", {"execution_state": "busy"})
    talk.heard("status", "", {"execution_state": "restarting"})

    assert found == [
        (RentalId("r1"), "k1", Kind.GPU_MEMORY),
        (RentalId("r1"), "k1", Kind.DIED),
    ]


async def test_a_look_and_a_kernel_at_the_same_time_lose_nothing(
    post: Post, shortages: Shortages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look is written between our reading and our writing: we read again."""
    rental = await post.ready()
    watch = post.watch()
    await post.passes(watch, 1)
    read, looked = post.store.remembered, False

    async def slow(rental_id: RentalId):
        nonlocal looked
        found = await read(rental_id)
        if not looked:
            looked = True
            await post.passes(watch, 1)
        return found

    monkeypatch.setattr(post.store, "remembered", slow)
    shortages.hear(rental.id, "k", Kind.DIED)

    assert await shortages.write() == 1
    report = await the_report(post, rental)
    assert report.shortage is not None
    assert replace(report, shortage=None).at == post.clock.now()
