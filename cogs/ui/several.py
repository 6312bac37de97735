"""Which machine is meant, where a command names none and its owner has several: a menu of them.

The menu carries in its custom id what is to be done, so it works after a restart. What is chosen
goes the way of the command itself, with the same checks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol, Self, cast

import discord

from bot.client import Bellhop
from bot.domain.money import hourly
from bot.domain.rentals import Rental
from cogs.ui import inputs, look, words

Press = discord.Interaction[Bellhop]

MOST = 25
"""Options of a menu, as Discord takes them."""

_DO = {
    "open": "opened",
    "ssh": "connected to",
    "destroy": "archived and destroyed",
    "discard": "destroyed without an archive",
    "keep": "kept",
    "save": "archived",
}


class Opening(Protocol):
    """The cog that opens and ends machines."""

    async def open_chosen(self, press: Press, rental_id: str, port: int | None) -> None: ...
    async def destroy_chosen(self, press: Press, rental_id: str, *, discard: bool) -> None: ...


class Keeping(Protocol):
    """The cog that keeps and archives them."""

    async def keep_chosen(self, press: Press, rental_id: str, hours: int) -> None: ...
    async def save_chosen(self, press: Press, rental_id: str) -> None: ...


class Connecting(Protocol):
    """The cog for SSH."""

    async def chosen(self, press: Press, rental_id: str) -> None: ...


class Which(
    discord.ui.DynamicItem[discord.ui.Select[Any]],
    template=r"bellhop:which:(?P<what>open|ssh|destroy|discard|save|keep)"
    r"(?::(?P<hours>\d{1,5}))?",
):
    """The machines to choose from. `hours` is the number that came with the command: of hours to
    keep it, or of a port to open."""

    def __init__(self, what: str, hours: int | None = None, rentals: Sequence[Rental] = ()) -> None:
        self.what = what
        self.hours = hours
        super().__init__(
            discord.ui.Select(
                custom_id=f"bellhop:which:{what}{f':{hours}' if hours is not None else ''}",
                placeholder="Choose a machine",
                options=[_option(one) for one in rentals[:MOST]],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["what"], int(match["hours"]) if match["hours"] else None)

    async def callback(self, press: discord.Interaction[Any]) -> None:
        """A door: the library would swallow what is raised here."""
        try:
            await self.chosen(press, self.item.values[0])
        except Exception as error:
            await press.client.answer(press, error)

    async def chosen(self, press: Press, rental_id: str) -> None:
        machines = cast(Opening, press.client.get_cog("Machines"))
        keeping = cast(Keeping, press.client.get_cog("Keep"))
        match self.what:
            case "open":
                await machines.open_chosen(press, rental_id, self.hours)
            case "ssh":
                await cast(Connecting, press.client.get_cog("Ssh")).chosen(press, rental_id)
            case "keep":
                await keeping.keep_chosen(press, rental_id, self.hours or 1)
            case "save":
                await keeping.save_chosen(press, rental_id)
            case _:
                discard = self.what == "discard"
                await machines.destroy_chosen(press, rental_id, discard=discard)


async def meant(
    interaction: inputs.Interaction,
    rentals: Sequence[Rental],
    typed: str | None,
    what: str,
    *,
    hours: int | None = None,
) -> str | None:
    """The id of the machine a command is about; None where its person is asked which.

    The command was acknowledged. Raises NotFound where there is none.
    """
    found = inputs.pick(rentals, typed)
    if isinstance(found, str):
        return found
    await interaction.edit_original_response(view=which(found, what, hours))
    return None


def which(rentals: Sequence[Rental], what: str, hours: int | None = None) -> look.Card:
    """The machines that may be meant, with a menu of them."""
    rest = len(rentals) - MOST
    return look.card(
        f"### Which machine is to be {_DO[what]}?\nThere are {len(rentals)} to choose from.",
        look.listing(
            (
                f"**{look.clean(one.title, 60)}** · {words.standing(one)} · {hourly(one.per_hour)}"
                for one in rentals[:MOST]
            ),
            lambda left: f"… and {left} more in the menu",
        ),
        f"And {rest} more: name one with the rental option." if rest > 0 else "",
        controls=[Which(what, hours, rentals)],
    )


def _option(rental: Rental) -> discord.SelectOption:
    name = look.plain_line(rental.title)[:100] or rental.id
    about = f"{words.standing(rental)} · {rental.id}"
    return discord.SelectOption(label=name, description=about[:100], value=rental.id)


async def setup(bot: Bellhop) -> None:
    bot.add_dynamic_items(Which)
