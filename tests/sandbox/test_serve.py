"""The sandbox as a program: its arguments, its address, its end."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.serve import Sandbox, add_arguments, from_arguments, serve
from bot.sandbox.yard import NoMachines, Yard


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_the_arguments_make_the_sandbox() -> None:
    """The yard is made in the data folder, unless machines are left out."""
    asked: list[Path] = []

    def machines(data: Path) -> Yard:
        asked.append(data)
        return NoMachines()

    small = from_arguments(parse("--data", "there", "--seed", "5", "--offers", "300"), machines)
    bare = from_arguments(parse("--no-machines", "--seed", "6"), machines)

    assert asked == [Path("there")]
    assert len(small.world.offers) >= 300
    assert set(small.world.offers) != set(bare.world.offers)


async def test_it_serves_until_it_is_told_to_stop(capsys: pytest.CaptureFixture[str]) -> None:
    """It says its address and how to use the CLI; SIGTERM ends it."""
    args = parse("--port", "0", "--no-machines")
    serving = asyncio.ensure_future(serve(args, machines=lambda data: NoMachines()))
    said = ""
    async with asyncio.timeout(30):
        while "VAST_URL=" not in said:
            await asyncio.sleep(0.01)
            said += capsys.readouterr().out

    url = said.split("VAST_URL=")[1].split()[0]
    async with aiohttp.ClientSession() as session, session.get(url + "/sandbox/books") as got:
        assert got.status == 200
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(30):
        await serving

    assert url.startswith("http://127.0.0.1:")
    assert "VAST_API_KEY=sandbox" in said


async def test_a_taken_port_is_an_error_and_leaves_nothing_open() -> None:
    first = Sandbox(yard=NoMachines())
    url = await first.start()

    second = Sandbox(yard=NoMachines(), port=int(url.rsplit(":", 1)[1]))
    with pytest.raises(OSError, match="address already in use"):
        await second.start()

    await first.close()


async def test_time_passes_by_itself() -> None:
    """With the true clock a machine comes to run without anybody asking."""
    sandbox = Sandbox(yard=NoMachines())
    await sandbox.start()
    before = sandbox.world.at
    async with asyncio.timeout(30):
        while True:
            await asyncio.sleep(0.01)
            if sandbox.world.at > before:
                break
    await sandbox.close()

    assert abs((datetime.now(UTC) - sandbox.world.at).total_seconds()) < 5
