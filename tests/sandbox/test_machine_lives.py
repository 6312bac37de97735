"""What stays and what goes when simulated machines start, stop and vanish."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox import machine_processes
from tests.sandbox.rooms import Room, open_room, until

_DAEMON = "setsid nohup sleep 1000 >/dev/null 2>&1 </dev/null & echo $!"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as room:
        yield room


async def test_a_stopped_machine_comes_back_as_itself(room: Room) -> None:
    """Stop and start keep the files, the port and the host key; SSH is shut meanwhile."""
    address = await room.start()
    async with room.login(address) as ssh:
        key = ssh.get_server_host_key()
        await ssh.run("echo work > $WORKSPACE/file")

    await room.machines.stop(7)
    with pytest.raises(OSError, match="Connect call failed"):
        await room.connect(address)
    again = await room.start()

    assert again == address
    async with room.login(again) as ssh:
        assert ssh.get_server_host_key() == key
        assert (await ssh.run("cat $WORKSPACE/file")).stdout == "work\n"


async def test_a_daemon_survives_the_disconnect_and_ends_with_the_machine(room: Room) -> None:
    """What was started to stay runs on when SSH goes, until the machine is stopped."""
    async with room.login(await room.start()) as ssh:
        pid = int(str((await ssh.run(_DAEMON)).stdout))

    assert _alive(pid)
    await room.machines.stop(7)
    assert not _alive(pid)


async def test_a_command_outlives_a_client_that_goes_away(room: Room) -> None:
    """As with sshd, a lost connection kills no command that runs without a terminal."""
    async with room.login(await room.start()) as ssh:
        process = await ssh.create_process("echo $$; sleep 1000")
        pid = int(await process.stdout.readline())
        ssh.abort()

    await asyncio.sleep(0.1)
    assert _alive(pid)


async def test_removing_leaves_nothing(room: Room) -> None:
    """Every process, the children without our environment too, the files and the port are gone."""
    address = await room.start()
    async with room.login(address) as ssh:
        daemon = int(str((await ssh.run(_DAEMON)).stdout))
        process = await ssh.create_process("env -i sleep 1000 & echo $!; wait")
        bare = int(await process.stdout.readline())

        await room.machines.remove(7)

    assert not _alive(daemon)
    assert not _alive(bare)
    assert not (room.data / "7").exists()
    with pytest.raises(OSError, match="Connect call failed"):
        await room.connect(address)


async def test_removing_what_is_unknown_is_no_error(room: Room) -> None:
    """A destroy may be asked for twice."""
    await room.machines.remove(404)
    await room.machines.stop(404)
    room.machines.set_keys(404, [])

    assert room.machines.traffic(404) == (0, 0)
    assert room.machines.log(404) == ""


async def test_stopping_one_machine_leaves_the_others(room: Room) -> None:
    """Machine 1 is not the beginning of machine 12."""
    pids = {}
    for contract in (1, 12):
        async with room.login(await room.start(contract)) as ssh:
            pids[contract] = int(str((await ssh.run(_DAEMON)).stdout))

    await room.machines.stop(1)

    assert not _alive(pids[1])
    assert _alive(pids[12])


async def test_another_rental_under_an_old_number_gets_a_clean_disk(room: Room) -> None:
    """Numbers come again when the sandbox starts anew; files of strangers must not."""
    async with room.login(await room.start(label="bellhop/first")) as ssh:
        await ssh.run("echo secret > $WORKSPACE/file")

    async with room.login(await room.start(label="bellhop/second")) as ssh:
        ran = await ssh.run("ls $WORKSPACE")

    assert ran.stdout == ""


async def test_the_start_script_runs_and_is_logged(room: Room) -> None:
    """`onstart` runs as on Vast, its places moved into the machine's folder, its words kept."""
    await room.start(onstart="echo begun; env > /etc/environment; cd /workspace; touch started")

    folder = room.data / "7"
    await until(lambda: (folder / "workspace" / "started").exists())
    assert "begun" in room.machines.log(7)
    assert "GREETING=hello there" in (folder / "environment").read_text()


async def test_the_course_is_in_its_image_and_can_be_cloned_in_others(room: Room) -> None:
    """The course's address on GitHub leads to a real repository that needs no network."""
    course = await room.start(1, image="fastdotai/fastai-course:latest")
    plain = await room.start(2)

    async with room.login(course) as ssh:
        there = await ssh.run("ls $WORKSPACE/fastbook")
    async with room.login(plain) as ssh:
        cloned = await ssh.run(
            "git clone --depth 1 https://github.com/fastai/fastbook && ls fastbook"
        )

    assert "01_intro.ipynb" in str(there.stdout)
    assert cloned.stdout == there.stdout


async def test_an_image_without_jupyter_has_none(room: Room) -> None:
    """So that the way of installing it is tried, too; Python is there."""
    async with room.login(await room.start(image="example/no-jupyter")) as ssh:
        ran = await ssh.run("command -v jupyter jupyter-lab; python3 -c 'print(6 * 7)'")

    assert ran.stdout == "42\n"


async def test_a_killed_sandbox_leaves_no_processes(tmp_path: Path) -> None:
    """SIGKILL lets nobody clean up, so a warden outside does."""
    sandbox = await asyncio.to_thread(_sandbox_that_is_killed, tmp_path)

    assert sandbox == -signal.SIGKILL
    await until(lambda: not machine_processes.marked(str(tmp_path)))


async def test_a_sandbox_ends_what_an_earlier_one_left(tmp_path: Path) -> None:
    """If even the warden was killed, the next sandbox with the same data sees to it."""
    mark = f"{tmp_path}:earlier:9:"
    left = await asyncio.create_subprocess_exec("sleep", "1000", env={machine_processes.MARK: mark})

    async with open_room(tmp_path) as room:
        await room.start()

    assert await asyncio.wait_for(left.wait(), 30) == -signal.SIGKILL


def _sandbox_that_is_killed(data: Path) -> int:
    """Start a sandbox in a process of its own and kill it as soon as its machine is busy."""
    program = f"""
import asyncio, pathlib
from bot.sandbox.machine import Machines
from tests.sandbox.rooms import plan
async def main():
    machines = Machines(pathlib.Path({str(data)!r}))
    busy = plan(7, image="any", label="any/any", onstart="setsid sleep 1000 & echo busy")
    await machines.start(busy, keys=[], ssh_after_s=0)
    while "busy" not in machines.log(7):
        await asyncio.sleep(0.02)
    print("busy", flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    sandbox = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert sandbox.stdout is not None
    with sandbox.stdout as said:
        assert said.readline() == b"busy\n"
        assert machine_processes.marked(str(data.resolve()))
        sandbox.kill()
    return sandbox.wait(timeout=10)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
