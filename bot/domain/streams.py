"""What a cell printed, as a notebook shows it, in bounded memory.

Progress bars write over their own line (`\\r`), so only the last state of a line is kept. Of an
endless text the beginning and the end are kept, and it says what is missing between them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

HEAD_CHARS = 200_000
TAIL_CHARS = 1_000_000
FRESH_CHARS = 100_000


class Printed:
    """The text of one stream. `add` what was printed, `text` is what there is to see."""

    def __init__(self) -> None:
        self._head = ""
        self._tail: deque[str] = deque()  # finished lines, in pieces
        self._tail_chars = 0
        self._line = ""  # the one that is being written
        self._fresh: list[str] = []  # printed since, not yet looked at
        self._fresh_chars = 0
        self._cut = 0

    def add(self, text: str) -> None:
        self._fresh.append(text)
        self._fresh_chars += len(text)
        if self._fresh_chars > FRESH_CHARS:
            self._fold()

    @property
    def text(self) -> str:
        self._fold()
        note = f"\n[{self._cut} characters were cut out here by Bellhop]\n" if self._cut else ""
        return "".join([self._head, note, *self._tail, settled(self._line)])

    @property
    def chars(self) -> int:
        return len(self._head) + self._tail_chars + len(self._line) + self._fresh_chars

    @property
    def cut(self) -> int:
        """Characters that were not kept."""
        self._fold()
        return self._cut

    def state(self) -> dict[str, str | int]:
        """All that `restored` needs to go on as this one would."""
        self._fold()
        tail = "".join(self._tail)
        return {"head": self._head, "tail": tail, "line": self._line, "cut": self._cut}

    @classmethod
    def restored(cls, state: Mapping[str, str | int]) -> Printed:
        """One that goes on where `state` was taken. Raises KeyError for anything else."""
        printed = cls()
        printed._head, printed._line = str(state["head"]), str(state["line"])
        tail = str(state["tail"])
        if tail:
            printed._tail.append(tail)
        printed._tail_chars = len(tail)
        printed._cut = int(state["cut"])
        return printed

    def _fold(self) -> None:
        """Take what is fresh into what is kept; in large pieces, for a line may be long."""
        text = "".join(self._fresh)
        self._fresh.clear()
        self._fresh_chars = 0
        before, newline, line = (self._line + text).rpartition("\n")
        if newline:
            if "\r" in before or "\b" in before:
                before = "\n".join(map(settled, before.split("\n")))
            self._keep(before + "\n")
        self._line = _running(line)
        if len(self._line) > TAIL_CHARS:
            self._cut += len(self._line) - TAIL_CHARS
            self._line = self._line[-TAIL_CHARS:]

    def _keep(self, text: str) -> None:
        if not self._tail and len(self._head) < HEAD_CHARS:
            room = HEAD_CHARS - len(self._head)
            self._head += text[:room]
            text = text[room:]
        if not text:
            return
        if len(text) > TAIL_CHARS:
            self._cut += len(text) - TAIL_CHARS
            text = text[-TAIL_CHARS:]
        self._tail.append(text)
        self._tail_chars += len(text)
        while self._tail_chars > TAIL_CHARS:
            over = self._tail_chars - TAIL_CHARS
            first = self._tail.popleft()
            if len(first) > over:
                self._tail.appendleft(first[over:])
            dropped = min(over, len(first))
            self._tail_chars -= dropped
            self._cut += dropped


def settled(line: str) -> str:
    """A finished line after all that was written over it."""
    if "\b" in line:
        line = _erased(line)
    if "\r" not in line:
        return line
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown


def _running(line: str) -> str:
    """The same of a line that goes on: where the cursor stands is not forgotten."""
    line = _erased(line) if "\b" in line else line
    shown, cursor = settled(line), len(line) - line.rfind("\r") - 1
    return shown if cursor == len(shown) else f"{shown}\r{shown[:cursor]}"


def _erased(line: str) -> str:
    kept: list[str] = []
    for char in line:
        if char != "\b":
            kept.append(char)
        elif kept and kept[-1] != "\r":
            kept.pop()
    return "".join(kept)
