"""A server's first use: what is proposed, and who is greeted again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.money import Usd
from bot.domain.welcome import (
    LIMIT,
    MOST,
    Greeting,
    Named,
    Server,
    Setup,
    joins_again,
    offered,
    server,
)
from tests.builders import GUILD, NOW

SETUP = Setup(guild_id=GUILD)


def named(*names: str) -> list[Named]:
    return [Named(number, name) for number, name in enumerate(names, 1)]


def test_the_role_whose_name_says_it_comes_first() -> None:
    """Then the others, in the order of their rank."""
    found = server("Team", named("Booster", "Students", "Course Staff", "GPU Leads"), [])

    assert [one.name for one in found.roles] == ["GPU Leads", "Course Staff", "Booster", "Students"]


@pytest.mark.parametrize(
    ("names", "system", "proposed"),
    [
        (("general", "gpu-talk", "bellhop"), None, 3),
        (("general", "gpu-talk", "memes"), None, 2),
        (("rules", "general", "memes"), 2, 2),
        (("rules", "general"), None, 1),
        ((), None, None),
    ],
)
def test_the_channel_that_fits_best_is_proposed(
    names: tuple[str, ...], system: int | None, proposed: int | None
) -> None:
    """By its name, else where Discord greets, else the first; where we may write, if anywhere."""
    assert server("Team", [], named(*names), system=system).proposed(SETUP) == proposed


def test_what_was_chosen_is_not_proposed_anew() -> None:
    """Not even where the choice was no channel."""
    found = server("Team", [], named("gpu"))

    assert found.proposed(replace(SETUP, channel=9, channel_chosen=True)) == 9
    assert found.proposed(replace(SETUP, channel_chosen=True)) is None


def test_a_limit_is_proposed_until_one_is_chosen() -> None:
    """No limit is a choice, too."""
    assert SETUP.monthly == LIMIT
    assert replace(SETUP, limit_chosen=True).monthly is None
    assert replace(SETUP, limit=Usd.of(7), limit_chosen=True).monthly == Usd.of(7)


def test_a_menu_has_the_chosen_one_however_many_there_are() -> None:
    """Discord takes 25 choices, and one of them is to choose none."""
    many = [Named(number, f"role {number}") for number in range(1, 61)]

    shown = offered(many, 60)

    assert len(shown) == MOST
    assert shown[-1] == many[59]
    assert offered(many, 3) == many[:MOST]
    assert offered(many, 999) == many[:MOST]
    assert offered([], None) == []


def test_names_are_found_by_number_and_strangers_are_not() -> None:
    found = Server(name="Team", roles=(Named(1, "Leads"),))

    assert found.role(1) == Named(1, "Leads")
    assert found.role(2) is None
    assert found.channel(None) is None


def test_a_server_is_greeted_again_only_while_something_is_open() -> None:
    """Who has chosen everything needs no second greeting."""
    greeted = Greeting(guild_id=GUILD, joined_at=NOW, next_at=NOW, greeted_at=NOW)

    assert joins_again(None)
    assert joins_again(greeted)
    assert not joins_again(replace(greeted, settled_at=NOW))
