"""The folder of local sockets: our own, private, with a short path; and none left of the dead.

A process that is killed leaves its folder. Each holds a lock in its own as long as it lives, so the
next one knows which are nobody's any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_SOCKET_PATH_BYTES = 107  # of a Unix socket's address
_NAME_BYTES = 50  # for the folder's own name, and what is put into it
_PREFIX = "bellhop-ssh-"
_LOCK = "lock"
_YOUNG_S = 60.0  # it may not have its lock yet


class SocketFolder:
    """Made with the first use of `path`, mode 0700; `close` removes it."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._lock = -1

    @property
    def path(self) -> Path:
        if self._path is None:
            within = _within()
            _sweep(within)
            self._path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=within))
            self._lock = os.open(self._path / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self._path

    def close(self) -> None:
        """Safe to repeat. Blocks for some milliseconds."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            os.close(self._lock)
            self._path = None


def _within() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    fits = len(runtime.encode()) + _NAME_BYTES <= _SOCKET_PATH_BYTES
    return runtime if runtime and fits and os.access(runtime, os.W_OK) else "/tmp"


def _sweep(within: str) -> None:
    """Remove the folders of our user whose process is dead."""
    for left in Path(within).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if left.is_symlink() or left.stat().st_uid != os.geteuid():
                continue
            if _dead(left):
                shutil.rmtree(left, ignore_errors=True)


def _dead(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > _YOUNG_S
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
