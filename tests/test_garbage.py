"""What the garbage collector looks at once the service is set up; in a process of its own."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import gc, weakref
from bot import garbage

class Ring:
    def __init__(self): self.self = self

before = Ring()
garbage.settle()
assert gc.get_freeze_count() > 1000, gc.get_freeze_count()
assert not any(each is before for each in gc.get_objects()), "it is looked at again"
after = weakref.ref(Ring())
made = []
for number in range(100 * garbage.OBJECTS):
    made.append([number])
    if after() is None:
        print("collected")
        break
"""


def test_what_was_there_is_left_alone_and_what_comes_is_collected_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("collected", "")
