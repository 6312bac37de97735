"""The buttons that open the menu of other machines: of all, or of those with more VRAM."""

from __future__ import annotations

from typing import Protocol, cast

from cogs.ui.buttons.button import Press, Style, button


class Moving(Protocol):
    """The cog that moves a machine's work."""

    async def choose(self, press: Press, rental_id: str, *, larger: bool = False) -> None: ...
    async def quote(self, press: Press, rental_id: str, offer_id: int) -> None: ...


def cog(press: Press) -> Moving:
    return cast(Moving, press.client.get_cog("Moves"))


# Opens the menu of other machines.
Move = button(
    "move",
    "Move to another machine",
    Style.secondary,
    lambda press, rental: cog(press).choose(press, rental),
)

# The same, of machines whose GPUs have more memory.
Larger = button(
    "larger",
    "Move to a larger GPU",
    Style.primary,
    lambda press, rental: cog(press).choose(press, rental, larger=True),
)

BUTTONS = (Move, Larger)
