"""What every button of ours is: its custom id says what it is about, so it works for ever."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Self

import discord

from bot.client import Bellhop

Press = discord.Interaction[Bellhop]
Pressed = Callable[[Press, str], Awaitable[None]]
Style = discord.ButtonStyle

ID = r"[a-z0-9]{1,32}"


class Button(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"bellhop:none"):
    """A button about one rental, quote, wish, grant or archive: its subject."""

    name: ClassVar[str]
    suffix: ClassVar[str]
    label: ClassVar[str]
    style: ClassVar[Style]
    pressed: ClassVar[Pressed]

    def __init__(self, subject: str, *, label: str | None = None) -> None:
        self.subject = subject
        super().__init__(
            discord.ui.Button(
                label=label or self.label,
                style=self.style,
                custom_id=f"bellhop:{self.name}:{subject}{self.suffix}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["subject"])


def button(
    name: str, label: str, style: Style, pressed: Pressed, *, suffix: str = "", subject: str = ID
) -> type[Button]:
    """A kind of button: `bellhop:<name>:<subject><suffix>` is its custom id.

    `pressed` is awaited with the press and the subject. `subject` is the pattern of what it can
    be about. Names and suffixes are on cards that were sent long ago: they are never changed.
    """
    pattern = rf"bellhop:{re.escape(name)}:(?P<subject>{subject}){re.escape(suffix)}"

    class Kind(Button, template=pattern):
        async def callback(self, press: discord.Interaction[Any]) -> None:
            """A door: the library would swallow what is raised here."""
            try:
                await pressed(press, self.subject)
            except Exception as error:
                await press.client.answer(press, error)

    Kind.name, Kind.label, Kind.style, Kind.suffix = name, label, style, suffix
    Kind.pressed = pressed
    return Kind
