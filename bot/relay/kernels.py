"""What a browser and a kernel say to each other, as far as the relay wants to know.

Jupyter's messages travel in two forms: as JSON in text frames, and as
`v1.kernel.websocket.jupyter.org` in binary ones (offsets, channel, four pieces of JSON, buffers),
where header and content can be had one without the other.
"""

from __future__ import annotations

import functools
import json
import re
import struct
from typing import Any, NamedTuple

from bot.relay.frames import Message

MALFORMED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,  # a thousand brackets, one in the other
    struct.error,
)
"""What comes of reading a message that is none, or that nobody would write."""

_HUMAN = frozenset(
    {
        "execute_request",
        "complete_request",
        "inspect_request",
        "is_complete_request",
        "input_reply",
        "interrupt_request",
        "shutdown_request",
    }
)
"""Said because somebody pressed a key or a button."""
_NOBODY = frozenset({"kernel_info_request", "comm_info_request", "history_request"})
"""Said by an open tab of itself: when it connects, and when it connects again."""
_OFFSETS = struct.Struct("<6Q")
_LEAST = 8 + _OFFSETS.size
_ZEROS = bytes(7)
_LARGE = 4096
# A quotation mark within a string has a backslash before it, so this can only be the key.
_STREAM, _STREAM_DENSE = b'"msg_type": "stream"', b'"msg_type":"stream"'
_TYPE = re.compile(rb'(?<!\\)"msg_type":\s*"([a-z_]+)"')
_COMM = re.compile(rb'"comm_id":\s*"([^"]{1,100})"')


class Said(NamedTuple):
    """One message's head, and its content, unread. `content` is None where it was not kept."""

    type: str
    raw_id: bytes | str
    parent: str
    raw_metadata: bytes | dict[str, Any]
    content: bytes | dict[str, Any] | None

    @property
    def id(self) -> str:
        """Raises ValueError where there is none."""
        return _id(self.raw_id) if isinstance(self.raw_id, bytes) else self.raw_id

    @property
    def metadata(self) -> dict[str, Any]:
        """What came with it; nothing where that cannot be read."""
        if not isinstance(self.raw_metadata, bytes):
            return self.raw_metadata
        return _whole(self.raw_metadata) or {}

    def read(self) -> dict[str, Any] | None:
        """The content; None where it is not whole."""
        if not isinstance(self.content, bytes):
            return self.content
        return _whole(self.content)


def said(message: Message) -> Said | None:
    """A kernel message's head; None where it cannot be understood, or is too long to be read."""
    try:
        return _binary(message) if message.opcode == 2 else _text(message)
    except MALFORMED:
        return None


def streamed(message: Message) -> tuple[bytes, bytes] | None:
    """The parent's header and the content, both unread, where a cell printed something.

    None for whatever else it may be, which `said` tells. Of what kernels say this is the most, by
    far: hence a way of its own, four times as fast.
    """
    body = message.body
    if message.opcode != 2 or len(body) < _LEAST or body[1:8] != _ZEROS or body[0] < 6:
        return None
    _, header, parent, metadata, content, end = _OFFSETS.unpack_from(body, 8)
    head = body[header:parent]
    if end > len(body) or (_STREAM not in head and _STREAM_DENSE not in head):
        return None
    whole = memoryview(body) if end > _LARGE else body  # slices of a bytearray are copies
    return bytes(body[parent:metadata]), bytes(whole[content:end])


def parent_of(header: bytes) -> str:
    """The id in a parent's header; empty where there is none."""
    try:
        return _id(header)
    except MALFORMED:
        return ""


def human(message: Said | None) -> bool | None:
    """Whether a person is behind what a browser says; None where only its rhythm can tell."""
    if message is None or message.type in _HUMAN:
        return True
    return False if message.type in _NOBODY else None


def sender(message: Said, body: bytes) -> str:
    """Whose rhythm it is: the widget's where it names one, else all of its kind."""
    named = _COMM.search(body)
    return f"{message.type} {named[1].decode(errors='replace') if named else ''}"


def question(message_id: str, session_id: str, *, binary: bool) -> bytes:
    """A request for kernel information; the kernel answers when all earlier runs are over."""
    header = {
        "msg_id": message_id,
        "msg_type": "kernel_info_request",
        "session": session_id,
        "username": "",
        "date": "",
        "version": "5.3",
    }
    parts: dict[str, dict[str, Any]] = {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": {},
    }
    if not binary:
        return json.dumps({**parts, "channel": "shell", "buffers": []}).encode()
    pieces = [b"shell", *(json.dumps(part).encode() for part in parts.values())]
    at = 8 * (len(pieces) + 2)
    offsets = [at := at + size for size in (0, *map(len, pieces))]
    numbers = [len(offsets), *offsets]
    return b"".join(number.to_bytes(8, "little") for number in numbers) + b"".join(pieces)


def _binary(message: Message) -> Said:
    body = message.body
    number = int.from_bytes(body[:8], "little")
    if not 6 <= number <= 10_000:
        raise ValueError("not a kernel message")
    at = _OFFSETS.unpack_from(body, 8)
    header = bytes(body[at[1] : at[2]])
    # Reading the whole header takes longer than all the rest here, and there are many.
    found = _TYPE.search(header)
    kind = _known(found[1]) if found is not None else str(json.loads(header)["msg_type"])
    return Said(
        kind,
        header,
        _id(bytes(body[at[2] : at[3]])),
        bytes(body[at[3] : at[4]]) if at[4] <= len(body) else {},
        bytes(memoryview(body)[at[4] : at[5]]) if at[5] <= len(body) else None,
    )


@functools.lru_cache(maxsize=64)
def _known(kind: bytes) -> str:
    return kind.decode()


@functools.lru_cache(maxsize=64)
def _id(header: bytes) -> str:
    """The id in a header; all that a run puts out names the same one, byte for byte."""
    return str(json.loads(header).get("msg_id", ""))


def _whole(text: bytes) -> dict[str, Any] | None:
    # A str spares the parser a look at which encoding it is; kernels write UTF-8.
    try:
        found = json.loads(str(text, "utf-8", "surrogatepass"))
    except MALFORMED:
        return None
    return found if isinstance(found, dict) else None


def _text(message: Message) -> Said | None:
    if not message.whole:
        return None
    whole = json.loads(message.body)
    header = whole["header"]
    return Said(
        type=str(header["msg_type"]),
        raw_id=str(header["msg_id"]),
        parent=str((whole.get("parent_header") or {}).get("msg_id", "")),
        raw_metadata=whole.get("metadata") or {},
        content=whole.get("content"),
    )
