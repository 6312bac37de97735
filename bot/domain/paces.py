"""How long a start takes: each part of this one so far, and what is usual for such a machine.

What is usual is learned from earlier starts that went well: on the same machine with the same
image, else on its model, else with the image anywhere. Where there were too few, nothing is said.
Restores and moves take as long as their files are large, so that part of a start is never learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

MEMORY = timedelta(days=90)
"""Starts longer ago say little: hosts, images and lines change."""
MOST = 200
"""Starts of one image that are looked at, the newest."""


class Part(StrEnum):
    """A part of a start."""

    RENTING = "renting"  # until Vast has made the contract
    LOADING = "loading"  # until the container runs
    CONNECTING = "connecting"  # until SSH lets us in
    RESTORING = "restoring"  # until an archive is on it
    JUPYTER = "jupyter"  # until the notebook comes through the relay


class Like(StrEnum):
    """What the earlier starts had in common with this one, besides the image."""

    MACHINE = "machine"
    GPU = "gpu"
    IMAGE = "image"


_ENOUGH = {Like.MACHINE: 2, Like.GPU: 3, Like.IMAGE: 3}
"""Starts that make something usual; those on one machine are much alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """When each part of a start was over; None: not yet, or not known. Aware UTC."""

    gpu_name: str
    machine_id: int | None
    created_at: datetime
    running_at: datetime | None = None
    connected_at: datetime | None = None
    restored_at: datetime | None = None
    ready_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """The medians of `count` earlier starts; `whole` is without the restore."""

    like: Like
    count: int
    parts: tuple[tuple[Part, timedelta], ...]
    whole: timedelta

    def of(self, part: Part) -> timedelta | None:
        return dict(self.parts).get(part)


@dataclass(frozen=True, slots=True)
class Pace:
    """What a card says of a start: since when we are connected, and what is usual."""

    connected_at: datetime | None = None
    usual: Usual | None = None


def spans(start: Start) -> dict[Part, timedelta]:
    """How long each part took, as far as it is over and known."""
    ends = (
        (Part.LOADING, start.created_at, start.running_at),
        (Part.CONNECTING, start.running_at, start.connected_at),
        (Part.RESTORING, start.connected_at, start.restored_at),
        (Part.JUPYTER, start.restored_at or start.connected_at, start.ready_at),
    )
    return {
        part: max(end - begin, timedelta())
        for part, begin, end in ends
        if begin is not None and end is not None
    }


def usual(starts: Iterable[Start], *, machine_id: int | None, gpu_name: str) -> Usual | None:
    """What is usual for a start on that machine; `starts` are of its image, and went well."""
    known = list(starts)
    groups = (
        (Like.MACHINE, [one for one in known if one.machine_id == machine_id]),
        (Like.GPU, [one for one in known if one.gpu_name == gpu_name]),
        (Like.IMAGE, known),
    )
    for like, group in groups:
        whole = [one for one in map(spans, group) if one.keys() >= _LEARNED]
        if len(whole) >= _ENOUGH[like]:
            return _medians(like, whole)
    return None


_LEARNED = {Part.LOADING, Part.CONNECTING, Part.JUPYTER}


def _medians(like: Like, taken: Sequence[dict[Part, timedelta]]) -> Usual:
    return Usual(
        like=like,
        count=len(taken),
        parts=tuple(
            (part, _median(one[part] for one in taken)) for part in Part if part in _LEARNED
        ),
        whole=_median(sum((one[part] for part in _LEARNED), timedelta()) for one in taken),
    )


def _median(values: Iterable[timedelta]) -> timedelta:
    return timedelta(seconds=round(median(one.total_seconds() for one in values)))
