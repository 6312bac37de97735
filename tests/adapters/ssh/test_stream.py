"""Commands whose input and output are streams, over real SSH."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from bot.adapters.ssh.keys import load_or_create
from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.rentals import Address, RentalId
from bot.errors import Damaged, Unreachable
from bot.ports.machines import Shell
from bot.sandbox.machine import Machines
from bot.sandbox.yard import Plan

RENTAL = RentalId("bcdfgh")


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    machines = Machines(tmp_path / "machines")
    key = load_or_create(tmp_path / "keys")
    tunnels = SshTunnels(key=key)
    plan = Plan(
        contract=1, image="pytorch:1", label="t/x", gpu_name="T4", gpus=1, vram_mb=1, env={},
        onstart="",
    )  # fmt: skip
    port = await machines.start(plan, keys=[key.public_line()], ssh_after_s=0)
    await tunnels.connect(RENTAL, [Address("127.0.0.1", port)], host_key=None, patience_s=10)
    yield tunnels.shell(RENTAL)
    await tunnels.aclose()
    await machines.close()


async def zeros(size: int) -> AsyncGenerator[bytes, None]:
    for _ in range(size // 100_000):
        yield bytes(100_000)


async def test_megabytes_go_both_ways_at_once(shell: Shell) -> None:
    """Neither side waits for the other to finish first."""
    hashed = hashlib.sha256()

    async with shell.stream("tr '\\0' 'x'", stdin=zeros(20_000_000), timeout_s=60) as running:
        async for data in running:
            hashed.update(data)
        ran = await running.end()

    assert (ran.status, ran.stderr) == (0, "")
    assert hashed.digest() == hashlib.sha256(b"x" * 20_000_000).digest()


async def test_bytes_stay_as_they_are(shell: Shell) -> None:
    """No terminal is between: every byte, also what looks like a control character."""

    async def everything() -> AsyncGenerator[bytes, None]:
        yield bytes(range(256))

    async with shell.stream("cat", stdin=everything(), timeout_s=20) as running:
        data = b"".join([piece async for piece in running])

    assert data == bytes(range(256))


async def test_status_and_complaints_come_at_the_end(shell: Shell) -> None:
    async with shell.stream("echo out; echo complaint >&2; exit 7", timeout_s=20) as running:
        ran = await running.end()

    assert (ran.status, ran.stdout, ran.stderr) == (7, "", "complaint\n")


async def test_a_command_may_stop_reading_early(shell: Shell) -> None:
    """That is its own affair: the status says whether it was content."""
    async with shell.stream("head -c 10", stdin=zeros(5_000_000), timeout_s=20) as running:
        data = b"".join([piece async for piece in running])
        ran = await running.end()

    assert (data, ran.status) == (bytes(10), 0)


async def test_silence_has_an_end(shell: Shell) -> None:
    async with shell.stream("sleep 100", timeout_s=50, silence_s=0.3) as running:
        with pytest.raises(Unreachable, match="nothing for too long"):
            await running.end()


async def test_input_that_moves_is_no_silence(shell: Shell) -> None:
    """A command that only takes and says nothing, as tar does while it restores."""

    async def slow() -> AsyncGenerator[bytes, None]:
        for _ in range(6):
            await asyncio.sleep(0.1)
            yield b"x" * 10

    async with shell.stream("cat >/dev/null", stdin=slow(), timeout_s=30, silence_s=0.4) as running:
        ran = await running.end()

    assert ran.status == 0


async def test_the_deadline_holds(shell: Shell) -> None:
    async with shell.stream("while :; do echo x; sleep 0.1; done", timeout_s=1) as running:
        ran = await running.end()

    assert ran.status in (-1, 137)


async def test_a_broken_connection_is_no_end(shell: Shell) -> None:
    """What came before looks whole; only the missing status says that it is not."""
    async with shell.stream("echo out; sleep 30", timeout_s=50) as running:
        assert await anext(aiter(running)) == b"out\n"
        shell._connection.abort()

        with pytest.raises(Unreachable):
            await running.end()


async def test_input_that_fails_is_told_and_the_command_sees_no_clean_end(
    shell: Shell, tmp_path: Path
) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"half"
        raise Damaged("a part is lost")

    async with shell.stream("cat >/dev/null", stdin=broken(), timeout_s=20) as running:
        with pytest.raises(Damaged):
            await running.end()


async def test_a_broken_connection_raises_unreachable_at_the_start(shell: Shell) -> None:
    shell._connection.abort()

    with pytest.raises(Unreachable):
        async with shell.stream("true", timeout_s=20):
            pass
