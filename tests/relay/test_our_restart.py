"""Bellhop is stopped or killed while a cell runs without a tab: its output is kept all the same.

A real JupyterLab and a real database; the recording side is closed and made anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.adapters.jupyter.documents import JupyterDocuments
from bot.adapters.sealing.texts import TextSeal
from bot.adapters.storage.store import open_store
from bot.domain.rentals import RentalId, State
from bot.ports.books import Store
from bot.relay.app import Relay
from bot.services.outputs import Outputs
from bot.services.recordings import Recorder, Restored
from bot.services.routes import Routes
from bot.tasks import Wake
from tests.builders import SetClock, begun
from tests.relay.books import RENTAL
from tests.relay.conftest import House, free_port, until
from tests.relay.talking import go, in_file, lines, opened, steps, tab

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
async def books(sqlite_url: str) -> AsyncIterator[Store]:
    async with open_store(sqlite_url, clock=SetClock()) as store:
        await begun(store, id=RENTAL, state=State.READY)
        yield store


@dataclass
class Side:
    """One life of the recording side: what a process of Bellhop has of it."""

    house: House
    recorder: Recorder
    restored: list[Restored]

    async def stop(self) -> None:
        """As at SIGTERM."""
        self.recorder.note_tabs()
        await self.house.relay.close()
        await self.recorder.close()

    async def kill(self) -> None:
        """As at SIGKILL: connections break, and nothing is written any more."""
        self.house.routes.drop(RENTAL)
        await self.house.relay.close()


@asynccontextmanager
async def life(lab: House, store: Store) -> AsyncIterator[Side]:
    """Made from the database, as at a start. Whoever uses it stops or kills it."""
    route = lab.routes.get(RENTAL)
    assert route is not None
    routes = Routes()
    outputs = Outputs(documents=JupyterDocuments(), routes=routes)
    recorder = Recorder(
        store=store,
        outputs=outputs,
        clock=lab.clock,
        wake=Wake(),
        seal=TextSeal("a secret", "recordings"),
    )
    port = free_port()

    async def health() -> dict[str, str]:
        return {}

    relay = Relay(
        host="127.0.0.1",
        port=port,
        relay_url=f"http://{{rental}}.localhost:{lab.port}",
        links=lab.links,
        routes=routes,
        traffic=lab.traffic,
        rentals=lab.books,
        health=health,
        clock=lab.clock,
        outputs=outputs,
    )
    restored = await recorder.restore()
    relay.resume(restored)
    await relay.start()
    routes.set(RENTAL, route)
    house = replace(lab, relay=relay, outputs=outputs, routes=routes)
    house.url = lambda path: f"http://127.0.0.1:{port}{path}"  # type: ignore[method-assign]
    yield Side(house, recorder, restored)


async def _begin(side: Side, work: Path) -> str:
    """A run of six lines: two were seen, and the tab is gone. Returns the kernel."""
    kernel = await opened(side.house, work, {"one": steps(6)})
    async with tab(side.house, kernel, "s1") as first:
        await first.run(steps(6), cell="one")
        go(work, 0, 1)
        await first.hears("line 1\n")
        await side.house.outputs.find(RENTAL)
    await until(lambda: side.house.outputs.kept(RENTAL, kernel) == 1)
    return kernel


async def _ends(side: Side) -> None:
    await until(lambda: all(run.done for run in side.house.outputs.held(RENTAL)), within_s=30)


@pytest.mark.parametrize("ended", [False, True], ids=["while it runs", "after it ended"])
async def test_stopped_during_a_run_it_records_on_after_the_start(
    lab: House, books: Store, tmp_path: Path, ended: bool
) -> None:
    """What is printed before, while and after it is down is in the file once, in its order."""
    work = tmp_path / "work"
    async with life(lab, books) as first:
        kernel = await _begin(first, work)
        go(work, 2)
        await until((work / "done2").exists)
        await first.stop()
    go(work, *([3, 4, 5] if ended else [3, 4]))
    await until((work / ("done5" if ended else "done4")).exists)

    async with life(lab, books) as second:
        await second.house.relay.rejoin()
        assert ended or second.house.outputs.kept(RENTAL, kernel) == 1
        go(work, 5)
        await _ends(second)
        assert await second.house.outputs.flush(RENTAL) == ""
        await second.stop()

    assert in_file(work, "one") == lines(0, 1, 2, 3, 4, 5)
    assert await books.recordings() == []


async def test_killed_during_a_run_only_the_last_moment_can_be_missing(
    lab: House, books: Store, tmp_path: Path
) -> None:
    """What was written down and what Jupyter held is there, once."""
    work = tmp_path / "work"
    async with life(lab, books) as first:
        await _begin(first, work)
        await first.recorder.write(whole=True)
        await first.kill()
    go(work, 2, 3)
    await until((work / "done3").exists)

    async with life(lab, books) as second:
        await second.house.relay.rejoin()
        go(work, 4, 5)
        await _ends(second)
        assert await second.house.outputs.flush(RENTAL) == ""
        await second.stop()

    assert in_file(work, "one") == lines(0, 1, 2, 3, 4, 5)


async def test_a_browser_that_comes_first_does_not_cost_what_jupyter_holds(
    lab: House, books: Store, tmp_path: Path
) -> None:
    """Another session would make Jupyter throw it away: before that is let in, we fetch it."""
    work = tmp_path / "work"
    async with life(lab, books) as first:
        kernel = await _begin(first, work)
        await first.stop()
    go(work, 2, 3)
    await until((work / "done3").exists)

    async with life(lab, books) as second:
        async with tab(second.house, kernel, "s2"):
            go(work, 4, 5)
            await _ends(second)
        assert await second.house.outputs.flush(RENTAL) == ""
        await second.stop()

    assert in_file(work, "one") == lines(0, 1, 2, 3, 4, 5)


async def test_a_tab_that_outlives_us_gets_what_jupyter_holds_and_we_do_too(
    lab: House, books: Store, tmp_path: Path
) -> None:
    """The tab comes back by itself: until then nobody takes away what was held for it."""
    work = tmp_path / "work"
    async with life(lab, books) as first:
        kernel = await opened(first.house, work, {"one": steps(6)})
        async with tab(first.house, kernel, "s1") as seen:
            await seen.run(steps(6), cell="one")
            go(work, 0, 1)
            await seen.hears("line 1\n")
            await first.stop()
    go(work, 2, 3)
    await until((work / "done3").exists)

    async with life(lab, books) as second:
        await second.house.relay.rejoin()
        assert second.house.outputs.kept(RENTAL, kernel) == 0
        async with tab(second.house, kernel, "s1") as again:
            await again.hears(lines(2, 3))
        go(work, 4, 5)
        await _ends(second)
        assert await second.house.outputs.flush(RENTAL) == ""
        await second.stop()

    assert in_file(work, "one") == lines(0, 1, 2, 3, 4, 5)


async def test_a_run_that_ended_unheard_is_known_to_be_over(
    lab: House, books: Store, tmp_path: Path
) -> None:
    """Another session took Jupyter's memory away: what was recorded stays, and nobody waits."""
    work = tmp_path / "work"
    async with life(lab, books) as first:
        kernel = await _begin(first, work)
        await first.stop()
    async with tab(lab, kernel, "elsewhere"):
        go(work, 2, 3, 4, 5)
        await until((work / "done5").exists)

    async with life(lab, books) as second:
        await second.house.relay.rejoin()
        await _ends(second)
        assert await second.house.outputs.flush(RENTAL) == ""
        await second.stop()

    assert in_file(work, "one") == lines(0, 1)


async def test_a_closed_rental_leaves_nothing_in_the_books(
    lab: House, books: Store, tmp_path: Path
) -> None:
    """Its outputs are forgotten with it."""
    work = tmp_path / "work"
    async with life(lab, books) as first:
        await _begin(first, work)
        await first.recorder.write()
        assert [row.rental_id for row in await books.recordings()] == [RentalId(RENTAL)]

        first.house.outputs.forget(RENTAL)
        await first.recorder.write()

        assert await books.recordings() == []
        await first.kill()
