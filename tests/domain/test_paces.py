"""What is usual for a start, learned from those before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.paces import Like, Part, Start, spans, usual
from tests.builders import NOW

S = timedelta(seconds=1)


def a_start(loading: int = 60, connecting: int = 10, jupyter: int = 20, **changes: Any) -> Start:
    """One that went well, so many seconds in each part."""
    running_at = NOW + loading * S
    facts: dict[str, Any] = {
        "gpu_name": "RTX 3090",
        "machine_id": 7,
        "created_at": NOW,
        "running_at": running_at,
        "connected_at": running_at + connecting * S,
        "ready_at": running_at + (connecting + jupyter) * S,
    }
    return Start(**facts | changes)


def test_nothing_is_usual_before_there_were_enough() -> None:
    """One start on a machine is an accident, and so are two of a model: no number is invented."""
    assert usual([], machine_id=7, gpu_name="RTX 3090") is None
    assert usual([a_start()], machine_id=7, gpu_name="RTX 3090") is None
    assert usual([a_start()] * 2, machine_id=8, gpu_name="RTX 3090") is None


@pytest.mark.parametrize(
    ("machine_id", "gpu_name", "like"),
    [(7, "RTX 3090", Like.MACHINE), (8, "RTX 3090", Like.GPU), (8, "H100", Like.IMAGE)],
)
def test_the_machine_itself_tells_most_then_its_model_then_the_image(
    machine_id: int, gpu_name: str, like: Like
) -> None:
    """The nearest group in which there are enough."""
    found = usual([a_start()] * 3, machine_id=machine_id, gpu_name=gpu_name)

    assert found is not None
    assert (found.like, found.count) == (like, 3)


def test_one_slow_start_does_not_change_what_is_usual() -> None:
    """Medians, part by part and for the whole."""
    starts = [a_start(60), a_start(70), a_start(3600, 5, 30)]

    found = usual(starts, machine_id=7, gpu_name="RTX 3090")

    assert found is not None
    assert found.of(Part.LOADING) == 70 * S
    assert found.of(Part.CONNECTING) == 10 * S
    assert found.of(Part.JUPYTER) == 20 * S
    assert found.whole == 100 * S


def test_the_time_of_a_restore_is_nobodys_usual() -> None:
    """It is as long as the archive is large: the rest of that start counts all the same."""
    start = a_start(connecting=10)
    assert start.connected_at is not None
    restored = a_start(
        restored_at=start.connected_at + 500 * S, ready_at=start.connected_at + 515 * S
    )

    found = usual([restored] * 2, machine_id=7, gpu_name="RTX 3090")

    assert spans(restored)[Part.RESTORING] == 500 * S
    assert found is not None
    assert found.of(Part.RESTORING) is None
    assert found.whole == (60 + 10 + 15) * S


def test_a_start_of_which_a_part_is_not_known_is_left_out() -> None:
    """Half a start would make the whole too short."""
    starts = [a_start(), a_start(connected_at=None)]

    assert usual(starts, machine_id=7, gpu_name="RTX 3090") is None


def test_clocks_that_disagree_make_no_negative_time() -> None:
    """Vast's own clock may say that a machine ran before we saw it made."""
    assert spans(a_start(loading=-5))[Part.LOADING] == timedelta()
