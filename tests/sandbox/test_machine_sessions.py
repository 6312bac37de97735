"""What can be done over SSH on a simulated machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh
import pytest

from tests.sandbox.rooms import Room, open_room


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as room:
        yield room


async def test_ssh_is_refused_at_first_and_then_lets_in(room: Room) -> None:
    """A machine that runs lets SSH in only some seconds later; its port is known at once."""
    address = await room.start(ssh_after_s=0.3)

    with pytest.raises(ConnectionRefusedError):
        await room.connect(address)
    async with room.login(address) as ssh:
        ran = await ssh.run("echo in")

    assert ran.stdout == "in\n"


async def test_only_root_with_a_known_key_may_enter(room: Room) -> None:
    """Login is root, by public key only, and the keys can change while the machine runs."""
    address = await room.start()
    async with room.login(address):
        pass

    with pytest.raises(asyncssh.PermissionDenied):
        await room.connect(address, username="person")
    room.machines.set_keys(7, [])
    with pytest.raises(asyncssh.PermissionDenied):
        await room.connect(address)
    room.machines.set_keys(7, ["not a key", room.key.public_line()])
    async with room.login(address):
        pass


async def test_a_command_has_its_three_streams_and_its_status(room: Room) -> None:
    """Input, output, errors, exit status and death by a signal come through."""
    async with room.login(await room.start()) as ssh:
        ran = await ssh.run("cat; echo bad >&2; exit 3", input="good")
        killed = await ssh.run("kill -TERM $$")

    assert (ran.stdout, ran.stderr, ran.exit_status) == ("good", "bad\n", 3)
    assert killed.exit_signal is not None
    assert killed.exit_signal[0] == "TERM"


async def test_binary_data_comes_through_unchanged(room: Room) -> None:
    """Every byte counts, both ways, also in amounts that no buffer holds."""
    sent = os.urandom(8_000_000)

    async with room.login(await room.start()) as ssh:
        ran = await ssh.run("cat", input=sent, encoding=None)

    assert ran.stdout == sent
    assert room.machines.traffic(7) == (len(sent), len(sent))


async def test_a_command_can_be_interrupted(room: Room) -> None:
    """A signal sent over the channel reaches the command and what it started."""
    async with room.login(await room.start()) as ssh:
        # A trap, for bash may be between two commands when the signal comes.
        process = await ssh.create_process(
            "trap 'exit 130' INT; echo begun; while :; do sleep 0.1; done; echo not reached"
        )
        await process.stdout.readline()

        process.send_signal("INT")
        ended = await process.wait()

    assert ended.exit_signal is not None or ended.exit_status == 130
    assert "not reached" not in str(ended.stdout)


async def test_a_terminal_is_a_real_terminal(room: Room) -> None:
    """An interactive shell has a size, a name, job control and an exit status."""
    async with room.login(await room.start()) as ssh:
        process = await ssh.create_process(term_type="xterm", term_size=(100, 30))
        process.stdin.write("stty size; echo $TERM; echo $-; exit 4\n")
        shown = await process.stdout.read()
        await process.wait_closed()

    assert "30 100" in shown
    assert "root@C.7" in shown
    assert process.exit_status == 4


async def test_a_terminal_can_be_resized(room: Room) -> None:
    """A browser's terminal changes its size with its window."""
    async with room.login(await room.start()) as ssh:
        process = await ssh.create_process(term_type="xterm", term_size=(80, 24))
        process.change_terminal_size(132, 43)
        process.stdin.write("until [ \"$(stty size)\" = '43 132' ]; do sleep 0.05; done; exit 5\n")
        await process.stdout.read()
        await process.wait_closed()

    assert process.exit_status == 5


async def test_ports_and_sockets_are_forwarded(room: Room, tmp_path: Path) -> None:
    """Both ways to a notebook work: loopback port and Unix socket; a closed one is refused."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    path = str(tmp_path / "echo.sock")
    tcp = await asyncio.start_server(echo, "127.0.0.1", 0)
    unix = await asyncio.start_unix_server(echo, path)
    async with tcp, unix, room.login(await room.start()) as ssh:
        answers = []
        for opening in (
            ssh.open_connection("127.0.0.1", tcp.sockets[0].getsockname()[1]),
            ssh.open_unix_connection(path),
        ):
            reader, writer = await opening
            writer.write(b"hello\n")
            answers.append(await reader.read())
            writer.close()
        with pytest.raises(asyncssh.ChannelOpenError):
            await ssh.open_unix_connection(path + ".not")

    assert answers == [b"HELLO\n", b"HELLO\n"]
    assert room.machines.traffic(7) == (12, 12)


async def test_files_can_be_copied(room: Room) -> None:
    """SFTP sees the machine's folder as its root."""
    async with room.login(await room.start()) as ssh, ssh.start_sftp_client() as sftp:
        async with sftp.open("/workspace/note.txt", "w") as file:
            await file.write("kept")
        ran = await ssh.run("cat $WORKSPACE/note.txt")

    assert ran.stdout == "kept"


async def test_nvidia_smi_shows_the_load_that_was_set(room: Room) -> None:
    """The stand-in answers the questions a watch asks, for every GPU."""
    query = "--query-gpu=index,utilization.gpu,memory.used,memory.total,name"
    async with room.login(await room.start()) as ssh:
        room.machines.set_gpu(7, util=87.0, vram_mb=12000)
        asked = await ssh.run(f"nvidia-smi {query} --format=csv,noheader,nounits")
        titled = await ssh.run("nvidia-smi --query-gpu=memory.used --format=csv")
        table = await ssh.run("nvidia-smi")
        wrong = await ssh.run("nvidia-smi --query-gpu=shoe.size --format=csv")

    assert asked.stdout == "0, 87, 12000, 24564, RTX A5000\n1, 87, 12000, 24564, RTX A5000\n"
    assert titled.stdout == "memory.used [MiB]\n12000 MiB\n12000 MiB\n"
    assert "RTX A5000" in str(table.stdout)
    assert len({len(line) for line in str(table.stdout).splitlines()}) == 1
    assert wrong.exit_status == 2


async def test_the_environment_is_that_of_a_container(room: Room) -> None:
    """Vast's variables and the rental's own are there; nothing of the sandbox's own is."""
    os.environ["BELLHOP_TEST_SECRET"] = "of the host"
    try:
        async with room.login(await room.start()) as ssh:
            ran = await ssh.run("env")
    finally:
        del os.environ["BELLHOP_TEST_SECRET"]

    env = dict(line.split("=", 1) for line in str(ran.stdout).splitlines())
    assert env["CONTAINER_ID"] == "7"
    assert env["GREETING"] == "hello there"
    assert env["WORKSPACE"] == str(room.data / "7" / "workspace")
    assert env["HOME"] == str(room.data / "7" / "root")
    assert "BELLHOP_TEST_SECRET" not in env
