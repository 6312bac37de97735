"""What stands below offers: turning pages, narrowing down, comparing, looking out for one.

Whose page it is, what was asked for and which part of it is shown all ride along in the custom ids,
so an old page works after a restart. A GPU's name stands last there: one that is too long to fit is
cut, and then said to be unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, Self, cast

import discord

from bot.domain.choosing import MOST_COMPARED
from bot.domain.money import Usd
from bot.domain.offers import Offer, Sort, Wish
from cogs.ui import look
from cogs.ui.buttons.button import Press, Style
from cogs.ui.buttons.form import Form
from cogs.ui.buttons.menu import Menu
from cogs.ui.buttons.menus import listed, option_of

MOST = 25
"""Options of a menu, as Discord takes them."""

LONGEST_ID = 100

_SORTS = {Sort.PRICE: "p", Sort.VALUE: "v", Sort.RELIABILITY: "r", Sort.VRAM: "m"}
_STATE = (
    r"(?P<owner>[0-9a-f]{1,16}):(?P<page>\d{1,2}):(?P<sort>[pvrm]):(?P<disk>\d{1,5})"
    r":(?P<vram>\d{1,4}):(?P<gpus>\d{1,2}):(?P<price>\d{0,12}):(?P<region>[A-Z]{0,2}):(?P<gpu>.*)"
)


class Act(StrEnum):
    """What a button below offers does."""

    PAGE = "page"  # shows a page of them
    FILTER = "filter"  # the menus that narrow down
    COMPARE = "compare"  # the first of a page side by side
    WATCH = "watch"  # asks for the price to look out for
    WAIT = "wait"  # looks out for what nothing fits


class By(StrEnum):
    """What a menu narrows down, or sorts by."""

    GPU = "gpu"
    PRICE = "price"
    VRAM = "vram"
    REGION = "region"
    SORT = "sort"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where somebody is among offers: whose page, what they asked for, which page (from 0)."""

    owner_id: int
    wish: Wish
    page: int = 0


class Browsing(Protocol):
    """The cog about offers."""

    async def act(self, press: Press, act: Act, stand: Stand) -> None: ...
    async def narrow(self, press: Press, stand: Stand, by: By, chosen: str) -> None: ...
    async def compare(
        self, press: Press, stand: Stand, chosen: Sequence[int], names: Mapping[int, str]
    ) -> None: ...
    async def watched(self, press: Press, stand: Stand, price: str) -> None: ...


def cog(press: Press) -> Browsing:
    return cast(Browsing, press.client.get_cog("Offers"))


class Browse(
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"bellhop:browse:(?P<act>page|filter|compare|watch|wait):{_STATE}",
):
    """A button below offers."""

    def __init__(
        self, act: Act, stand: Stand, label: str = "…", style: Style = Style.secondary
    ) -> None:
        self.act = act
        self.stand = stand
        button = discord.ui.Button[Any](
            label=label, style=style, custom_id=_id(f"bellhop:browse:{act}", stand)
        )
        super().__init__(button)

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, match: re.Match[str], /) -> Self:
        return cls(Act(match["act"]), _stand(match))

    async def callback(self, press: discord.Interaction[Any]) -> None:
        """A door: the library would swallow what is raised here."""
        try:
            await cog(press).act(press, self.act, self.stand)
        except Exception as error:
            await press.client.answer(press, error)


class Narrow(
    Menu,
    template=rf"bellhop:narrow:(?P<by>gpu|price|vram|region|sort):{_STATE}",
):
    """A menu of the values of one limit, or of the orders."""

    def __init__(self, by: By, stand: Stand, options: Sequence[discord.SelectOption] = ()) -> None:
        self.by = by
        self.stand = stand
        menu = discord.ui.Select[Any](
            custom_id=_id(f"bellhop:narrow:{by}", stand),
            placeholder=next((one.label for one in options if one.default), None),
            options=list(options),
        )
        super().__init__(menu)

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, match: re.Match[str], /) -> Self:
        return cls(By(match["by"]), _stand(match))

    async def chosen(self, press: Press, values: Sequence[str]) -> None:
        await cog(press).narrow(press, self.stand, self.by, values[0])


class Compare(Menu, template=rf"bellhop:compare:{_STATE}"):
    """The offers of which up to three are to stand side by side.

    `names` are those of the menu that was pressed, for what is gone meanwhile.
    """

    def __init__(
        self,
        stand: Stand,
        numbered: Sequence[tuple[int, Offer]] = (),
        chosen: Sequence[int] = (),
        names: Mapping[int, str] | None = None,
    ) -> None:
        self.stand = stand
        self.names = names or {}
        options = [option_of(number, one, stand.wish) for number, one in numbered[:MOST]]
        for option in options:
            option.default = int(option.value) in chosen
        menu = discord.ui.Select[Any](
            custom_id=_id("bellhop:compare", stand),
            placeholder="Compare up to three",
            options=options,
            max_values=max(1, min(MOST_COMPARED, len(options))),
        )
        super().__init__(menu)

    @classmethod
    async def from_custom_id(cls, _press: Any, item: Any, match: re.Match[str], /) -> Self:
        return cls(_stand(match), names=listed(item))

    async def chosen(self, press: Press, values: Sequence[str]) -> None:
        chosen = [int(value) for value in values]
        await cog(press).compare(press, self.stand, chosen, self.names)


class WatchForm(Form, template=rf"bellhop:watch:{_STATE}"):
    """The highest price at which somebody wants to hear of a machine."""

    def __init__(self, stand: Stand) -> None:
        super().__init__(title="Look out for a machine", custom_id=_id("bellhop:watch", stand))
        price = stand.wish.max_price
        field = discord.ui.TextInput[Self](
            custom_id="price",
            default=f"{price.dollars.normalize():f}" if price is not None else None,
            placeholder="like 0.25",
            max_length=20,
        )
        self.add_item(
            discord.ui.Label(
                text="At most so many dollars an hour",
                description="Disk included. Whether you are told or it is rented, you choose next.",
                component=field,
            )
        )

    @staticmethod
    async def sent(press: Press, about: re.Match[str], text: str) -> None:
        await cog(press).watched(press, _stand(about), text)


def _id(what: str, stand: Stand) -> str:
    wish = stand.wish
    price = wish.max_price.micros if wish.max_price is not None else ""
    return (
        f"{what}:{stand.owner_id:x}:{stand.page}:{_SORTS[wish.sort]}:{wish.disk_gb}"
        f":{wish.min_vram_gb}:{wish.gpus}:{price}:{(wish.region or '').upper()}"
        f":{look.plain_line(wish.gpu or '')}"
    )[:LONGEST_ID]


def _stand(match: re.Match[str]) -> Stand:
    wish = Wish(
        gpu=match["gpu"] or None,
        max_price=Usd(int(match["price"])) if match["price"] else None,
        min_vram_gb=int(match["vram"]),
        gpus=int(match["gpus"]),
        disk_gb=int(match["disk"]),
        region=match["region"] or None,
        sort=next(sort for sort, letter in _SORTS.items() if letter == match["sort"]),
    )
    return Stand(owner_id=int(match["owner"], 16), wish=wish, page=int(match["page"]))


ITEMS = (Browse, Narrow, Compare)
FORMS = (WatchForm,)
