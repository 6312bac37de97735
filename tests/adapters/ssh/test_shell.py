"""Commands on a machine."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.adapters.ssh.shell import SshShell
from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.rentals import RentalId
from bot.errors import CommandFailed, Unreachable
from bot.sandbox import machine_processes
from tests.sandbox.rooms import Room, until

_ID = RentalId("bcdfgh")


@pytest.fixture
async def shell(room: Room, tunnels: SshTunnels) -> SshShell:
    await tunnels.connect(_ID, [await room.start()], host_key=None, patience_s=5)
    return tunnels.shell(_ID)


async def test_a_script_has_its_output_and_its_errors_apart(shell: SshShell) -> None:
    """Several lines, quotes and a here-document go as they are."""
    ran = await shell.run("echo \"it's\"\ncat <<'END'\na $b\nEND\necho bad >&2")

    assert (ran.status, ran.stdout, ran.stderr) == (0, "it's\na $b\n", "bad\n")


async def test_a_failing_script_raises_with_its_words(shell: SshShell) -> None:
    """A status other than 0 is an error unless the caller wants to see for itself."""
    with pytest.raises(CommandFailed, match="no such thing") as raised:
        await shell.run("echo no such thing >&2; exit 3")
    ran = await shell.run("exit 3", check=False)

    assert raised.value.status == 3
    assert raised.value.stderr == "no such thing\n"
    assert raised.value.public == "A command on the machine failed."
    assert ran.status == 3


async def test_a_signal_is_status_minus_one(shell: SshShell) -> None:
    """A command that was killed has no exit status of its own."""
    ran = await shell.run("kill -KILL $PPID $$", check=False)

    assert ran.status == -1


async def test_what_bashrc_says_does_not_matter(room: Room, shell: SshShell) -> None:
    """People put banners into `.bashrc`, and bash reads it under sshd."""
    bashrc = room.data / "7" / "root" / ".bashrc"
    bashrc.write_text("echo Welcome; echo to the machine >&2\n")

    ran = await shell.run("echo 42")

    assert (ran.stdout, ran.stderr) == ("42\n", "")


async def test_a_command_cannot_eat_the_rest_of_the_script(shell: SshShell) -> None:
    """The script comes on standard input, which its commands must not read."""
    ran = await shell.run("cat\necho still here")

    assert ran.stdout == "still here\n"


async def test_the_deadline_ends_the_command_on_the_machine_too(
    room: Room, shell: SshShell
) -> None:
    """A hanging command is given up and does not go on behind our back."""
    started = time.monotonic()

    with pytest.raises(Unreachable, match="was ended after 1 s"):
        await shell.run("echo begun; sleep 1000; echo never", timeout_s=1)

    assert time.monotonic() - started < 3
    await until(lambda: not machine_processes.marked(str(room.data.resolve())))


async def test_endless_output_is_an_error(shell: SshShell) -> None:
    """What is read is kept in memory, so there is a bound."""
    with pytest.raises(CommandFailed, match="said more than"):
        await shell.run("yes", timeout_s=20)

    assert (await shell.run("echo the connection lives on")).status == 0


async def test_a_lost_connection_is_unreachable(room: Room, shell: SshShell) -> None:
    """The machine vanishing in the middle of a command is said as such."""
    running = asyncio.create_task(shell.run("sleep 1000"))
    await until(lambda: bool(machine_processes.marked(str(room.data.resolve()))))

    await room.machines.stop(7)

    with pytest.raises(Unreachable, match="connection"):
        await running
    with pytest.raises(Unreachable):
        await shell.run("true")


async def test_many_commands_share_the_connection(shell: SshShell) -> None:
    """Eight at once come back with their own answers."""
    ran = await asyncio.gather(*(shell.run(f"echo {number}") for number in range(8)))

    assert [each.stdout for each in ran] == [f"{number}\n" for number in range(8)]
