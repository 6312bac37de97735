"""The menus of offers: which machine to rent, and which one to move to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import discord

from bot.domain.money import Usd, hourly
from bot.domain.offers import Offer, Sort, Wish
from cogs.ui import look
from cogs.ui.buttons import moving, renting
from cogs.ui.buttons.button import ID, Press
from cogs.ui.buttons.menu import Menu


class ChooseOffer(
    Menu,
    template=r"bellhop:offers:(?P<disk>\d{1,5}):(?P<vram>\d{1,4}):(?P<gpus>\d{1,2})"
    r":(?P<price>\d{0,12}):(?P<region>[A-Z]{0,2}):(?P<sort>[a-z]{1,20})(?::(?P<gpu>.*))?",
):
    """The menu below offers. The limits they were found with ride along.

    `listed` are the menu's offers by their numbers, for what is gone meanwhile.
    """

    def __init__(
        self,
        wish: Wish,
        offers: Sequence[tuple[int, Offer]] = (),
        listed: Mapping[int, str] | None = None,
    ) -> None:
        self.wish = wish
        self.listed = listed or {}
        super().__init__(
            discord.ui.Select(
                custom_id=_wish_id(wish),
                placeholder="Rent one of these",
                options=[option_of(number, one, wish) for number, one in offers],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], item: Any, match: re.Match[str], /
    ) -> Self:
        return cls(
            Wish(
                gpu=match["gpu"] or None,
                disk_gb=int(match["disk"]),
                min_vram_gb=int(match["vram"]),
                gpus=int(match["gpus"]),
                max_price=Usd(int(match["price"])) if match["price"] else None,
                region=match["region"] or None,
                sort=Sort(match["sort"]) if match["sort"] in list(Sort) else Sort.PRICE,
            ),
            listed=listed(item),
        )

    async def chosen(self, press: Press, values: Sequence[str]) -> None:
        chosen = replace(self.wish, offer_id=int(values[0]))
        await renting.cog(press).quote(press, chosen, self.listed)


class ChooseMove(
    Menu,
    template=rf"bellhop:move-to:(?P<subject>{ID})",
):
    """The menu of machines that a rental's work can go to."""

    def __init__(
        self, subject: str, wish: Wish | None = None, offers: Sequence[Offer] = ()
    ) -> None:
        self.subject = subject
        super().__init__(
            discord.ui.Select(
                custom_id=f"bellhop:move-to:{subject}",
                placeholder="Move to one of these",
                options=[
                    option_of(number, one, wish or Wish()) for number, one in enumerate(offers, 1)
                ],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["subject"])

    async def chosen(self, press: Press, values: Sequence[str]) -> None:
        await moving.cog(press).quote(press, self.subject, int(values[0]))


def listed(menu: discord.ui.Select[Any]) -> dict[int, str]:
    """What a menu of offers named, in its order: by an offer's number the words for it."""
    return {int(one.value): one.label for one in menu.options if one.value.isdigit()}


def option_of(number: int, offer: Offer, wish: Wish) -> discord.SelectOption:
    """An offer as a line of a menu, with the number it has on the card."""
    price = hourly(offer.rates.per_hour(wish.disk_gb))
    return discord.SelectOption(
        label=f"{number} · {look.plain_line(offer.title)[:60]} · {price}"[:100],
        description=f"{look.vram(offer)} · {look.plain_line(offer.region)[:60] or 'anywhere'}"[
            :100
        ],
        value=str(offer.id),
    )


def _wish_id(wish: Wish) -> str:
    price = wish.max_price.micros if wish.max_price else ""
    region = (wish.region or "").upper()
    limits = f"{wish.disk_gb}:{wish.min_vram_gb}:{wish.gpus}:{price}:{region}:{wish.sort}"
    return f"bellhop:offers:{limits}:{look.plain_line(wish.gpu or '')}"[:100]
