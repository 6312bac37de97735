"""WebSocket frame headers, read without touching payloads (RFC 6455, 5.2).

The relay passes WebSocket bytes on as they are; all it wants to know is whether a person did
something, and for that the headers tell enough: data frames are people, pings and pongs are not.
"""

from __future__ import annotations

_CONTROL = 0x08  # this bit of the opcode: close, ping, pong
_MASKED = 0x80


class DataFrames:
    """Counts the data frames in one direction of a connection, however the reads cut it."""

    def __init__(self) -> None:
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
                count += not self._head[0] & _CONTROL
                self._skip = _payload_size(self._head)
                self._head.clear()
        return count


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
