"""Texts that are sealed can be read by this installation, in their own place, and otherwise not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.adapters.sealing.texts import TextSeal
from bot.errors import Unreadable

SEAL = TextSeal("a secret", "recordings")


def test_a_text_comes_back_and_cannot_be_seen_in_what_is_kept() -> None:
    """Not twice the same either: equal outputs cannot be told from one another."""
    text = '{"text": "epoch 1: 0.98 \\u00fc"}'

    sealed = [SEAL.close(text, about="one") for _ in range(2)]

    assert [SEAL.open(each, about="one") for each in sealed] == [text, text]
    assert sealed[0] != sealed[1]
    assert all(each.isascii() and "epoch" not in each for each in sealed)


def test_what_an_older_version_wrote_is_read_as_it_is() -> None:
    assert SEAL.open('{"run": {}}', about="one") == '{"run": {}}'


@pytest.mark.parametrize(
    ("opener", "about", "damage"),
    [
        pytest.param(SEAL, "another", lambda text: text, id="in another row's place"),
        pytest.param(TextSeal("b", "recordings"), "one", lambda text: text, id="another secret"),
        pytest.param(TextSeal("a secret", "x"), "one", lambda text: text, id="another purpose"),
        pytest.param(SEAL, "one", lambda text: text[:-4], id="cut"),
        pytest.param(SEAL, "one", lambda text: text[:20] + "AAAA" + text[24:], id="altered"),
        pytest.param(SEAL, "one", lambda text: text[:9], id="empty"),
        pytest.param(SEAL, "one", lambda text: text[:9] + "%", id="no base64"),
    ],
)
def test_anything_else_is_refused(
    opener: TextSeal, about: str, damage: Callable[[str], str]
) -> None:
    sealed = SEAL.close("some output", about="one")

    with pytest.raises(Unreadable) as caught:
        opener.open(damage(sealed), about=about)

    assert caught.value.public == "Something in our database cannot be read with our secret."
