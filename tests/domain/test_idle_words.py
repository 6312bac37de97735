"""Reasons as a person reads them."""

from __future__ import annotations

import pytest

from bot.domain.evidence import Fact, Kind
from bot.domain.idle_words import phrase, phrases, span


def test_the_reasons_read_as_a_list() -> None:
    """The person first, then the GPU, then the rest."""
    facts = [
        Fact(Kind.TAB, 1),
        Fact(Kind.KERNELS_IDLE, 1),
        Fact(Kind.GPU_MEMORY, 20_123),
        Fact(Kind.GPU, 0.0),
        Fact(Kind.PERSON, 62.9),
    ]

    assert phrases(facts) == [
        "no keystroke for 62 min",
        "GPU 0 %",
        "20 GB of GPU memory held",
        "1 idle kernel",
        "a tab is open",
    ]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_fact_has_words(kind: Kind) -> None:
    """None is shown as a key of ours."""
    said = phrase(Fact(kind, 2.0, ("python", "sleep")))

    assert said
    assert "_" not in said


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "0 min"), (119.9, "119 min"), (120, "2 h"), (2880, "2 d")]
)
def test_a_span_is_rounded_down(minutes: float, said: str) -> None:
    """An hour is not promised before it is over."""
    assert span(minutes) == said
