"""What every menu of ours is: like a button it outlives its message, and its choice is a door."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Self, TypeVar

import discord

from cogs.ui.buttons.button import Press

T = TypeVar("T")

MOST = 25
"""Options of one menu, as Discord takes them."""


class Menu(discord.ui.DynamicItem[discord.ui.Select[Any]], template=r"bellhop:no-menu"):
    """A menu whose custom id says what it is about."""

    @abstractmethod
    async def chosen(self, press: Press, values: Sequence[str]) -> None:
        """What was chosen, at least one; what is raised here is said to whoever chose it."""

    async def callback(self, press: discord.Interaction[Any]) -> None:
        """A door: the library would swallow what is raised here."""
        try:
            await self.chosen(press, self.item.values)
        except Exception as error:
            await press.client.answer(press, error)


class OneOf(Menu, template=r"bellhop:no-choice"):
    """A menu that is about nothing but its options."""

    name: ClassVar[str]
    placeholder: ClassVar[str]
    option: ClassVar[Callable[[Any], discord.SelectOption]]

    def __init__(self, subjects: Sequence[Any] = ()) -> None:
        super().__init__(
            discord.ui.Select(
                custom_id=f"bellhop:{self.name}",
                placeholder=self.placeholder,
                options=[type(self).option(one) for one in subjects[:MOST]],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], _item: discord.ui.Item[Any], _: re.Match[str], /
    ) -> Self:
        return cls()


def one_of(
    name: str,
    placeholder: str,
    option: Callable[[T], discord.SelectOption],
    pressed: Callable[[Press, str], Awaitable[None]],
) -> type[OneOf]:
    """A kind of menu: `bellhop:<name>` is its custom id, which is never changed.

    `pressed` is awaited with the press and the value of the option that was chosen.
    """

    class Kind(OneOf, template=re.escape(f"bellhop:{name}")):
        async def chosen(self, press: Press, values: Sequence[str]) -> None:
            await pressed(press, values[0])

    Kind.name, Kind.placeholder = name, placeholder
    Kind.option = option
    return Kind
