"""The look's script on a real shell, and what becomes of odd answers."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.ssh.looks import ShellLooks, parse
from bot.domain.samples import Gpu
from bot.errors import CommandFailed
from bot.ports.machines import Ran

WHOLE = "bellhop-now 1000\nbellhop-self 30 100\nbellhop-jupyter 40\n{}\nbellhop-end\n"


class LocalShell:
    """This machine's own `sh`, with a PATH of the test's choice."""

    def __init__(self, **env: str) -> None:
        self._env = {**os.environ, **env}

    async def run(self, script: str, *, timeout_s: float = 30, check: bool = True) -> Ran:
        async with asyncio.timeout(timeout_s):
            child = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-s"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._env,
            )
            stdout, stderr = await child.communicate(script.encode())
        return Ran(status=child.returncode or 0, stdout=stdout.decode(), stderr=stderr.decode())


def only(folder: Path, *programs: str) -> str:
    """A PATH with these programs and no others."""
    for program in programs:
        found = shutil.which(program)
        assert found is not None
        (folder / program).symlink_to(found)
    return str(folder)


async def test_a_machine_of_coreutils_grep_and_awk_is_read_whole(tmp_path: Path) -> None:
    """No ps, no nvidia-smi, no getconf, no timeout."""
    tools = ("cat", "date", "awk", "grep", "cut", "sed", "stat", "ls", "find", "sort", "tail")
    (tmp_path / "fresh.txt").write_text("now")
    shell = LocalShell(PATH=only(tmp_path, *tools), WORKSPACE=str(tmp_path))

    reading = await ShellLooks().look(shell, files=True)

    assert reading.self_pid in {row.pid for row in reading.rows}
    assert os.getpid() in {row.pid for row in reading.rows}
    assert reading.gpus is None
    assert reading.changed_s is not None
    assert abs(reading.changed_s - reading.now_s) < 60


async def test_a_look_without_awk_knows_no_processes(tmp_path: Path) -> None:
    """It is whole, and says nothing rather than something wrong."""
    shell = LocalShell(PATH=only(tmp_path, "cat", "date"))

    reading = await ShellLooks().look(shell, files=False)

    assert reading.rows == ()
    assert reading.cpu_us is None


async def test_an_interface_counts_whatever_the_length_of_its_name(tmp_path: Path) -> None:
    """A virtual machine's is `enp3s0f0`: no space before it, as there is before `eth0`."""
    table = tmp_path / "dev"
    counts = "{} 1 0 0 0 0 0 0 {} 1 0 0 0 0 0 0"
    rows = {"    lo": (9, 9), "  eth0": (300, 400), "enp3s0f0": (10**9, 10**8)}
    lines = [f"{name}: {counts.format(*told)}" for name, told in rows.items()]
    table.write_text("\n".join(["Inter-|", " face |", *lines, ""]))

    class Elsewhere(LocalShell):
        async def run(self, script: str, **more: Any) -> Ran:
            return await super().run(script.replace("/proc/net/dev", str(table)), **more)

    reading = await ShellLooks().look(Elsewhere(), files=False)

    assert (reading.down_bytes, reading.up_bytes) == (10**9 + 300, 10**8 + 400)


@pytest.mark.parametrize("said", ["", "bellhop-now 5\n", WHOLE[:-6], "bellhop-end\n"])
def test_half_an_answer_is_none(said: str) -> None:
    """A connection that breaks in the middle must not look like a machine at rest."""
    with pytest.raises(CommandFailed):
        parse(said)


def test_nonsense_is_passed_over() -> None:
    """The machine is its renter's: what it says may break its own reading only."""
    said = WHOLE.format(
        "bellhop-process 5 1 5 0 1 2 3 a (b) c\n"
        "bellhop-process x 1 5 0 1 2 3 d\n"
        "bellhop-process 6\n"
        "bellhop-net 5\n"
        "bellhop-cpu -7\n"
        "bellhop-terminal /dev/pts/0 17\n"
        "bellhop-terminal /dev/pts/1 ?\n"
        "bellhop-changed \n"
        "else entirely"
    )

    reading = parse(said)

    assert [(row.pid, row.name) for row in reading.rows] == [(5, "a (b) c")]
    assert reading.down_bytes is None
    assert reading.cpu_us is None
    assert reading.terminals == {"pts/0": 17.0}
    assert reading.changed_s is None


@pytest.mark.parametrize("number", ["²", "9" * 5000, "nan", "inf", "-inf", "-1e300", "1e300"])
def test_what_is_no_number_breaks_no_look(number: str) -> None:
    """Else the machine would be judged no more, and nobody told."""
    said = WHOLE.format(
        f"bellhop-process 5 1 5 0 1 2 {number} a\n"
        f"bellhop-written 5 {number}\n"
        f"bellhop-terminal /dev/pts/0 {number}\n"
        f"bellhop-gpu 0, {number}, {number}\n"
        f"bellhop-changed {number}"
    )

    reading = parse(said)

    assert (reading.rows, reading.written, reading.terminals) == ((), {}, {})
    assert reading.changed_s is None
    with pytest.raises(CommandFailed):
        parse(said.replace("now 1000", f"now {number}"))


@pytest.mark.parametrize(
    ("lines", "gpus"),
    [
        ("bellhop-gpu 0, 97, 20123\nbellhop-gpu 1, 0, 2", (Gpu(97, 20123), Gpu(0, 2))),
        ("bellhop-gpu 0, [N/A], 20123", None),
        ("bellhop-gpu No devices were found", None),
        ("", None),
    ],
)
def test_gpus_are_known_whole_or_not_at_all(lines: str, gpus: tuple[Gpu, ...] | None) -> None:
    """A card that does not tell its load is not one at rest."""
    assert parse(WHOLE.format(lines)).gpus == gpus
