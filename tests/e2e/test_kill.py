"""SIGKILL at the worst moments of a rent: one ready instance in the end, never two, none lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.demo.tour_idle import tree
from tests.e2e.programs import control, program, sandbox

# A machine that others use as well is slow: each wait has its own deadline, this is their sum.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_TERM = signal.SIGTERM
SERVICE = ("-m", "tests.e2e.service")
QUICK = ("--load-s", "1.5", "--ssh-s", "0.5", "--list-lag-s", "0.3")

Moment = Callable[[str], Awaitable[bool]]


async def _asked(url: str) -> bool:
    """The renting call has arrived at Vast."""
    requests = await control(url, "/sandbox/requests")
    return any(one["method"] == "PUT" and "/asks/" in one["path"] for one in requests)


async def _made(url: str) -> bool:
    return bool((await control(url, "/sandbox/books"))["instances"])


async def _running(url: str) -> bool:
    books: list[dict[str, Any]] = (await control(url, "/sandbox/books"))["instances"]
    return any(one["state"] == "running" for one in books)


SLOW = {"fault": "slow", "seconds": 1.5, "times": 1, "match": {"path": "/asks/"}}
LOST = {"fault": "lost_answer", "times": 1, "match": {"path": "/asks/"}}


@pytest.mark.parametrize(
    ("fault", "moment"),
    [
        pytest.param(SLOW, _asked, id="while the call is under way"),
        pytest.param(LOST, _made, id="after an answer was lost"),
        pytest.param(None, _made, id="while it loads"),
        pytest.param(None, _running, id="while it is being connected"),
    ],
)
async def test_killed_during_a_rent_it_ends_with_one_ready_instance(
    tmp_path: Path, fault: dict[str, Any] | None, moment: Moment
) -> None:
    """The row knows of the try, the label finds the machine, and nothing is rented twice."""
    async with sandbox(tmp_path / "machines", *QUICK) as url:
        env = _env(url, tmp_path)
        if fault is not None:
            await control(url, "/sandbox/faults", fault)
        async with program(*SERVICE, "rent", env=env) as first:
            await _until(moment, url)
            await first.kill()

        async with program(*SERVICE, env=env) as second:
            await second.line(lambda line: line.startswith("ready"), within_s=60)
        books = (await control(url, "/sandbox/books"))["instances"]

    assert [one["state"] for one in books] == ["running"]
    assert books[0]["destroyed_at"] is None


async def test_a_restart_finds_the_same_jupyter_again(tmp_path: Path) -> None:
    """Killed while ready and started again: the same machine, the same notebook server."""
    async with sandbox(tmp_path / "machines", *QUICK) as url:
        env = _env(url, tmp_path)
        async with program(*SERVICE, "rent", env=env) as first:
            before = await first.line(lambda line: line.startswith("ready"), within_s=60)
            server = _jupyter(tmp_path)
            await first.kill()
        async with program(*SERVICE, env=env) as second:
            after = await second.line(lambda line: line.startswith("ready"), within_s=60)

        assert after == before
        assert _jupyter(tmp_path) == server


@pytest.mark.parametrize("after_s", [0.1, 1.0])
async def test_killed_while_archiving_it_goes_on_and_ends_proven(
    tmp_path: Path, after_s: float
) -> None:
    """Killed in the middle of a save: the run is continued, proven, and only then it is ended."""
    async with sandbox(tmp_path / "machines", *QUICK) as url:
        env = _env(url, tmp_path)
        async with program(*SERVICE, "rent", "end", env=env) as first:
            await first.line(lambda line: line.startswith("ready"), within_s=60)
            (work,) = (tmp_path / "machines").glob("*/workspace")
            (work / "weights.bin").write_bytes(os.urandom(100_000_000))
            (tmp_path / "bellhop" / "go").touch()
            await first.line(lambda line: line.startswith("archiving"), within_s=30)
            await asyncio.sleep(after_s)
            await first.kill()
        (before,) = (await control(url, "/sandbox/books"))["instances"]

        async with program(*SERVICE, env=env) as second:
            closed = await second.line(lambda line: line.startswith("closed"), within_s=90)
        (after,) = (await control(url, "/sandbox/books"))["instances"]

    assert before["destroyed_at"] is None
    assert after["destroyed_at"] is not None
    assert not closed.endswith("None")


@pytest.mark.parametrize(
    ("moment", "after_s"),
    [
        pytest.param("restoring", 0.3, id="while restoring"),
        pytest.param("switching", 0.2, id="while the last copy is made"),
        pytest.param("cleared", 0.0, id="between proof and destroy"),
    ],
)
async def test_killed_while_moving_it_goes_on_and_ends_on_one_machine(
    tmp_path: Path, moment: str, after_s: float
) -> None:
    """Whatever moment of a move: the new machine has the same files, and only it is left."""
    async with sandbox(tmp_path / "machines", *QUICK) as url:
        env = _env(url, tmp_path)
        async with program(*SERVICE, "rent", "move", env=env) as first:
            old = await first.line(lambda line: line.startswith("ready"), within_s=60)
            (work,) = (tmp_path / "machines").glob("*/workspace")
            (work / "weights.bin").write_bytes(os.urandom(30_000_000))
            before = tree(work)
            (tmp_path / "bellhop" / "go").touch()
            await first.line(lambda line: line.startswith(moment), within_s=60)
            await asyncio.sleep(after_s)
            await first.kill()
        at_death = (await control(url, "/sandbox/books"))["instances"]

        async with program(*SERVICE, env=env) as second:
            await second.line(
                lambda line: line.startswith(f"closed {old.split()[1]}"), within_s=120
            )
            await second.line(lambda line: line.startswith("ready") and line != old, within_s=30)
        books = (await control(url, "/sandbox/books"))["instances"]
        (there,) = [one for one in books if one["state"] == "running"]
        after = tree(tmp_path / "machines" / str(there["id"]) / "workspace")

    assert all(one["destroyed_at"] is None for one in at_death)
    assert len(books) == 2
    assert after.items() >= before.items()


async def test_a_stop_is_clean_and_quick(tmp_path: Path) -> None:
    """SIGTERM ends the sandbox program with status 0 within ten seconds."""
    async with program(
        "-m", "bot", "sandbox", "--port", "0", "--data", str(tmp_path), "--no-machines"
    ) as running:
        await running.line(lambda line: "listens on" in line)

        code = await asyncio.wait_for(running.kill(_TERM), 10)

    assert code == 0


def _env(url: str, folder: Path) -> dict[str, str]:
    return {
        "VAST_URL": url,
        "VAST_API_KEY": "sandbox",
        "BELLHOP_DATA": str(folder / "bellhop"),
        "BELLHOP_RELAY_LISTEN": "127.0.0.1:0",
        "BELLHOP_RELAY_URL": "http://{rental}.localhost:8642",
        "BELLHOP_POLL_S": "1",
    }


def _jupyter(folder: Path) -> object:
    """What the machine knows of its notebook server: the process among it."""
    (state,) = (folder / "machines").glob("*/root/.bellhop/jupyter.json")
    return json.loads(state.read_text())["pid"]


async def _until(moment: Moment, url: str) -> None:
    """Look until the moment has come."""
    for _ in range(1500):
        if await moment(url):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the moment never came")
