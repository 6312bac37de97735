"""The buttons of a share: enter by it, and end it; and the menu of many."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol, Self, cast

import discord

from bot.domain.shares import Share
from cogs.ui import look
from cogs.ui.buttons.button import Press, Style, button


class Sharing(Protocol):
    """The cog that shares notebooks."""

    async def enter(self, press: Press, share_id: str) -> None: ...
    async def end(self, press: Press, share_id: str) -> None: ...


def cog(press: Press) -> Sharing:
    return cast(Sharing, press.client.get_cog("Sharing"))


Enter = button(
    "enter",
    "Open",
    Style.success,
    lambda press, share: cog(press).enter(press, share),
)

EndShare = button(
    "unshare",
    "Take it back",
    Style.secondary,
    lambda press, share: cog(press).end(press, share),
)


class ChooseShareToEnd(
    discord.ui.DynamicItem[discord.ui.Select[Any]], template=r"bellhop:unshare-one"
):
    """Whom a machine is shared with; the chosen share is ended."""

    def __init__(self, shares: Sequence[Share] = ()) -> None:
        super().__init__(
            discord.ui.Select(
                custom_id="bellhop:unshare-one",
                placeholder="Take one back",
                options=[_option(one) for one in shares[:25]],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], _item: discord.ui.Item[Any], _: re.Match[str], /
    ) -> Self:
        return cls()

    async def callback(self, press: discord.Interaction[Any]) -> None:
        """A door, like that of a button."""
        try:
            await cog(press).end(press, self.item.values[0])
        except Exception as error:
            await press.client.answer(press, error)


def _option(share: Share) -> discord.SelectOption:
    does = "looks at it" if share.view_only else "works in it"
    name = look.plain_line(share.member_name)[:100] or "a teammate"
    return discord.SelectOption(label=name, description=does, value=share.id)


BUTTONS = (Enter, EndShare)
