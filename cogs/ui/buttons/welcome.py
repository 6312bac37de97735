"""The menus and buttons of a server's first use. Each names the server, so that it works in a
direct message and after a restart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol, Self, cast

import discord

from cogs.ui.buttons.button import Press, Style, button
from cogs.ui.buttons.form import Form
from cogs.ui.buttons.menu import Menu

OTHER = "other"
"""The choice of an amount that is written."""

STEPS = ("leads", "channel", "limit")

_SERVER = r"\d{1,20}"


class FirstUse(Protocol):
    """The cog about a server's first use."""

    async def choose(self, press: Press, step: str, guild_id: int, value: str) -> None: ...
    async def ask_limit(self, press: Press, guild_id: int) -> None: ...
    async def finish(self, press: Press, guild_id: int) -> None: ...


def cog(press: Press) -> FirstUse:
    return cast(FirstUse, press.client.get_cog("Welcome"))


class SetupMenu(
    Menu,
    template=rf"bellhop:setup:(?P<step>{'|'.join(STEPS)}):(?P<server>{_SERVER})",
):
    """One of the three choices."""

    def __init__(
        self, step: str, guild_id: int, options: Sequence[discord.SelectOption] = ()
    ) -> None:
        self.step, self.guild_id = step, guild_id
        super().__init__(
            discord.ui.Select(custom_id=f"bellhop:setup:{step}:{guild_id}", options=list(options))
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["step"], int(match["server"]))

    async def chosen(self, press: Press, values: Sequence[str]) -> None:
        if values[0] == OTHER:
            await cog(press).ask_limit(press, self.guild_id)
        else:
            await cog(press).choose(press, self.step, self.guild_id, values[0])


class LimitForm(Form, template=rf"bellhop:setup-limit:(?P<server>{_SERVER})"):
    """An amount of one's own. Discord shows it at once, so it holds nothing that must be read."""

    def __init__(self, guild_id: int) -> None:
        super().__init__(title="Budget of a month", custom_id=f"bellhop:setup-limit:{guild_id}")
        field = discord.ui.TextInput[Self](
            custom_id="dollars", placeholder="e.g. 75", min_length=1, max_length=20
        )
        self.add_item(
            discord.ui.Label(
                text="Dollars a month, for the whole team",
                description="Beyond it nothing new is rented without a lead's yes.",
                component=field,
            )
        )

    @staticmethod
    async def sent(press: Press, about: re.Match[str], text: str) -> None:
        await cog(press).choose(press, "limit", int(about["server"]), text)


Done = button(
    "setup-done",
    "Done",
    Style.success,
    lambda press, server: cog(press).finish(press, int(server)),
    subject=_SERVER,
)

BUTTONS = (Done, SetupMenu)
FORMS = (LimitForm,)
