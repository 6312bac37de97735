"""Every command there is, in servers with nothing, one machine or sixty, whatever they are called.

Discord refuses an answer that breaks one of its limits, and so does its stand-in; the person would
read of an incident. A new command is in here by itself: the list is read off the cogs.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import simcord
from discord import ComponentType as Component
from discord import app_commands
from simcord.components import walk_components

from tests.cogs.commands import LEAVES, Leaf, fillings
from tests.cogs.conftest import Chat, text
from tests.cogs.crowd import ODD, SCENES, Scene, dear_offers, fill
from tests.cogs.market import FixedMarket

ROOM = 4000
"""Characters of all the text of a message."""


MOST_PRESSES = 15
"""Buttons and menus that are tried of one answer."""

PATIENCE_S = 60.0
"""How long the pretend Discord waits for an answer: this machine may be busy."""


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crowds")


@pytest.fixture
def market() -> FixedMarket:
    """The dearest there is, with credit for it."""
    return FixedMarket(dear_offers())


async def test_the_list_is_that_of_the_tree(chat: Chat) -> None:
    """Otherwise a command would be left out below."""
    tree: app_commands.CommandTree[Any] = chat.env.bot.tree  # type: ignore[attr-defined]
    walked = [one for one in tree.walk_commands() if isinstance(one, app_commands.Command)]

    assert sorted(LEAVES) == sorted(one.qualified_name for one in walked)
    assert len(LEAVES) > 20


async def _fillings(chat: Chat, person: simcord.MemberActor, name: str) -> list[dict[str, Any]]:
    roles = [chat.guild.create_role("r" * 100), chat.guild.create_role(ODD[1])]
    return await fillings(
        LEAVES[name],
        lambda option: person.autocomplete(chat.channel, name, option, ""),
        longest=ODD[4] * 10,
        people=[chat.ben, chat.ada],
        roles=roles,
    )


@pytest.mark.parametrize("scene", SCENES, ids=lambda one: one.name)
@pytest.mark.parametrize("name", sorted(LEAVES))
async def test_a_command_holds_the_limits_whatever_there_is(
    chat: Chat, name: str, scene: Scene, kept: Path
) -> None:
    """Bare, with what is completed as one types, and with the most that may be typed."""
    chat.env.settle_timeout = PATIENCE_S
    await fill(chat, scene, kept)

    for person in (chat.ada, chat.lead):
        for options in await _fillings(chat, person, name):
            result = await person.slash(chat.channel, name, **options)
            _check(result, f"/{name} {options}")


@pytest.mark.parametrize("name", sorted(LEAVES))
async def test_what_an_answer_lets_one_press_holds_the_limits_too(
    chat: Chat, name: str, kept: Path
) -> None:
    """Each button and each menu's last choice, one step on from the command itself."""
    chat.env.settle_timeout = PATIENCE_S
    await fill(chat, SCENES[-1], kept)

    for person in (chat.ada, chat.lead):
        options = (await _fillings(chat, person, name))[0]
        for number in range(MOST_PRESSES):
            answer = await person.slash(chat.channel, name, **options)
            parts = _to_press(answer)
            if number >= len(parts):
                break  # a press before this one may have taken something away
            part = parts[number]
            if part["type"] == Component.button.value:
                pressed = await person.click(answer.response, custom_id=part["custom_id"])
            else:
                value = _last_choice(chat, part)
                pressed = await person.select(answer.response, [value], custom_id=part["custom_id"])
            _check(pressed, f"/{name}, then {part['custom_id']}", instead=answer)


def _to_press(answer: simcord.InteractionResult) -> list[dict[str, Any]]:
    """Buttons and menus of the answer, in their order."""
    if answer.response is None:
        return []
    return [
        part
        for part in walk_components(answer.response.components)
        if part.get("custom_id") and not part.get("disabled")
    ]


def _last_choice(chat: Chat, menu: dict[str, Any]) -> Any:
    match Component(menu["type"]):
        case Component.user_select:
            return chat.ben
        case Component.role_select:
            return chat.guild.create_role("r" * 100)
        case Component.channel_select:
            return chat.channel
        case _:
            return menu["options"][-1]["value"]


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_a_command_acknowledges_before_all_work(name: str) -> None:
    """Discord waits three seconds: the first thing that is awaited is an answer to it."""
    first = _first_call(LEAVES[name])

    assert re.search(r"\.take$|\.send_modal$|\.response\.", first), first


def _check(
    result: simcord.InteractionResult,
    what: str,
    *,
    instead: simcord.InteractionResult | None = None,
) -> None:
    """What was answered; a press may change the message that was pressed on, `instead`."""
    assert result.acknowledged, what
    if result.modal is not None:
        return
    shown = [one for one in (result.response, *result.followups) if one is not None]
    if instead is not None and instead.response is not None:
        shown.append(instead.response)
    assert shown, f"{what}: nothing was answered"
    for message in shown:
        said = text(message)
        assert said.strip(), f"{what}: an empty answer"
        assert len(said) <= ROOM + 1500, f"{what}: {len(said)} characters"
        assert "incident" not in said, f"{what}: {said}"
        for fault in _unworthy(said):
            raise AssertionError(f"{what}: {fault} in: {said[:600]}")


_FAULTS = {
    "a time of ours": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d\d:\d\d UTC",
    "an object": r"<[a-z_.]+ object|\bNone\b|Usd\(|datetime|Traceback|[A-Za-z]+Error\b",
    "a bare number of Discord's": r"(?<![@#&/\d:])(?<!@&)\b\d{17,20}\b(?!/)",
}


def _unworthy(said: str) -> list[str]:
    """What nobody should have to read."""
    return [name for name, pattern in _FAULTS.items() if re.search(pattern, said)]


@pytest.mark.parametrize(
    "said", ["at 2026-11-22 12:00", "12:00 UTC", "None", "KeyError", "<object object", "1" * 18]
)
def test_what_nobody_should_read_is_found(said: str) -> None:
    """The check above can fail."""
    assert _unworthy(f"It was {said}.")


@pytest.mark.parametrize("said", ["<@118765432109876543>", "<t:1764000000:R>", "Time zone: UTC"])
def test_what_discord_shows_as_names_and_local_times_is_let_through(said: str) -> None:
    assert not _unworthy(said)


def _first_call(leaf: Leaf) -> str:
    """What a command awaits first; of one that only hands over, the method it hands over to."""
    cog = import_module(leaf.callback.__module__)
    source = textwrap.dedent(inspect.getsource(leaf.callback))
    first = _awaited(ast.parse(source))
    if match := re.fullmatch(r"self\.(\w+)", first):
        owner = leaf.callback.__qualname__.split(".")[0]
        method = getattr(getattr(cog, owner), match[1])
        first = _awaited(ast.parse(textwrap.dedent(inspect.getsource(method))))
    return first


def _awaited(tree: ast.AST) -> str:
    calls = sorted(
        (node for node in ast.walk(tree) if isinstance(node, ast.Await)),
        key=lambda node: (node.lineno, node.col_offset),
    )
    assert calls
    assert isinstance(calls[0].value, ast.Call)
    return ast.unparse(calls[0].value.func)
