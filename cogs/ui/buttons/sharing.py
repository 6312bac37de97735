"""The buttons of a share: enter by it, and end it."""

from __future__ import annotations

from typing import Protocol, cast

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

BUTTONS = (Enter, EndShare)
