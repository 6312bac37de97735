"""What a cell brings forth while it runs: the kernel's messages made into a notebook's outputs.

An `Execution` is one run of one cell. It takes messages in their order (Jupyter's messaging
protocol 5.3) and gives nbformat 4 outputs, as JupyterLab itself would have made them, in bounded
memory. What is beyond the bounds is left out, and the outputs say so.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from bot.domain.streams import Printed

Json = dict[str, Any]
"""A piece of a notebook: another program's format, passed on as it is."""

RICH_BYTES = 8_000_000
"""Of pictures, tables and the like, for one cell."""
UNREAD_BYTES = 500_000
"""Of streams' messages, until they are read: many together take a third of the time."""
PIECES = 1000  # outputs of one cell

_RICH = ("display_data", "execute_result", "error")


@dataclass(slots=True)
class _Piece:
    """One output: a stream with its text, or a rich one with its size."""

    body: Json
    printed: Printed | None = None
    display: str = ""
    size: int = 0

    def output(self) -> Json:
        return {**self.body, "text": self.printed.text} if self.printed else self.body

    def state(self) -> Json:
        printed = self.printed.state() if self.printed else None
        return {
            "body": self.body,
            "printed": printed,
            "display": self.display,
            "size": self.size,
        }

    @classmethod
    def restored(cls, state: Json) -> _Piece:
        printed = Printed.restored(state["printed"]) if state["printed"] else None
        return cls(state["body"], printed, state["display"], state["size"])


@dataclass(slots=True, kw_only=True)
class Execution:
    """One run of a cell. `revision` grows with every change that can be seen."""

    id: str  # of the request
    cell_id: str  # empty where the browser does not tell
    code: str | None  # None where it was too long to be kept
    count: int | None = None  # the number in the brackets, once the kernel told it
    done: bool = False
    again: bool = False  # the same code was run again elsewhere, perhaps in the same cell
    revision: int = 0
    _pieces: list[_Piece] = field(default_factory=list)
    _clear: bool = False
    _rich: int = 0
    _left_out: int = 0
    _unread: list[bytes] = field(default_factory=list)
    _unread_bytes: int = 0

    @property
    def outputs(self) -> list[Json]:
        self._read()
        found = [piece.output() for piece in self._pieces]
        if self._left_out:
            text = f"[{self._left_out} outputs were left out here by Bellhop: too large]\n"
            found.append({"output_type": "stream", "name": "stderr", "text": text})
        return found

    @property
    def size(self) -> int:
        """About how much memory it takes, in bytes."""
        printed = sum(piece.printed.chars for piece in self._pieces if piece.printed)
        return (
            self._rich
            + printed
            + self._unread_bytes
            + len(self.code or "")
            + 500 * len(self._pieces)
        )

    def hear(self, kind: str, content: Json | None) -> None:
        """Take a message of the kernel's that belongs to this run; None: too large to be kept."""
        self._read()
        if content is None:
            if kind == "stream" or kind in _RICH:
                self._left_out += 1
                self.revision += 1
            return
        match kind:
            case "execute_input":
                self.count = _number(content.get("execution_count"), self.count)
            case "execute_reply":
                self.count = _number(content.get("execution_count"), self.count)
            case "status":
                self.done = self.done or content.get("execution_state") in _OVER
            case "clear_output" if content.get("wait"):
                self._clear = True
            case "clear_output":
                self._empty()
            case "stream":
                self._print(str(content.get("name", "stdout")), str(content.get("text", "")))
            case "display_data" | "execute_result" | "error":
                self._show(kind, content)
            case _:
                return
        self.revision += 1

    def hear_unread(self, content: bytes) -> None:
        """Take a stream's message, its content still JSON; it is read when somebody looks."""
        self._unread.append(content)
        self._unread_bytes += len(content)
        self.revision += 1
        if self._unread_bytes > UNREAD_BYTES:
            self._read()

    def redraw(self, content: Json) -> bool:
        """Take an `update_display_data`, whichever run it comes from; whether it was for us."""
        name = str((content.get("transient") or {}).get("display_id") or "")
        found = [piece for piece in self._pieces if name and piece.display == name]
        for piece in found:
            body = piece.body | {
                "data": content.get("data") or {},
                "metadata": content.get("metadata") or {},
            }
            size = _size(body)
            if self._rich - piece.size + size > RICH_BYTES:
                continue
            self._rich += size - piece.size
            piece.body, piece.size = body, size
        self.revision += bool(found)
        return bool(found)

    def end(self) -> None:
        """The kernel is gone or was restarted: nothing more will come."""
        if not self.done:
            self.done = True
            self.revision += 1

    def state(self) -> Json:
        """All that `restored` needs to go on as this one would, as JSON can hold it."""
        self._read()
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {**plain, "pieces": [piece.state() for piece in self._pieces]}

    @classmethod
    def restored(cls, state: Json) -> Execution:
        """One that goes on where `state` was taken. Raises KeyError, TypeError or ValueError."""
        execution = cls(id=state["id"], cell_id=state["cell_id"], code=state["code"])
        for name in _PLAIN:
            setattr(execution, name, state[name])
        execution._pieces = [_Piece.restored(piece) for piece in state["pieces"]]
        return execution

    def _read(self) -> None:
        if not self._unread:
            return
        unread, self._unread, self._unread_bytes = self._unread, [], 0
        for name, texts in groupby(_contents(unread), lambda one: str(one.get("name", "stdout"))):
            self._print(name, "".join([str(one.get("text", "")) for one in texts]))

    def _print(self, name: str, text: str) -> None:
        self._before()
        last = self._pieces[-1] if self._pieces else None
        if last is None or last.printed is None or last.body["name"] != name:
            last = _Piece({"output_type": "stream", "name": name}, printed=Printed())
            self._add(last)
        if last.printed is not None:
            last.printed.add(text)

    def _show(self, kind: str, content: Json) -> None:
        self._before()
        if kind == "error":
            body = {name: content.get(name, "") for name in ("ename", "evalue")}
            body["traceback"] = content.get("traceback") or []
        else:
            body = {name: content.get(name) or {} for name in ("data", "metadata")}
        if kind == "execute_result":
            body["execution_count"] = _number(content.get("execution_count"), self.count)
        body["output_type"] = kind
        piece = _Piece(body, size=_size(body))
        piece.display = str((content.get("transient") or {}).get("display_id") or "")
        if self._rich + piece.size > RICH_BYTES:
            self._left_out += 1
            return
        self._rich += piece.size
        self._add(piece)

    def _add(self, piece: _Piece) -> None:
        self._pieces.append(piece)
        if len(self._pieces) > PIECES:
            self._rich -= self._pieces.pop(PIECES // 2).size
            self._left_out += 1

    def _before(self) -> None:
        if self._clear:
            self._empty()

    def _empty(self) -> None:
        self._clear = False
        self._pieces.clear()
        self._rich = self._left_out = 0


_OVER = ("idle", "restarting", "dead")
_PLAIN = (
    *("id", "cell_id", "code", "count", "done", "again", "revision"),
    *("_clear", "_rich", "_left_out"),
)


def _number(value: object, otherwise: int | None) -> int | None:
    return value if isinstance(value, int) else otherwise


def _contents(unread: list[bytes]) -> list[Json]:
    """Read many at once; if one of them is broken, each for itself, and that one is none."""
    found: list[object] = []
    if len(unread) > 1:
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(str(b"[" + b",".join(unread) + b"]", "utf-8", "surrogatepass"))
    if len(found) != len(unread):
        found = [_content(one) for one in unread]
    return [one for one in found if isinstance(one, dict)]


def _content(unread: bytes) -> object:
    try:
        return json.loads(str(unread, "utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return None


def _size(body: Json) -> int:
    return len(json.dumps(body, ensure_ascii=False))
