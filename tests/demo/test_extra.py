"""Without its extra the demo says what to install."""

from __future__ import annotations

import pytest

import bot.demo
from bot.errors import Config


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person reads which command to type, not a traceback."""
    monkeypatch.setattr(bot.demo, "find_spec", lambda _name: None)

    with pytest.raises(Config) as caught:
        bot.demo.require_extra()

    assert 'pip install "bellhop[demo]"' in caught.value.public


def test_with_the_extra_nothing_is_said() -> None:
    """Its packages are there in a development environment."""
    bot.demo.require_extra()
