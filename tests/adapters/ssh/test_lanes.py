"""Fast lanes: OpenSSH's client beside the shared connection, never instead of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from bot.adapters.ssh import lanes
from bot.adapters.ssh.connect import Pace
from bot.adapters.ssh.keys import SshKey, load_or_create
from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.processes import LANE
from bot.domain.rentals import Address, RentalId
from bot.ports.machines import Carries, NotebookAt
from tests.relay.conftest import until
from tests.sandbox.rooms import Room

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="NO OpenSSH CLIENT HERE")

_ID = RentalId("bcdfgh")
SENT = os.urandom(3_000_000)


@pytest.fixture
async def tunnels(room: Room, tmp_path: Path) -> AsyncIterator[SshTunnels]:
    """Connected, with a notebook that says the same to everybody and then waits."""
    room.key = load_or_create(tmp_path / "keys")
    tunnels = SshTunnels(key=room.key, pace=Pace(attempt_s=10, first_pause_s=0.05))
    await tunnels.connect(_ID, [await room.start()], host_key=None, patience_s=5)
    server = await asyncio.start_unix_server(_say, tmp_path / "n.sock")
    await tunnels.forward(
        _ID,
        NotebookAt(socket=str(tmp_path / "n.sock"), port=None, token="t", root="/workspace"),
    )
    yield tunnels
    await tunnels.aclose()
    server.close()


async def test_a_lane_opens_behind_our_back_and_carries_the_same(tunnels: SshTunnels) -> None:
    """The first who asks goes the usual way; each kind has a lane and a process of its own."""
    assert tunnels.lane(_ID, Carries.REQUESTS) is None

    path = await _open(tunnels, Carries.REQUESTS)
    other = await _open(tunnels, Carries.SOCKETS)

    assert await _read(path) == SENT
    assert other != path
    assert _process(tunnels, Carries.REQUESTS) != _process(tunnels, Carries.SOCKETS)


async def test_a_lane_is_no_sign_of_life_on_the_machine(tunnels: SshTunnels) -> None:
    """What waits at its far end bears the name by which the idle watch leaves it out."""
    before = _named(LANE)
    await _open(tunnels)
    (there,) = _named(LANE) - before

    await tunnels.close(_ID)

    await until(lambda: there not in _named(LANE), within_s=10)


async def test_a_lane_ends_with_its_rental(tunnels: SshTunnels) -> None:
    """Process and socket."""
    path = await _open(tunnels)
    process = _process(tunnels)

    await tunnels.close(_ID)

    assert not _lives(process)
    assert not _there(path)
    assert tunnels.lane(_ID, Carries.REQUESTS) is None


async def test_a_lane_that_dies_is_missed_at_once_and_opened_again(tunnels: SshTunnels) -> None:
    """What is there now is said, never what was."""
    path = await _open(tunnels)
    os.kill(_process(tunnels), signal.SIGKILL)

    await until(lambda: not _there(path))
    assert await _read(await _open(tunnels)) == SENT


async def test_a_lane_rests_once_nobody_uses_it(
    tunnels: SshTunnels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle rental costs no process; what still goes through a lane is not cut."""
    monkeypatch.setattr(lanes, "REST_S", 0.3)
    path = await _open(tunnels)
    process = _process(tunnels)
    reader, writer = await asyncio.open_unix_connection(path)
    assert await reader.readexactly(len(SENT)) == SENT

    await asyncio.sleep(1)  # longer than it waits to be asked
    assert _lives(process)
    writer.close()
    await until(lambda: not _lives(process), within_s=10)


async def test_another_host_key_gets_no_lane(
    tunnels: SshTunnels, caplog: pytest.LogCaptureFixture
) -> None:
    """The pinned key or none; and it is not tried again every moment."""
    caplog.set_level("INFO")
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode()
    tunnels._lines[_ID].host_key = " ".join(stranger.split()[:2])

    assert tunnels.lane(_ID, Carries.REQUESTS) is None
    await until(lambda: "no fast lane" in caplog.text, within_s=20)

    assert tunnels.lane(_ID, Carries.REQUESTS) is None
    assert tunnels._lanes is not None
    assert not tunnels._lanes._lanes
    assert "Host key verification failed" in caplog.text


async def test_a_machine_that_says_a_line_without_end_gets_no_lane(tmp_path: Path) -> None:
    """It is over, as any that does not come up, and no fault of ours."""
    end = lanes.End(Address("h", 22), "a key", "/n.sock")
    lane = lanes.Lane(tmp_path / "lane", end, ["head", "-c", "200000", "/dev/zero"], known=str)

    await asyncio.wait_for(lane._life, 10)

    assert not lane.opened


async def test_a_moved_machine_gets_a_new_lane(tunnels: SshTunnels, room: Room) -> None:
    """The old one leads to the old machine."""
    await _open(tunnels)
    before = _process(tunnels)
    address = await room.start(8)
    tunnels._lines[_ID].address = address
    tunnels._lines[_ID].host_key = await _host_key(room, address)

    assert await _read(await _open(tunnels)) == SENT
    await until(lambda: not _lives(before))


async def test_without_openssh_there_is_no_lane(
    tunnels: SshTunnels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one with a key that lies nowhere; the shared connection does it all."""
    assert tunnels._lanes is not None
    monkeypatch.setattr(tunnels._lanes, "_program", None)
    assert tunnels.lane(_ID, Carries.REQUESTS) is None
    assert not tunnels._lanes._lanes

    keyless = SshTunnels(key=SshKey(asyncssh.generate_private_key("ssh-ed25519")))
    assert keyless.lane(_ID, Carries.REQUESTS) is None


async def _open(tunnels: SshTunnels, carries: Carries = Carries.REQUESTS) -> str:
    await until(lambda: tunnels.lane(_ID, carries) is not None, within_s=20)
    path = tunnels.lane(_ID, carries)
    assert path is not None
    return path


def _process(tunnels: SshTunnels, carries: Carries = Carries.REQUESTS) -> int:
    assert tunnels._lanes is not None
    process = tunnels._lanes._lanes[_ID, carries]._process
    assert process is not None
    return process.pid


def _named(name: str) -> set[int]:
    found = set()
    for file in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if file.read_text() == f"{name}\n":
                found.add(int(file.parent.name))
    return found


def _there(path: str) -> bool:
    return os.path.exists(path)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        writer.write(SENT)
        await reader.read()
    except ConnectionError:
        pass  # it was cut, as some tests do
    finally:
        writer.close()


async def _read(path: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        return await asyncio.wait_for(reader.readexactly(len(SENT)), 20)
    finally:
        writer.close()


async def _host_key(room: Room, address: object) -> str:
    async with room.login(address) as connection:  # type: ignore[arg-type]
        key = connection.get_server_host_key()
        assert key is not None
        return " ".join(key.export_public_key("openssh").decode().split()[:2])
