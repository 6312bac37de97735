"""The commands as their cogs have them, and options for each: the least, the usual, the most."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any

from discord import AppCommandOptionType as Kind
from discord import app_commands
from discord.ext import commands

from bot import client

Complete = Callable[[str], Awaitable[list[dict[str, Any]]]]
"""What is offered for an option of this name before anything is typed."""

Leaf = app_commands.Command[Any, ..., Any]


def _leaves() -> dict[str, Leaf]:
    """Every command of the cogs, by the name one types."""
    named: dict[str, Leaf] = {}
    for extension in client.EXTENSIONS:
        module = import_module(extension)
        for cog in vars(module).values():
            if not (inspect.isclass(cog) and issubclass(cog, commands.Cog)):
                continue
            if cog.__module__ != extension:
                continue
            prefix = f"{cog.__cog_group_name__} " if issubclass(cog, commands.GroupCog) else ""
            for one in cog.__cog_app_commands__:
                if isinstance(one, app_commands.Group):
                    named |= {f"{prefix}{one.name} {leaf.name}": leaf for leaf in one.commands}
                else:
                    named[f"{prefix}{one.name}"] = one
    return named


LEAVES = _leaves()


async def fillings(
    leaf: Leaf, complete: Complete, *, longest: str, people: Sequence[Any], roles: Sequence[Any]
) -> list[dict[str, Any]]:
    """Only what must be, all as it is completed, and all at the longest.

    Of `people` and `roles` the first is the usual one, the last the one for the most.
    """
    completed, most = {}, {}
    for one in leaf.parameters:
        found = await complete(one.display_name) if one.autocomplete else []
        usual, largest = _values(one, longest, people, roles)
        completed[one.display_name] = found[-1]["value"] if found else usual
        most[one.display_name] = largest
    bare = {
        one.display_name: completed[one.display_name] for one in leaf.parameters if one.required
    }
    return [bare, completed, most] if leaf.parameters else [bare]


def _values(
    option: app_commands.Parameter, longest: str, people: Sequence[Any], roles: Sequence[Any]
) -> tuple[Any, Any]:
    """A usual value, and the longest or largest."""
    if option.choices:
        return option.choices[0].value, option.choices[-1].value
    match option.type:
        case Kind.string:
            return "10", longest[: int(option.max_value or 100)]
        case Kind.integer:
            return option.min_value, option.max_value
        case Kind.boolean:
            return False, True
        case Kind.user:
            return people[0], people[-1]
        case Kind.role:
            return roles[0], roles[-1]
        case _:
            raise AssertionError(f"no value is known for {option.type}")
