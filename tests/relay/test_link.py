"""Real SSH under the relay: much through it in flat memory, and breaks under what is running."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.relay.books import RENTAL
from tests.relay.conftest import PAGE, House, until
from tests.relay.linked import Link, linked
from tests.relay.notebook import PIECE
from tests.relay.talking import go, lines, opened, steps, tab

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MB = 1024 * 1024
READERS = 20
HELD = 64 * MB
BIG = 1024  # MB
MOVED = 100 * MB


@pytest.fixture
async def link(house: House, tmp_path: Path) -> AsyncIterator[Link]:
    async with linked(house, tmp_path) as link:
        yield link


async def test_a_gigabyte_comes_down_and_goes_up_in_flat_memory(house: House, link: Link) -> None:
    """The most that this process held meanwhile is far below what went through.

    The relay, the machine's SSH server and its notebook are all in it.
    """
    await link.fast()
    cookie = await house.cookie()
    before = _now()
    _begin_peak()

    size = 0
    async with house.ask(f"/down/{BIG}", cookie) as answer:
        async for piece in answer.content.iter_any():
            size += len(piece)
    down = _peak() - before
    _begin_peak()
    async with house.ask("/up", cookie, method="PUT", data=_pieces()) as answer:
        told = await answer.json()
    up = _peak() - before

    assert size == BIG * MB
    assert told["size"] == 2 * BIG * MB  # the notebook counts both ways
    assert (down < HELD, up < HELD) == (True, True), (down, up)


@pytest.mark.parametrize("fast", [True, False], ids=["lanes", "one connection"])
async def test_slow_readers_hold_back_what_they_do_not_take(
    house: House, link: Link, fast: bool
) -> None:
    """Twenty at once, each with an endless download: what is under way has its bounds."""
    if fast:
        await link.fast()
    else:
        house.relay._upstreams._lanes = None
    cookie = await house.cookie()
    gc.collect()
    before = _now()
    answers = [await house.ask(f"/down/{BIG}", cookie) for _ in range(READERS)]
    try:
        for answer in answers:
            await answer.content.readany()
        await _still(house)
        async with house.ask("/hello", cookie) as small:
            assert small.status == 200  # and they are in nobody's way
        assert _now() - before < HELD
    finally:
        for answer in answers:
            answer.close()


@pytest.mark.parametrize("fast", [True, False], ids=["lanes", "one connection"])
async def test_slow_readers_that_move_are_no_heavier(house: House, link: Link, fast: bool) -> None:
    """Twenty endless downloads of which each takes a little, again and again."""
    if fast:
        await link.fast()
    else:
        house.relay._upstreams._lanes = None
    cookie = await house.cookie()
    gc.collect()
    before = _now()
    _begin_peak()
    answers = [await house.ask(f"/down/{BIG}", cookie) for _ in range(READERS)]
    taken = 0
    try:
        while taken < MOVED:
            for answer in answers:
                taken += len(await answer.content.readany())
            await asyncio.sleep(0.01)  # the other side may fill what was made free
        assert _peak() - before < HELD
    finally:
        for answer in answers:
            answer.close()


async def test_names_in_any_script_and_long_heads_pass(house: House, link: Link) -> None:
    """As they are, byte for byte; Jupyter's heads are longer than most servers allow."""
    await link.fast()
    name = "/files/%E6%95%B0%E6%8D%AE%20donn%C3%A9es%F0%9F%98%80.txt"
    long = "a" * 20_000
    headers = {**await house.cookie(), "X-Long": long}

    async with house.ask(name, headers) as answer:
        assert (await answer.json())["path"] == name
    assert house.notebook.seen[-1].headers["X-Long"] == long


async def test_a_break_is_over_as_soon_as_the_machine_is_back(house: House, link: Link) -> None:
    """Meanwhile a page says that the notebook cannot be reached, and comes back by itself."""
    await link.fast()
    cookie = await house.cookie()
    await link.cut(for_s=1.5)
    await until(lambda: not link.connected())

    async with house.ask("/hello", {**PAGE, **cookie}) as answer:
        assert answer.status == 503
        assert "refresh" in (await answer.text()).lower()

    await until(link.connected, within_s=20)
    async with asyncio.timeout(20):
        while True:
            async with house.ask("/hello", cookie) as answer:
                if answer.status == 200:
                    break
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("fast", [True, False], ids=["lanes", "one connection"])
async def test_a_break_under_a_running_cell_loses_no_output(
    lab: House, lab_folder: Path, tmp_path: Path, fast: bool
) -> None:
    """The tab connects again as JupyterLab does, under its session, and has missed nothing."""
    async with linked(lab, tmp_path) as link:
        if fast:
            await link.fast()
        else:
            lab.relay._upstreams._lanes = None
        kernel = await opened(lab, lab_folder, {"c1": steps(6)})
        async with tab(lab, kernel, "s1") as one:
            await one.run(steps(6), cell="c1")
            go(lab_folder, 0, 1)
            await one.hears("line 1\n")
            said = one.said
            await link.cut(for_s=2)
            await until(lambda: lab.relay.busy(RENTAL) == 0, within_s=20)
            go(lab_folder, 2, 3)  # it prints on, and nobody hears
            await until(lambda: (lab_folder / "done3").exists(), within_s=20)
        await until(link.connected, within_s=20)
        if fast:
            await link.fast()
        async with tab(lab, kernel, "s1") as again:
            go(lab_folder, 4, 5)
            await again.hears("line 5\n")

    assert said + again.said == lines(0, 1, 2, 3, 4, 5)


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(BIG * 16):
        yield PIECE


async def _still(house: House) -> None:
    """Until nothing moves any more."""
    while True:
        before = house.notebook.carried
        await asyncio.sleep(0.5)
        if house.notebook.carried == before:
            return


def _now() -> int:
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _begin_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)
