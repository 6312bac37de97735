"""The buttons of a wish that waits for a machine."""

from __future__ import annotations

from typing import Protocol, cast

from cogs.ui.buttons.button import Press, Style, button


class Waiting(Protocol):
    """The cog about wishes that wait for a machine."""

    async def wait(self, press: Press, lookout_id: str, *, rents: bool) -> None: ...
    async def stop(self, press: Press, lookout_id: str) -> None: ...
    async def quote(self, press: Press, lookout_id: str) -> None: ...


def cog(press: Press) -> Waiting:
    return cast(Waiting, press.client.get_cog("Lookouts"))


WaitTell = button(
    "wait",
    "Tell me when there is one",
    Style.primary,
    lambda press, lookout: cog(press).wait(press, lookout, rents=False),
    suffix=":tell",
)

WaitRent = button(
    "wait",
    "Rent it when there is one",
    Style.success,
    lambda press, lookout: cog(press).wait(press, lookout, rents=True),
    suffix=":rent",
)

WaitCancel = button(
    "wait",
    "Stop looking",
    Style.secondary,
    lambda press, lookout: cog(press).stop(press, lookout),
    suffix=":stop",
)

WaitQuote = button(
    "wait",
    "See what it costs",
    Style.success,
    lambda press, lookout: cog(press).quote(press, lookout),
    suffix=":quote",
)

BUTTONS = (
    WaitTell,
    WaitRent,
    WaitCancel,
    WaitQuote,
)
