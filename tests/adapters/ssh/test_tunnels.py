"""One connection per rental, and the local sockets that lead to notebooks."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncssh
import pytest

from bot.adapters.ssh.connect import Pace
from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.rentals import Address, RentalId
from bot.errors import HostKeyChanged, Unreachable
from bot.ports.machines import NotebookAt
from tests.sandbox.rooms import Room, until

_ID = RentalId("bcdfgh")
MB = 1024 * 1024


async def test_it_keeps_trying_while_refused(room: Room, tunnels: SshTunnels) -> None:
    """SSH is refused for the first seconds of every machine."""
    address = await room.start(ssh_after_s=0.5)

    host_key = await tunnels.connect(_ID, [address], host_key=None, patience_s=5)

    assert host_key.startswith("ssh-ed25519 AAAA")
    assert len(host_key.split()) == 2
    assert tunnels.connected(_ID)


async def test_it_gives_up_when_patience_ends(room: Room, tunnels: SshTunnels) -> None:
    """Refused is told apart from silent, and the end comes in time."""
    address = await room.start(ssh_after_s=1000)
    started = time.monotonic()

    with pytest.raises(Unreachable, match="refuses connections"):
        await tunnels.connect(_ID, [address], host_key=None, patience_s=0.4)

    assert time.monotonic() - started < 2
    assert not tunnels.connected(_ID)
    with pytest.raises(Unreachable):
        tunnels.shell(_ID)


async def test_a_silent_server_costs_no_more_than_the_patience(tunnels: SshTunnels) -> None:
    """It accepts the connection and then says nothing."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
    started = time.monotonic()

    async with server:
        with pytest.raises(Unreachable, match="does not answer"):
            await tunnels.connect(_ID, [address], host_key=None, patience_s=1)

    assert time.monotonic() - started < 3


async def test_what_a_machine_says_at_the_first_contact_is_not_collected(room: Room) -> None:
    """A hostile one talks for as long as the attempt may take, at each attempt."""
    tunnels = SshTunnels(key=room.key, pace=Pace(attempt_s=20))

    class Anybody(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    async def talk(process: asyncssh.SSHServerProcess[bytes]) -> None:
        for _ in range(48):
            process.stdout.write(b"x" * MB)
            await process.stdout.drain()
        process.exit(0)

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Anybody,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        process_factory=talk,
        encoding=None,
    )
    address = Address("127.0.0.1", server.get_port())
    tracemalloc.start()
    try:
        await tunnels.connect(_ID, [address], host_key=None, patience_s=20)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        await tunnels.aclose()
        server.close()

    assert most < 24 * MB


async def test_a_server_that_is_no_ssh_server_is_unreachable(tunnels: SshTunnels) -> None:
    """Something else has the port; nothing but our own errors comes out."""

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    address = Address("127.0.0.1", server.sockets[0].getsockname()[1])

    async with server:
        with pytest.raises(Unreachable):
            await tunnels.connect(_ID, [address], host_key=None, patience_s=0.3)


async def test_a_key_that_is_not_there_yet_is_waited_for(room: Room, tunnels: SshTunnels) -> None:
    """Vast hands keys out with a delay: being turned away at first is normal."""
    address = await room.start()
    room.machines.set_keys(7, [])
    attempt = asyncio.create_task(tunnels.connect(_ID, [address], host_key=None, patience_s=5))
    await until(lambda: "Server listening" in room.machines.log(7))
    await asyncio.sleep(0.1)
    assert not attempt.done()

    room.machines.set_keys(7, [room.key.public_line()])

    await attempt
    assert tunnels.connected(_ID)


async def test_the_addresses_are_tried_in_order(room: Room, tunnels: SshTunnels) -> None:
    """Direct first, then the proxy: one that refuses does not keep us from the other."""
    refusing = await room.start(1, ssh_after_s=1000)
    open_one = await room.start(2)

    await tunnels.connect(_ID, [refusing, open_one], host_key=None, patience_s=5)

    assert (await tunnels.shell(_ID).run("echo $CONTAINER_ID")).stdout == "2\n"


async def test_no_address_is_unreachable(tunnels: SshTunnels) -> None:
    """A machine may not have one yet."""
    with pytest.raises(Unreachable, match="no address"):
        await tunnels.connect(_ID, [], host_key=None, patience_s=1)


async def test_those_who_connect_at_once_share_one_connection(
    room: Room, tunnels: SshTunnels
) -> None:
    """A rental has one connection, however many need it."""
    address = await room.start(ssh_after_s=0.2)

    keys = await asyncio.gather(
        *(tunnels.connect(_ID, [address], host_key=None, patience_s=5) for _ in range(10))
    )
    keys.append(await tunnels.connect(_ID, [address], host_key=keys[0], patience_s=5))

    assert len(set(keys)) == 1
    assert room.machines.log(7).count("Accepted publickey") == 1


async def test_one_who_gives_up_does_not_end_it_for_the_others(
    room: Room, tunnels: SshTunnels
) -> None:
    """The attempt is shared, the patience is not."""
    address = await room.start(ssh_after_s=0.4)
    first, second = (
        asyncio.create_task(tunnels.connect(_ID, [address], host_key=None, patience_s=5))
        for _ in range(2)
    )
    await asyncio.sleep(0.1)

    first.cancel()

    assert await second
    assert first.cancelled()


async def test_another_host_key_is_never_connected_to(room: Room, tunnels: SshTunnels) -> None:
    """The key of the first contact is pinned; another one is another machine."""
    address = await room.start()
    pinned = await tunnels.connect(_ID, [address], host_key=None, patience_s=5)
    await tunnels.close(_ID)
    await room.machines.stop(7)
    (room.data / "7" / "host_key").unlink()
    before = room.machines.log(7).count("Accepted publickey")
    address = await room.start()

    with pytest.raises(HostKeyChanged) as raised:
        await tunnels.connect(_ID, [address], host_key=pinned, patience_s=5)

    assert "we do not connect" in raised.value.public
    assert room.machines.log(7).count("Accepted publickey") == before
    assert not tunnels.connected(_ID)


async def test_the_pinned_key_lets_in_whatever_its_comment(room: Room, tunnels: SshTunnels) -> None:
    """The line may have been kept with a comment."""
    address = await room.start()
    pinned = await tunnels.connect(_ID, [address], host_key=None, patience_s=5)
    await tunnels.close(_ID)

    again = await tunnels.connect(_ID, [address], host_key=f"{pinned} a@b", patience_s=5)

    assert again == pinned


async def test_the_fast_ciphers_come_first(room: Room, tunnels: SshTunnels) -> None:
    """gcm is nearly twice as fast as what the peers would agree on else."""
    await tunnels.connect(_ID, [await room.start()], host_key=None, patience_s=5)

    cipher = tunnels.shell(_ID)._connection.get_extra_info("send_cipher")

    assert cipher == "aes256-gcm@openssh.com"


async def test_a_lost_connection_is_noticed_and_can_be_made_again(
    room: Room, tunnels: SshTunnels, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once in the log, and the next connect starts over."""
    address = await room.start()
    await tunnels.connect(_ID, [address], host_key=None, patience_s=5)

    with caplog.at_level(logging.WARNING, "bot.adapters.ssh"):
        await room.machines.stop(7)
        await until(lambda: not tunnels.connected(_ID))
    address = await room.start()
    await tunnels.connect(_ID, [address], host_key=None, patience_s=5)

    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"lost the connection to {_ID}"
    ]
    assert (await tunnels.shell(_ID).run("echo back")).stdout == "back\n"


async def test_a_machine_that_falls_silent_is_noticed(room: Room) -> None:
    """Keepalives find what no packet tells: here everything is swallowed on the way."""
    address = await room.start()
    swallowing = asyncio.Event()

    async def middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection(address.host, address.port)

        async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                if not swallowing.is_set():
                    target.write(data)
            target.close()

        await asyncio.gather(pass_on(reader, outer), pass_on(inner, writer))

    server = await asyncio.start_server(middle, "127.0.0.1", 0)
    between = Address("127.0.0.1", server.sockets[0].getsockname()[1])
    tunnels = SshTunnels(key=room.key, pace=Pace(keepalive_s=0.2, keepalives=2))
    async with server:
        await tunnels.connect(_ID, [between], host_key=None, patience_s=5)

        swallowing.set()

        await until(lambda: not tunnels.connected(_ID), within_s=5)
        await tunnels.aclose()
        await room.machines.close()


async def test_closing_is_for_good_and_may_be_repeated(room: Room, tunnels: SshTunnels) -> None:
    """Also in the middle of an attempt, whose waiters are told."""
    address = await room.start(ssh_after_s=1000)
    attempt = asyncio.create_task(tunnels.connect(_ID, [address], host_key=None, patience_s=50))
    await asyncio.sleep(0.1)

    await tunnels.close(_ID)
    await tunnels.close(_ID)

    with pytest.raises(Unreachable, match="closed meanwhile"):
        await attempt


async def test_a_forward_leads_to_the_notebook_and_moves_with_it(
    room: Room, tunnels: SshTunnels, tmp_path: Path
) -> None:
    """Port or socket, one local path per rental, private to us; asked again it is the same."""
    await tunnels.connect(_ID, [await room.start()], host_key=None, patience_s=5)
    tcp = await asyncio.start_server(_saying(b"port"), "127.0.0.1", 0)
    unix = await asyncio.start_unix_server(_saying(b"socket"), tmp_path / "n.sock")
    by_port = _notebook(port=tcp.sockets[0].getsockname()[1])
    by_socket = _notebook(socket=str(tmp_path / "n.sock"))

    async with tcp, unix:
        path = await tunnels.forward(_ID, by_port)
        said = [await _read(path), await _read(await tunnels.forward(_ID, by_port))]
        said.append(await _read(await tunnels.forward(_ID, by_socket)))

    assert said == [b"port", b"port", b"socket"]
    assert await tunnels.forward(_ID, by_socket) == path
    assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
    assert len(os.fsencode(path)) < 80


async def test_a_large_answer_comes_through_the_forward_unchanged(
    room: Room, tunnels: SshTunnels, tmp_path: Path
) -> None:
    """Binary, and more than any buffer holds."""
    sent = os.urandom(20_000_000)
    await tunnels.connect(_ID, [await room.start()], host_key=None, patience_s=5)
    unix = await asyncio.start_unix_server(_saying(sent), tmp_path / "n.sock")

    async with unix:
        got = await _read(await tunnels.forward(_ID, _notebook(socket=str(tmp_path / "n.sock"))))

    assert got == sent


async def test_the_local_socket_goes_with_the_connection(room: Room, tunnels: SshTunnels) -> None:
    """Nobody may wait at a door that leads nowhere."""
    await tunnels.connect(_ID, [await room.start()], host_key=None, patience_s=5)
    path = await tunnels.forward(_ID, _notebook(port=9))
    assert _there(path)

    await tunnels.close(_ID)
    assert not _there(path)
    with pytest.raises(Unreachable):
        await tunnels.forward(_ID, _notebook(port=9))
    await tunnels.aclose()
    assert not _there(os.path.dirname(path))


async def test_a_deep_runtime_folder_is_passed_by(
    room: Room, tunnels: SshTunnels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Unix socket's path has 107 bytes at most."""
    deep = tmp_path / ("deep" * 25)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    await tunnels.connect(_ID, [await room.start()], host_key=None, patience_s=5)

    path = await tunnels.forward(_ID, _notebook(port=9))

    assert not path.startswith(str(deep))


def _notebook(*, socket: str | None = None, port: int | None = None) -> NotebookAt:
    return NotebookAt(socket=socket, port=port, token="t", root="/workspace")


def _saying(
    words: bytes,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await writer.drain()
        writer.close()

    return say


async def _read(path: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    data = await reader.read()
    writer.close()
    return data


def _there(path: str) -> bool:
    return os.path.exists(path)
