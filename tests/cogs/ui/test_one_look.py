"""What all cards have in common, held against every one of the gallery."""

from __future__ import annotations

import re
from typing import Any

import discord
import pytest
from simcord.components import COMPONENTS_V2_FLAG, validate_components, walk_components

from cogs.ui import look
from tests.builders import NOW
from tests.gallery import gallery

GALLERY = gallery(NOW)

HOURS_OF_THE_TEAM = {"settings-lead", "settings-member", "settings-own"}
"""Where hours are set, they are those of the zone that is set beside them."""

FOUR_ANSWERS = {"question", "question-leads"}
"""The question of an idle machine has four answers, each of which must be one press away."""


def _parts(card: look.Card) -> list[dict[str, Any]]:
    found = validate_components(card.to_components(), flags=COMPONENTS_V2_FLAG)
    return [dict(part) for part in walk_components(found)]


def _texts(card: look.Card) -> str:
    return "\n".join(str(part["content"]) for part in _parts(card) if part.get("content"))


@pytest.mark.parametrize("name", GALLERY)
def test_at_most_three_buttons_are_in_sight(name: str) -> None:
    """The rest is in a menu."""
    buttons = [part for part in _parts(GALLERY[name]) if part["type"] == 2]

    assert len(buttons) <= (4 if name in FOUR_ANSWERS else 3)


@pytest.mark.parametrize("name", GALLERY)
def test_a_card_begins_with_what_it_is_about(name: str) -> None:
    """A heading in the first line, in words: whoever does not see the colour misses nothing."""
    assert _texts(GALLERY[name]).startswith("### ")


@pytest.mark.parametrize("name", [one for one in GALLERY if one not in HOURS_OF_THE_TEAM])
def test_times_are_discords_and_prices_are_an_hours(name: str) -> None:
    """No clock but the reader's own, `$0.31/h`, no word of an hour spelt otherwise."""
    text = _texts(GALLERY[name])

    assert not re.search(r"\bUTC\b|\d{4}-\d\d-\d\dT|\b\d{1,2}:\d\d\b", text)
    assert not re.search(r"\$[\d.,]+ ?(per|an|each) hour", text)
    assert "None" not in text


@pytest.mark.parametrize("name", GALLERY)
def test_no_card_shouts(name: str) -> None:
    """Plain, unhurried English."""
    assert "!" not in re.sub(r"<[@#:]?!?", "", _texts(GALLERY[name]))


@pytest.mark.parametrize("name", GALLERY)
def test_every_picture_is_said_in_words(name: str) -> None:
    """For who listens to a card instead of seeing it."""
    for part in _parts(GALLERY[name]):
        for item in part.get("items") or ():
            assert item.get("description")


@pytest.mark.parametrize("name", GALLERY)
def test_every_button_says_what_it_does(name: str) -> None:
    """Words, not a sign alone, short enough for a phone."""
    for part in _parts(GALLERY[name]):
        if part["type"] == 2:
            assert re.search(r"[A-Za-z]{2,}", part["label"])
            assert len(part["label"]) <= 34


def test_the_states_of_a_machine_have_colours_and_words_of_their_own() -> None:
    """Colour is for state only, and never alone."""
    states = {
        "starting-loading": (look.WORKING, "starting"),
        "ready": (look.READY, "ready"),
        "out-of-gpu-memory": (look.ENDING, "out of GPU memory"),
        "cannot-be-reached": (look.FAILED, "cannot be reached"),
        "archiving": (look.ENDING, "archiving"),
        "ending": (look.ENDING, "ending"),
        "ended": (look.ENDED, "ended"),
    }

    for name, (colour, word) in states.items():
        (container,) = GALLERY[name].children
        assert isinstance(container, discord.ui.Container)
        assert container.accent_colour is not None
        assert int(container.accent_colour) == colour
        assert f"· {word}" in _texts(GALLERY[name]).splitlines()[0]


@pytest.mark.parametrize(
    "name",
    ["starting-loading", "ready", "out-of-gpu-memory", "cannot-be-reached", "archiving", "ending"],
)
def test_the_facts_of_a_machine_stand_in_one_order(name: str) -> None:
    """Name and state, price, model and VRAM, what it has cost, whose it is."""
    text = _texts(GALLERY[name])
    wanted = ["fastbook ·", "in all · GPU", "RTX 3090 · 24 GB VRAM", "so far", "-# <@"]

    places = [text.index(one) for one in wanted]

    assert places == sorted(places)
