"""WebSocket frames, read on the way past (RFC 6455, 5.2); nothing here is ever changed.

`DataFrames` reads headers only: data frames are somebody's doing, pings and pongs are not.
`Messages` also keeps payloads, as far as it is told to, for sockets whose messages are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

CLOSE, PING, PONG = 0x8, 0x9, 0xA

_FIN = 0x80
CONTROL = 0x08  # this bit of the opcode: close, ping, pong
_MASKED = 0x80
_CONTROL_BYTES = 125  # of a ping or a close, by the standard; who claims more is not believed

MOST_CONTROLS, CONTROLS_S = 1000, 10.0
"""Pings and pongs that one end may send in so many seconds. They cost time and say nothing: Jupyter
sends two in a minute, and a browser answers them."""


class Flooded(Exception):
    """One end sends control frames without end. Never leaves the relay: the connection ends."""


class Controls:
    """Counts control frames; `count` raises Flooded where they come too fast."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._count = 0
        self._since = clock()

    def count(self) -> None:
        self._count += 1
        if self._count > MOST_CONTROLS:
            now = self._clock()
            if now - self._since < CONTROLS_S:
                raise Flooded
            self._since, self._count = now, 0


class DataFrames:
    """Counts the data frames in one direction of a connection, however the reads cut it.

    Raises Flooded, after which it is of no more use.
    """

    def __init__(self) -> None:
        self._controls = Controls()
        self._head = bytearray()  # a header that has not arrived whole
        self._skip = 0  # bytes of the running frame's payload still to come

    def feed(self, data: bytes) -> int:
        """How many data frames begin in these bytes; one counts when its header is complete."""
        count = 0
        at = 0
        size = len(data)
        while at < size:
            if self._skip:
                step = min(self._skip, size - at)
                self._skip -= step
                at += step
                continue
            need = _header_size(self._head) - len(self._head)
            self._head += data[at : at + need]
            at += min(need, size - at)
            if len(self._head) >= 2 and len(self._head) == _header_size(self._head):
                if self._head[0] & CONTROL:
                    self._controls.count()
                else:
                    count += 1
                self._skip = _payload_size(self._head)
                self._head.clear()
        return count


class Message(NamedTuple):
    """A message that is complete. `body` is its beginning where it is longer than was kept."""

    opcode: int
    body: bytes | bytearray  # nobody changes it any more
    size: int

    @property
    def control(self) -> bool:
        return bool(self.opcode & CONTROL)

    @property
    def whole(self) -> bool:
        return len(self.body) == self.size


class Messages:
    """The messages in one direction, unmasked, however the reads and the fragments cut them.

    Of each data message the first `keep` bytes are kept; `keep` may be changed at any time. With
    0, headers are read and nothing is copied or told, which costs next to nothing. Raises Flooded,
    after which it is of no more use.
    """

    def __init__(self, *, keep: int) -> None:
        self.keep = keep
        self._controls = Controls()
        self.close_at: int | None = None  # where in the bytes fed last a close frame begins
        self._head = bytearray()
        self._first = 0  # the running frame's first byte
        self._mask = b""
        self._left = 0  # bytes of its payload still to come
        self._part = bytearray()  # of its payload, still masked
        self._opcode = 0  # of the running message
        self._body = bytearray()
        self._size = 0

    def feed(self, data: bytes) -> list[Message]:
        """The messages that end in these bytes."""
        found: list[Message] = []
        at, size = 0, len(data)
        self.close_at = None
        while at < size:
            if self._left:
                at = self._payload(data, at, found)
                continue
            if not self._head:
                at = self._quickly(data, at, found)
                if at == size:
                    continue
            if not self._head and data[at] & 0x0F == CLOSE:
                self.close_at = at
            need = _header_size(self._head) - len(self._head)
            self._head += data[at : at + need]
            at += min(need, size - at)
            if len(self._head) >= 2 and len(self._head) == _header_size(self._head):
                self._begin(found)
        return found

    def _quickly(self, data: bytes, at: int, found: list[Message]) -> int:
        """Take what lies in these bytes whole: unmasked messages of one frame."""
        size = len(data)
        while at + 10 <= size:
            first, length = data[at], data[at + 1]
            if first & CONTROL or not first & _FIN or not first & 0x0F or length & _MASKED:
                break
            begin = at + 2
            if length == 126:
                length, begin = data[at + 2] << 8 | data[at + 3], at + 4
            elif length == 127:
                length, begin = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if begin + length > size:
                break
            at = begin + length
            if self.keep:
                body = data[begin : begin + min(length, self.keep)]
                found.append(Message(first & 0x0F, body, length))
        return at

    def _begin(self, found: list[Message]) -> None:
        head = self._head
        self._first = head[0]
        self._left = _payload_size(head)
        self._mask = bytes(head[-4:]) if head[1] & _MASKED else b""
        if self._first & CONTROL:
            self._controls.count()
        else:
            if self._first & 0x0F:
                self._opcode = self._first & 0x0F
                self._body = bytearray()
                self._size = 0
            self._size += self._left
        self._head = bytearray()
        if not self._left:
            self._end(found)

    def _payload(self, data: bytes, at: int, found: list[Message]) -> int:
        step = min(self._left, len(data) - at)
        if self._first & CONTROL:
            into, room = self._part, min(step, _CONTROL_BYTES - len(self._part))
        else:
            into = self._part if self._mask else self._body
            room = min(step, self.keep - len(self._body) - len(self._part))
        if room > 0:
            into += data[at : at + room]
        self._left -= step
        if not self._left:
            self._end(found)
        return at + step

    def _end(self, found: list[Message]) -> None:
        part = unmasked(bytes(self._part), self._mask)
        self._part = bytearray()
        if self._first & CONTROL:
            if self.keep:
                found.append(Message(self._first & 0x0F, part, len(part)))
            return
        if part:
            self._body += part
        if self._first & _FIN:
            if self.keep:
                found.append(Message(self._opcode, self._body, self._size))
            self._body = bytearray()


def unmasked(part: bytes, mask: bytes) -> bytes:
    """A payload as it was before the browser masked it."""
    if not mask or not part:
        return part
    size = len(part)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(part, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


@dataclass(frozen=True, slots=True)
class Close:
    """A WebSocket's end, as a server tells it: a code of RFC 6455, 7.4, and a few words."""

    code: int
    reason: str

    def frame(self) -> bytes:
        payload = self.code.to_bytes(2, "big") + self.reason.encode()[:123]
        return bytes([_FIN | CLOSE, len(payload)]) + payload


CLOSED = bytes([_FIN | CLOSE, 2]) + (1000).to_bytes(2, "big")
"""The answer to a close, as a server sends it."""


GOODBYE = bytes([_FIN | CLOSE, _MASKED | 2]) + bytes(4) + (1000).to_bytes(2, "big")
"""A close, as a client sends it."""


def pong(payload: bytes) -> bytes:
    """The answer to a ping, as a client sends it: masked, with a mask that changes nothing."""
    return bytes([_FIN | PONG, _MASKED | len(payload)]) + bytes(4) + payload


def sent(payload: bytes, *, binary: bool) -> bytes:
    """A message of less than 64 KB in one frame, as a client sends it."""
    head = bytes([_FIN | (2 if binary else 1), _MASKED | 126])
    return head + len(payload).to_bytes(2, "big") + bytes(4) + payload


def _header_size(head: bytearray) -> int:
    """How long the header is, as far as what has arrived of it tells."""
    if len(head) < 2:
        return 2
    length = head[1] & 0x7F
    extended = 2 if length == 126 else 8 if length == 127 else 0
    return 2 + extended + (4 if head[1] & _MASKED else 0)


def _payload_size(head: bytearray) -> int:
    length = head[1] & 0x7F
    if length == 126:
        return int.from_bytes(head[2:4], "big")
    if length == 127:
        return int.from_bytes(head[2:10], "big")
    return length
