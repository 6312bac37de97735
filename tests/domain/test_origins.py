"""Names of origins: a notebook, or one port of its machine."""

from __future__ import annotations

import pytest

from bot.domain.origins import Origin, demand_allowed, origin_of
from bot.errors import BadInput


@pytest.mark.parametrize(
    ("label", "origin"),
    [
        ("bc2345", Origin("bc2345")),
        ("bc2345-7860", Origin("bc2345", 7860)),
        ("bc2345-65535", Origin("bc2345", 65535)),
        ("bc2345-22", Origin("bc2345-22")),
        ("bc2345-65536", Origin("bc2345-65536")),
        ("bc2345-07860", Origin("bc2345-07860")),
        ("bc2345-7860-1", Origin("bc2345-7860-1")),
    ],
)
def test_a_label_means_one_thing(label: str, origin: Origin) -> None:
    """What is no port of ours is a name, and no rental has one with a dash."""
    assert origin_of(label) == origin
    assert origin.label == label


@pytest.mark.parametrize("port", [1, 22, 80, 1023, 65536])
def test_ports_of_the_machine_itself_are_never_opened(port: int) -> None:
    """SSH's above all."""
    with pytest.raises(BadInput):
        demand_allowed(port)
