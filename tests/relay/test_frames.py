"""Frame headers are read right however the bytes are cut."""

from __future__ import annotations

import random
import struct

import pytest

from bot.relay.frames import (
    CONTROLS_S,
    MOST_CONTROLS,
    Controls,
    DataFrames,
    Flooded,
    Message,
    Messages,
    unmasked,
)

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x81, 0x82, 0x80, 0x88, 0x89, 0x8A


def frame(first: int, size: int, *, masked: bool = True) -> bytes:
    """A frame as browsers send it; the payload looks like headers on purpose."""
    mask = 0x80 if masked else 0
    if size < 126:
        head = bytes([first, mask | size])
    elif size < 65536:
        head = bytes([first, mask | 126]) + struct.pack(">H", size)
    else:
        head = bytes([first, mask | 127]) + struct.pack(">Q", size)
    return head + (b"\x81\x81\x81\x81" if masked else b"") + b"\x81" * size


def in_pieces(data: bytes, size: int) -> int:
    frames = DataFrames()
    return sum(frames.feed(data[at : at + size]) for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
@pytest.mark.parametrize("masked", [True, False])
def test_every_length_of_frame_counts_once(size: int, masked: bool) -> None:
    """7, 16 and 64 bits of length, masked or not, and the frame after it is found."""
    data = frame(TEXT, size, masked=masked) + frame(BINARY, 3, masked=masked)

    assert DataFrames().feed(data) == 2


def test_pings_pongs_and_closes_are_nobody() -> None:
    """An untouched tab sends these for ever."""
    data = frame(PING, 5) + frame(PONG, 0) + frame(CLOSE, 2)

    assert DataFrames().feed(data) == 0


def test_a_message_in_fragments_with_a_ping_between_is_counted_by_its_frames() -> None:
    """Control frames may come between the fragments of a message."""
    data = frame(0x01, 10) + frame(PING, 4) + frame(CONTINUATION, 10)

    assert DataFrames().feed(data) == 2


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_the_count_does_not_depend_on_how_reads_cut_the_stream(piece: int) -> None:
    """A header may arrive a byte at a time."""
    chance = random.Random(7)
    kinds = [TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG]
    chosen = [chance.choice(kinds) for _ in range(60)]
    sizes = [chance.choice([0, 1, 125, 126, 300, 66_000]) for _ in chosen]
    data = b"".join(map(frame, chosen, sizes))

    assert in_pieces(data, piece) == sum(kind in (TEXT, BINARY, CONTINUATION) for kind in chosen)


def test_a_frame_counts_before_its_payload_is_there() -> None:
    """A person pasting 8 MB is there from the first byte on."""
    frames = DataFrames()

    assert frames.feed(frame(BINARY, 8_000_000)[:14]) == 1
    assert frames.feed(b"\x81" * 4_000_000) == 0


def masked(first: int, payload: bytes, mask: bytes = b"\x01\x82\x03\xf4") -> bytes:
    head = frame(first, len(payload))[: -len(payload) - 4 or None]
    return head + mask + unmasked(payload, mask)


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000, 1_000_000])
def test_messages_come_out_whole_however_they_are_cut(piece: int) -> None:
    """Masked or not, in fragments, with pings between them."""
    big = bytes(range(256)) * 300
    data = (
        masked(TEXT, b"hello")
        + masked(0x02, big[:1000])
        + masked(PING, b"there?")
        + masked(CONTINUATION, big[1000:])
        + masked(BINARY, b"")
        + frame(BINARY, 70_000, masked=False)
        + masked(CLOSE, b"\x03\xe9")
    )
    messages = Messages(keep=1_000_000)

    found = [each for at in range(0, len(data), piece) for each in messages.feed(data[at:][:piece])]

    assert found == [
        Message(1, b"hello", 5),
        Message(9, b"there?", 6),
        Message(2, big, len(big)),
        Message(2, b"", 0),
        Message(2, b"\x81" * 70_000, 70_000),
        Message(8, b"\x03\xe9", 2),
    ]


@pytest.mark.parametrize("piece", [1, 3, 50, 4000, 1_000_000])
def test_what_is_not_wanted_is_stepped_over(piece: int) -> None:
    """With nothing to keep nothing is told, and the first one that is wanted is found."""
    sizes = [0, 1, 125, 126, 300, 65_535, 65_536, 90_000]
    data = b"".join(frame(BINARY, size, masked=False) for size in sizes) + frame(PING, 3)
    messages = Messages(keep=0)

    assert not any(messages.feed(data[at : at + piece]) for at in range(0, len(data), piece))
    messages.keep = 10
    (found,) = messages.feed(frame(BINARY, 126, masked=False))

    assert (len(found.body), found.size, found.whole) == (10, 126, False)


def test_a_goodbye_is_found_where_it_begins() -> None:
    """So that what stands before it may pass without it."""
    messages = Messages(keep=100)

    messages.feed(masked(TEXT, b"hello") + masked(CLOSE, b"\x03\xe9"))

    assert messages.close_at == len(masked(TEXT, b"hello"))
    messages.feed(masked(TEXT, b"hello"))
    assert messages.close_at is None


def test_a_ping_that_claims_to_be_endless_is_not_kept() -> None:
    """By the standard it has 125 bytes at most; a hostile machine need not keep to it."""
    messages = Messages(keep=0)

    messages.feed(b"\x89\x7f\x7f" + b"\xff" * 7)
    for _ in range(100):
        messages.feed(b"a" * 65_536)

    assert len(messages._part) == 125


def test_pings_are_counted_by_their_pace() -> None:
    """Any number in a long time, and a limit within ten seconds."""
    now = 0.0
    controls = Controls(lambda: now)
    for _ in range(5 * MOST_CONTROLS):
        now += CONTROLS_S / MOST_CONTROLS
        controls.count()

    with pytest.raises(Flooded):
        count_twice(controls, MOST_CONTROLS)


def count_twice(controls: Controls, number: int) -> None:
    for _ in range(2 * number):
        controls.count()


@pytest.mark.parametrize("kind", [PING, PONG])
def test_a_flood_of_pings_is_told_in_the_middle_of_a_read(kind: int) -> None:
    """Whether messages are kept, skipped, or only counted; what is left of the read is not read."""
    flood = frame(kind, 0, masked=False) * (MOST_CONTROLS + 2)

    for reader in (Messages(keep=100), Messages(keep=0), DataFrames()):
        with pytest.raises(Flooded):
            reader.feed(flood)
