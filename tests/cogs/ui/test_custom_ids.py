"""What the custom ids of our buttons and menus lead to, over all kinds there are."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from typing import Any

import discord
import pytest

from bot.client import EXTENSIONS
from tests.builders import NOW
from tests.gallery import gallery

GALLERY = gallery(NOW)


def _kinds(base: type[Any] = discord.ui.DynamicItem) -> set[type[Any]]:
    """Every kind that the cogs make, but for those that only others are made of."""
    for name in EXTENSIONS:
        import_module(name)
    found = {one for sub in base.__subclasses__() for one in {sub, *_kinds(sub)}}
    return {one for one in found if one.__module__.startswith("cogs.") and not one.__subclasses__()}


KINDS = _kinds()


def test_no_two_kinds_have_one_pattern() -> None:
    """The client keeps them by pattern: of two alike, only the one it met last would work."""
    counted = Counter(_pattern(one) for one in KINDS)

    assert len(KINDS) > 40
    assert [pattern.pattern for pattern, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("name", GALLERY)
def test_what_is_on_a_card_leads_to_one_kind(name: str) -> None:
    """Where two kinds would answer, both would act on one press."""
    on_it = [
        one for one in GALLERY[name].walk_children() if isinstance(one, discord.ui.DynamicItem)
    ]

    for item in on_it:
        fitting = [one for one in KINDS if _pattern(one).fullmatch(item.custom_id)]
        assert fitting in ([], [type(item)]), item.custom_id


def _pattern(kind: type[Any]) -> re.Pattern[str]:
    found: re.Pattern[str] = kind.__discord_ui_compiled_template__
    return found
