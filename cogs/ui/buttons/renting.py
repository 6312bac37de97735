"""The buttons of a quote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from bot.domain.offers import Wish
from cogs.ui.buttons.button import Press, Style, button


class Renting(Protocol):
    """The cog that quotes and rents."""

    async def begin(self, press: Press, quote_id: str) -> None: ...
    async def drop(self, press: Press, quote_id: str) -> None: ...
    async def quote(self, press: Press, wish: Wish, listed: Mapping[int, str]) -> None: ...


def cog(press: Press) -> Renting:
    return cast(Renting, press.client.get_cog("Rent"))


Rent = button(
    "rent",
    "Rent",
    Style.success,
    lambda press, quote: cog(press).begin(press, quote),
)

DropQuote = button(
    "cancel",
    "Cancel",
    Style.secondary,
    lambda press, quote: cog(press).drop(press, quote),
)

BUTTONS = (
    Rent,
    DropQuote,
)
