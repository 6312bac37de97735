"""What a cell printed, as a notebook shows it, in bounded memory.

Progress bars write over their own line (`\\r`), so only the last state of a line is kept. Of an
endless text the beginning and the end are kept, and it says what is missing between them.
"""

from __future__ import annotations

from collections import deque

HEAD_CHARS = 200_000
TAIL_CHARS = 1_000_000


class Printed:
    """The text of one stream. `add` what was printed, `text` is what there is to see."""

    def __init__(self) -> None:
        self._head = ""
        self._tail: deque[str] = deque()  # finished lines, in pieces
        self._tail_chars = 0
        self._line = ""  # the one that is being written
        self.cut = 0  # characters that were not kept

    def add(self, text: str) -> None:
        before, newline, line = (self._line + text).rpartition("\n")
        if newline:
            self._keep("\n".join(map(settled, before.split("\n"))) + "\n")
        self._line = _running(line)
        if len(self._line) > TAIL_CHARS:
            self.cut += len(self._line) - TAIL_CHARS
            self._line = self._line[-TAIL_CHARS:]

    @property
    def text(self) -> str:
        note = f"\n[{self.cut} characters were cut out here by Bellhop]\n" if self.cut else ""
        return "".join([self._head, note, *self._tail, settled(self._line)])

    @property
    def chars(self) -> int:
        return len(self._head) + self._tail_chars + len(self._line)

    def _keep(self, text: str) -> None:
        if not self._tail and len(self._head) < HEAD_CHARS:
            room = HEAD_CHARS - len(self._head)
            self._head += text[:room]
            text = text[room:]
        if not text:
            return
        if len(text) > TAIL_CHARS:
            self.cut += len(text) - TAIL_CHARS
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
            self.cut += dropped


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
    bare = line.rstrip("\r")
    return settled(bare) + ("\r" if bare != line else "")


def _erased(line: str) -> str:
    kept: list[str] = []
    for char in line:
        if char != "\b":
            kept.append(char)
        elif kept and kept[-1] != "\r":
            kept.pop()
    return "".join(kept)
