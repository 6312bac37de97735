"""The folder of local sockets, and those of processes that were killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.adapters.ssh import folder
from bot.adapters.ssh.folder import SocketFolder

HOLDER = """
import time
from bot.adapters.ssh import folder
folder._NAME_BYTES = 10
mine = folder.SocketFolder()
print(mine.path, flush=True)
time.sleep(60)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(folder, "_NAME_BYTES", 10)
    return tmp_path


def test_it_is_private_and_removed_when_it_is_closed(here: Path) -> None:
    mine = SocketFolder()

    mode = stat.S_IMODE(mine.path.stat().st_mode)
    mine.close()
    mine.close()

    assert mode == 0o700
    assert list(here.iterdir()) == []


def test_those_of_the_dead_are_swept_and_those_of_the_living_are_not(here: Path) -> None:
    """A process that is killed cleans nothing up; the next one does."""
    with Another() as killed, Another() as living:
        (killed.path / "a.sock").touch()
        killed.kill()
        other = here / "bellhop-other"
        other.mkdir()

        mine = SocketFolder()
        expected = {living.path, mine.path, other}
        found = set(here.iterdir())
        mine.close()

    assert found == expected


def test_one_that_is_being_made_is_left_alone(here: Path) -> None:
    """Between its making and its lock it is nobody's, for a moment."""
    young, old = here / "bellhop-ssh-young", here / "bellhop-ssh-old"
    for each in (young, old):
        each.mkdir()
    os.utime(old, (time.time() - 3600,) * 2)

    mine = SocketFolder()
    assert mine.path.parent == here
    found = set(here.iterdir())
    mine.close()

    assert young in found
    assert old not in found


class Another:
    """Another process with a folder of its own."""

    def __enter__(self) -> Another:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLDER],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.path = Path(self._process.stdout.readline().strip())
        return self

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def __exit__(self, *_: object) -> None:
        self.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()
