"""Other ways to take a workspace off a machine: the tutorial's, rsync and restic.

Each leaves what it took in a folder of ours, and is as quick as it can be made to be: keys instead
of passwords, no terminal, scp's older protocol, which is the faster one here.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.bench.machine import Machine

PATIENCE_S = 900.0

Take = Callable[[Machine, Path], Awaitable[None]]

TUTORIAL = "the tutorial's `tar chvfz notebook.tar.gz *`, then `scp`"
RSYNC = "`rsync -aHAXS` over ssh"
RESTIC = "`restic backup` on the machine to a folder beside it"


def takers() -> dict[str, Take]:
    """Those that can run here; says aloud which cannot."""
    found: dict[str, Take] = {TUTORIAL: _tutorial}
    for program, name, take in (("rsync", RSYNC, _rsync), ("restic", RESTIC, _restic)):
        if shutil.which(program):
            found[name] = take
        else:
            print(f"SKIPPED: {name}: {program} is not installed here", file=sys.stderr, flush=True)
    return found


async def _tutorial(machine: Machine, folder: Path) -> None:
    """Pack everything on the machine's disk, fetch that one file, remove it there."""
    packed = machine.workspace / "notebook.tar.gz"
    await _ssh(machine, folder, f"cd {machine.workspace} && tar chvfz {packed.name} *")
    await _run("scp", "-O", "-q", "-P", *_way(machine, folder), f"{_HOST}:{packed}", str(folder))
    packed.unlink()


async def _rsync(machine: Machine, folder: Path) -> None:
    port, *options = _way(machine, folder)
    shell = " ".join(("ssh", "-p", port, *options))
    source, target = f"{_HOST}:{machine.workspace}/", f"{folder / 'rsync'}/"
    await _run("rsync", "-aHAXS", "--delete", "-e", shell, source, target)


async def _restic(machine: Machine, folder: Path) -> None:
    """In its favour: nothing of it goes over the wire."""
    restic = f"RESTIC_PASSWORD=bench restic --quiet --repo {folder / 'restic'}"
    if not (folder / "restic").exists():
        await _ssh(machine, folder, f"{restic} init")
    await _ssh(machine, folder, f"cd {machine.workspace} && {restic} backup .")


async def _ssh(machine: Machine, folder: Path, command: str) -> None:
    await _run("ssh", "-p", *_way(machine, folder), _HOST, command)


def _way(machine: Machine, folder: Path) -> tuple[str, ...]:
    """The port, and options that ssh and scp share."""
    port, *options = str(machine.address.port), "BatchMode=yes", "StrictHostKeyChecking=no"
    options += ["UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    words = [word for option in options for word in ("-o", option)]
    return (port, "-F", "none", "-i", str(folder / "keys" / "ssh_ed25519"), *words)


async def _run(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
    )
    status = await asyncio.wait_for(process.wait(), PATIENCE_S)
    assert status == 0, f"{words[0]} ended with status {status}"


_HOST = "root@127.0.0.1"
