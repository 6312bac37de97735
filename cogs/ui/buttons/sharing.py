"""The buttons of a share: enter by it, and end it; and the menu of many."""

from __future__ import annotations

from typing import Protocol, cast

import discord

from bot.domain.shares import Share
from cogs.ui import look
from cogs.ui.buttons.button import Press, Style, button
from cogs.ui.buttons.menu import one_of


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


def _option(share: Share) -> discord.SelectOption:
    does = "looks at it" if share.view_only else "works in it"
    name = look.plain_line(share.member_name)[:100] or "a teammate"
    return discord.SelectOption(label=name, description=does, value=share.id)


ChooseShareToEnd = one_of(
    "unshare-one", "Take one back", _option, lambda press, share: cog(press).end(press, share)
)

BUTTONS = (Enter, EndShare)
