"""Large buffers go back to the system."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import re, sys
from bot.adapters.archive.memory import give_back_large
if sys.argv[1] == "set":
    assert give_back_large()
def held():
    (kilobytes,) = re.findall(r"^RssAnon:\\s+(\\d+) kB$", open("/proc/self/status").read(), re.M)
    return int(kilobytes) // 1024
bytearray(30_000_000)  # what raises glibc's bound
before = held()
large, small = [], []
for _ in range(30):
    large.append(bytearray(2_000_000))
    small.append(bytearray(2_000))  # lives on behind it, as objects of Python's do
large.clear()
print(held() - before)
"""


def test_freed_chunks_leave_the_process() -> None:
    """And do not without the setting, or it would not be needed."""
    assert _kept("set") < 5
    assert _kept("unset") > 40


def _kept(how: str) -> int:
    """MB that a process holds of 60 it has freed."""
    words = [sys.executable, "-c", _PROGRAM, how]
    return int(subprocess.run(words, check=True, capture_output=True, timeout=60).stdout)
