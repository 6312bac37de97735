"""The button that opens the menu of other machines."""

from __future__ import annotations

from typing import Protocol, cast

from cogs.ui.buttons.button import Press, Style, button


class Moving(Protocol):
    """The cog that moves a machine's work."""

    async def choose(self, press: Press, rental_id: str) -> None: ...
    async def quote(self, press: Press, rental_id: str, offer_id: int) -> None: ...


def cog(press: Press) -> Moving:
    return cast(Moving, press.client.get_cog("Moves"))


# Opens the menu of other machines.
Move = button(
    "move",
    "Move",
    Style.secondary,
    lambda press, rental: cog(press).choose(press, rental),
)

BUTTONS = (Move,)
