"""The processes of simulated machines, told from all others by a variable in their environment.

Every process of a machine carries `MARK`, so it is found whatever it did to its parent, session or
group; what it started with an empty environment is found as its child. Linux only: reads /proc.
Run as a program this module is the warden: it waits for its standard input to end, which happens
when the sandbox ends in any way, SIGKILL included, and then kills what the sandbox left behind.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

MARK = "BELLHOP_SANDBOX_MACHINE"

_PROC = Path("/proc")
_PATIENCE_S = 5.0


def marked(prefix: str) -> set[int]:
    """The living processes whose mark begins with `prefix`, and their descendants."""
    parents: dict[int, int] = {}
    found: set[int] = set()
    wanted = f"{MARK}={prefix}".encode()
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        # Gone meanwhile, or somebody else's: not ours either way.
        with contextlib.suppress(OSError):
            state, parent = _stat(entry)
            if state != "Z":
                parents[int(entry.name)] = parent
                variables = (entry / "environ").read_bytes().split(b"\0")
                if any(variable.startswith(wanted) for variable in variables):
                    found.add(int(entry.name))
    return _with_descendants(found, parents) - {os.getpid()}


def kill(prefix: str) -> bool:
    """Kill the marked processes and wait until they are gone; False when some would not go.

    Blocks for up to 5 s. Looks again after killing: a process may have started another meanwhile.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while left := marked(prefix):
        if time.monotonic() > deadline:
            return False
        for pid in left:
            end(pid)
        time.sleep(0.01)
    return True


def children(pid: int) -> set[int]:
    """The living processes that one has started itself."""
    found = set()
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # gone meanwhile
                state, parent = _stat(entry)
                if parent == pid and state != "Z":
                    found.add(int(entry.name))
    return found


def runs(pid: int, word: str) -> bool:
    """Whether a word is in a process's command line."""
    with contextlib.suppress(OSError):
        return word.encode() in (_PROC / str(pid) / "cmdline").read_bytes()
    return False


def end(pid: int) -> None:
    """Kill one process, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _stat(entry: Path) -> tuple[str, int]:
    """The state letter and the parent's number; the name before them may hold anything."""
    state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
    return state, int(parent)


def _with_descendants(found: set[int], parents: dict[int, int]) -> set[int]:
    everything = set(found)
    while more := {pid for pid, parent in parents.items() if parent in everything} - everything:
        everything |= more
    return everything


def _warden(prefix: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while sys.stdin.buffer.read(4096):
        pass
    kill(prefix)


if __name__ == "__main__":
    _warden(sys.argv[1])
