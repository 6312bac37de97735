"""The buttons and the menu of our cards. Each carries what it is about in its custom id.

So they work after a restart, on any card that was ever sent, and nothing about them is kept in
memory. A press leads to the cog that does the same thing for a command, and the services check
there, every time, whether this person may.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, cast

import discord

from bot.client import Bellhop
from bot.domain.money import Usd, hourly
from bot.domain.offers import Offer, Sort, Wish
from cogs.ui import look

Press = discord.Interaction[Bellhop]

_ID = r"[a-z0-9]{1,32}"


class Machines(Protocol):
    """The cog that opens and ends machines."""

    async def open(self, press: Press, rental_id: str) -> None: ...
    async def ask_to_destroy(self, press: Press, rental_id: str) -> None: ...
    async def destroy(self, press: Press, rental_id: str) -> None: ...
    async def ask_to_discard(self, press: Press, rental_id: str) -> None: ...
    async def discard(self, press: Press, rental_id: str) -> None: ...
    async def leave_alone(self, press: Press, rental_id: str) -> None: ...
    async def agree(self, press: Press, rental_id: str, offer_id: int) -> None: ...
    async def replace(self, press: Press, rental_id: str) -> None: ...


class Keeping(Protocol):
    """The cog that answers for a machine that looks idle."""

    async def keep_hours(self, press: Press, rental_id: str) -> None: ...
    async def keep_tomorrow(self, press: Press, rental_id: str) -> None: ...
    async def archive_and_end(self, press: Press, rental_id: str) -> None: ...
    async def archive_and_stay(self, press: Press, rental_id: str) -> None: ...
    async def allow_archive(self, press: Press, rental_id: str, *, ends: bool) -> None: ...
    async def call_off(self, press: Press, rental_id: str) -> None: ...
    async def give_up(self, press: Press, rental_id: str) -> None: ...


class Renting(Protocol):
    """The cog that quotes and rents."""

    async def begin(self, press: Press, quote_id: str) -> None: ...
    async def drop(self, press: Press, quote_id: str) -> None: ...
    async def quote(self, press: Press, wish: Wish) -> None: ...


class Waiting(Protocol):
    """The cog about wishes that wait for a machine."""

    async def wait(self, press: Press, lookout_id: str, *, rents: bool) -> None: ...
    async def stop(self, press: Press, lookout_id: str) -> None: ...
    async def quote(self, press: Press, lookout_id: str) -> None: ...


class Moving(Protocol):
    """The cog that moves a machine's work."""

    async def choose(self, press: Press, rental_id: str) -> None: ...
    async def quote(self, press: Press, rental_id: str, offer_id: int) -> None: ...


class Money(Protocol):
    """The cog about budgets."""

    async def ask(self, press: Press, more: Usd, quote_id: str | None = None) -> None: ...
    async def decide(self, press: Press, grant_id: str, *, approved: bool) -> None: ...


class Shelves(Protocol):
    """The cog about archives."""

    async def really_delete(self, press: Press, archive_id: str) -> None: ...
    async def keep(self, press: Press) -> None: ...
    async def keep_longer(self, press: Press, archive_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Face:
    label: str
    style: discord.ButtonStyle


class _Button(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"bellhop:none"):
    """A button about one rental or quote."""

    prefix: ClassVar[str]
    suffix: ClassVar[str] = ""
    face: ClassVar[_Face]

    def __init__(self, subject: str, *, label: str | None = None) -> None:
        self.subject = subject
        super().__init__(
            discord.ui.Button(
                label=label or self.face.label,
                style=self.face.style,
                custom_id=f"{self.prefix}:{subject}{self.suffix}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["subject"])

    async def callback(self, press: discord.Interaction[Any]) -> None:
        """A door: the library would swallow what is raised here."""
        try:
            await self.pressed(press)
        except Exception as error:
            await press.client.answer(press, error)

    async def pressed(self, press: Press) -> None:
        raise NotImplementedError


class Open(_Button, template=rf"bellhop:open:(?P<subject>{_ID})"):
    prefix = "bellhop:open"
    face = _Face("Open", discord.ButtonStyle.success)

    async def pressed(self, press: Press) -> None:
        await _machines(press).open(press, self.subject)


class Move(_Button, template=rf"bellhop:move:(?P<subject>{_ID})"):
    """Opens the menu of other machines."""

    prefix = "bellhop:move"
    face = _Face("Move", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _moving(press).choose(press, self.subject)


class Destroy(_Button, template=rf"bellhop:destroy:(?P<subject>{_ID})"):
    """The first of two presses: asks."""

    prefix = "bellhop:destroy"
    face = _Face("Archive and destroy", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _machines(press).ask_to_destroy(press, self.subject)


class Cancel(_Button, template=rf"bellhop:stop:(?P<subject>{_ID})"):
    """The same as Destroy, on a machine that nobody has worked on yet."""

    prefix = "bellhop:stop"
    face = _Face("Cancel", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _machines(press).ask_to_destroy(press, self.subject)


class ReallyDestroy(_Button, template=rf"bellhop:destroy!:(?P<subject>{_ID})"):
    """The second press: the work is archived and proven, then the machine ends."""

    prefix = "bellhop:destroy!"
    face = _Face("Archive and destroy", discord.ButtonStyle.danger)

    async def pressed(self, press: Press) -> None:
        await _machines(press).destroy(press, self.subject)


class Discard(_Button, template=rf"bellhop:discard:(?P<subject>{_ID})"):
    """Asks once more before work is given up."""

    prefix = "bellhop:discard"
    face = _Face("Destroy without archive", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _machines(press).ask_to_discard(press, self.subject)


class ReallyDiscard(_Button, template=rf"bellhop:discard!:(?P<subject>{_ID})"):
    """The last press: gives the work up."""

    prefix = "bellhop:discard!"
    face = _Face("Lose it and destroy", discord.ButtonStyle.danger)

    async def pressed(self, press: Press) -> None:
        await _machines(press).discard(press, self.subject)


class LeaveAlone(_Button, template=rf"bellhop:leave:(?P<subject>{_ID})"):
    prefix = "bellhop:leave"
    face = _Face("Keep it", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _machines(press).leave_alone(press, self.subject)


class Agree(_Button, template=rf"bellhop:agree:(?P<subject>{_ID}-[0-9]{{1,15}})"):
    """Yes to a dearer machine; it carries which one, so that an old card agrees to no other."""

    prefix = "bellhop:agree"
    face = _Face("Rent", discord.ButtonStyle.success)

    async def pressed(self, press: Press) -> None:
        rental_id, _, offer_id = self.subject.partition("-")
        await _machines(press).agree(press, rental_id, int(offer_id))


class Replace(_Button, template=rf"bellhop:replace:(?P<subject>{_ID})"):
    """Asks for a quote of another machine; the old one stays."""

    prefix = "bellhop:replace"
    face = _Face("Replace", discord.ButtonStyle.primary)

    async def pressed(self, press: Press) -> None:
        await _machines(press).replace(press, self.subject)


class KeepHours(_Button, template=rf"bellhop:keep:(?P<subject>{_ID}):4h"):
    prefix = "bellhop:keep"
    suffix = ":4h"
    face = _Face("Keep 4 h", discord.ButtonStyle.success)

    async def pressed(self, press: Press) -> None:
        await _keeping(press).keep_hours(press, self.subject)


class KeepTomorrow(_Button, template=rf"bellhop:keep:(?P<subject>{_ID}):tomorrow"):
    prefix = "bellhop:keep"
    suffix = ":tomorrow"
    face = _Face("Keep until tomorrow", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _keeping(press).keep_tomorrow(press, self.subject)


class ArchiveAndEnd(_Button, template=rf"bellhop:save:(?P<subject>{_ID}):end"):
    prefix = "bellhop:save"
    suffix = ":end"
    face = _Face("Archive and destroy now", discord.ButtonStyle.danger)

    async def pressed(self, press: Press) -> None:
        await _keeping(press).archive_and_end(press, self.subject)


class ArchiveAndStay(_Button, template=rf"bellhop:save:(?P<subject>{_ID}):stay"):
    prefix = "bellhop:save"
    suffix = ":stay"
    face = _Face("Archive now, keep running", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _keeping(press).archive_and_stay(press, self.subject)


class LargeAndStay(_Button, template=rf"bellhop:large:(?P<subject>{_ID}):stay"):
    """Below the question about a large archive, as the next three."""

    prefix = "bellhop:large"
    suffix = ":stay"
    face = _Face("Archive anyway, keep running", discord.ButtonStyle.success)

    async def pressed(self, press: Press) -> None:
        await _keeping(press).allow_archive(press, self.subject, ends=False)


class LargeAndEnd(_Button, template=rf"bellhop:large:(?P<subject>{_ID}):end"):
    prefix = "bellhop:large"
    suffix = ":end"
    face = _Face("Archive anyway, then destroy", discord.ButtonStyle.danger)

    async def pressed(self, press: Press) -> None:
        await _keeping(press).allow_archive(press, self.subject, ends=True)


class CallOff(_Button, template=rf"bellhop:calloff:(?P<subject>{_ID})"):
    prefix = "bellhop:calloff"
    face = _Face("Do not archive, keep running", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _keeping(press).call_off(press, self.subject)


class GiveUp(_Button, template=rf"bellhop:giveup:(?P<subject>{_ID})"):
    """Asks once more before work is given up."""

    prefix = "bellhop:giveup"
    face = _Face("Destroy without archive", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _keeping(press).give_up(press, self.subject)


class KeepLonger(_Button, template=rf"bellhop:archive-longer:(?P<subject>{_ID})"):
    """For all archives whose time ends on the day that the letter is about."""

    prefix = "bellhop:archive-longer"
    face = _Face("Keep longer", discord.ButtonStyle.success)

    async def pressed(self, press: Press) -> None:
        shelves = cast(Shelves, press.client.get_cog("archives"))
        await shelves.keep_longer(press, self.subject)


class Rent(_Button, template=rf"bellhop:rent:(?P<subject>{_ID})"):
    prefix = "bellhop:rent"
    face = _Face("Rent", discord.ButtonStyle.success)

    async def pressed(self, press: Press) -> None:
        await _renting(press).begin(press, self.subject)


class DropQuote(_Button, template=rf"bellhop:cancel:(?P<subject>{_ID})"):
    prefix = "bellhop:cancel"
    face = _Face("Cancel", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _renting(press).drop(press, self.subject)


class WaitTell(_Button, template=rf"bellhop:wait:(?P<subject>{_ID}):tell"):
    prefix = "bellhop:wait"
    suffix = ":tell"
    face = _Face("Tell me when there is one", discord.ButtonStyle.primary)

    async def pressed(self, press: Press) -> None:
        await _waiting(press).wait(press, self.subject, rents=False)


class WaitRent(_Button, template=rf"bellhop:wait:(?P<subject>{_ID}):rent"):
    prefix = "bellhop:wait"
    suffix = ":rent"
    face = _Face("Rent it when there is one", discord.ButtonStyle.success)

    async def pressed(self, press: Press) -> None:
        await _waiting(press).wait(press, self.subject, rents=True)


class WaitCancel(_Button, template=rf"bellhop:wait:(?P<subject>{_ID}):stop"):
    prefix = "bellhop:wait"
    suffix = ":stop"
    face = _Face("Stop looking", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _waiting(press).stop(press, self.subject)


class WaitQuote(_Button, template=rf"bellhop:wait:(?P<subject>{_ID}):quote"):
    prefix = "bellhop:wait"
    suffix = ":quote"
    face = _Face("See what it costs", discord.ButtonStyle.success)

    async def pressed(self, press: Press) -> None:
        await _waiting(press).quote(press, self.subject)


class DeleteArchive(_Button, template=rf"bellhop:archive-delete:(?P<subject>{_ID})"):
    """The second press: deletes."""

    prefix = "bellhop:archive-delete"
    face = _Face("Delete it", discord.ButtonStyle.danger)

    async def pressed(self, press: Press) -> None:
        await cast(Shelves, press.client.get_cog("archives")).really_delete(press, self.subject)


class KeepArchive(_Button, template=rf"bellhop:archive-keep:(?P<subject>{_ID})"):
    prefix = "bellhop:archive-keep"
    face = _Face("Keep it", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await cast(Shelves, press.client.get_cog("archives")).keep(press)


class Approve(_Button, template=rf"bellhop:grant:(?P<subject>{_ID})"):
    """A lead's answer to a request for more money, as the next one."""

    prefix = "bellhop:grant"
    face = _Face("Approve", discord.ButtonStyle.success)

    async def pressed(self, press: Press) -> None:
        await _money(press).decide(press, self.subject, approved=True)


class Deny(_Button, template=rf"bellhop:deny:(?P<subject>{_ID})"):
    prefix = "bellhop:deny"
    face = _Face("Deny", discord.ButtonStyle.secondary)

    async def pressed(self, press: Press) -> None:
        await _money(press).decide(press, self.subject, approved=False)


class AskMore(_Button, template=rf"bellhop:more:(?P<subject>{_ID})"):
    """Below a refusal. Which quote and how many dollars are parted by a zero, which no id has."""

    prefix = "bellhop:more"
    face = _Face("Ask a lead", discord.ButtonStyle.primary)

    async def pressed(self, press: Press) -> None:
        quote_id, _, dollars = self.subject.partition("0")
        await _money(press).ask(press, Usd.of(dollars or 0), quote_id)


class ChooseOffer(
    discord.ui.DynamicItem[discord.ui.Select[Any]],
    template=r"bellhop:offers:(?P<disk>\d{1,5}):(?P<vram>\d{1,4}):(?P<gpus>\d{1,2})"
    r":(?P<price>\d{0,12}):(?P<region>[A-Z]{0,2}):(?P<sort>[a-z]{1,20})",
):
    """The menu below a page of offers. The limits they were found with ride along."""

    def __init__(self, wish: Wish, offers: Sequence[Offer] = ()) -> None:
        self.wish = wish
        super().__init__(
            discord.ui.Select(
                custom_id=_wish_id(wish),
                placeholder="Rent one of these",
                options=[_option(number, one, wish) for number, one in enumerate(offers, 1)],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(
            Wish(
                disk_gb=int(match["disk"]),
                min_vram_gb=int(match["vram"]),
                gpus=int(match["gpus"]),
                max_price=Usd(int(match["price"])) if match["price"] else None,
                region=match["region"] or None,
                sort=Sort(match["sort"]) if match["sort"] in list(Sort) else Sort.PRICE,
            )
        )

    async def callback(self, press: discord.Interaction[Any]) -> None:
        """A door, like that of a button."""
        try:
            chosen = _chosen(self.wish, self.item.values[0])
            await _renting(press).quote(press, chosen)
        except Exception as error:
            await press.client.answer(press, error)


class ChooseMove(
    discord.ui.DynamicItem[discord.ui.Select[Any]],
    template=rf"bellhop:move-to:(?P<subject>{_ID})",
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
                    _option(number, one, wish or Wish()) for number, one in enumerate(offers, 1)
                ],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["subject"])

    async def callback(self, press: discord.Interaction[Any]) -> None:
        """A door, like that of a button."""
        try:
            await _moving(press).quote(press, self.subject, int(self.item.values[0]))
        except Exception as error:
            await press.client.answer(press, error)


async def setup(bot: Bellhop) -> None:
    """Let the client know every button and menu that is on any card."""
    bot.add_dynamic_items(
        Open,
        Move,
        Destroy,
        Cancel,
        ReallyDestroy,
        Discard,
        ReallyDiscard,
        LeaveAlone,
        Agree,
        Replace,
        KeepHours,
        KeepTomorrow,
        ArchiveAndEnd,
        ArchiveAndStay,
        LargeAndStay,
        LargeAndEnd,
        CallOff,
        GiveUp,
        KeepLonger,
        Rent,
        DropQuote,
        WaitTell,
        WaitRent,
        WaitCancel,
        WaitQuote,
        DeleteArchive,
        KeepArchive,
        Approve,
        Deny,
        AskMore,
        ChooseOffer,
        ChooseMove,
    )


def _machines(press: Press) -> Machines:
    return cast(Machines, press.client.get_cog("Machines"))


def _keeping(press: Press) -> Keeping:
    return cast(Keeping, press.client.get_cog("Keep"))


def _moving(press: Press) -> Moving:
    return cast(Moving, press.client.get_cog("Moves"))


def _money(press: Press) -> Money:
    return cast(Money, press.client.get_cog("budget"))


def _renting(press: Press) -> Renting:
    return cast(Renting, press.client.get_cog("Rent"))


def _waiting(press: Press) -> Waiting:
    return cast(Waiting, press.client.get_cog("Lookouts"))


def _chosen(wish: Wish, value: str) -> Wish:
    return Wish(
        offer_id=int(value),
        disk_gb=wish.disk_gb,
        min_vram_gb=wish.min_vram_gb,
        gpus=wish.gpus,
        max_price=wish.max_price,
        region=wish.region,
        sort=wish.sort,
    )


def _wish_id(wish: Wish) -> str:
    price = wish.max_price.micros if wish.max_price else ""
    region = (wish.region or "").upper()
    return (
        f"bellhop:offers:{wish.disk_gb}:{wish.min_vram_gb}:{wish.gpus}:{price}:{region}:{wish.sort}"
    )


def _option(number: int, offer: Offer, wish: Wish) -> discord.SelectOption:
    price = hourly(offer.rates.per_hour(wish.disk_gb))
    return discord.SelectOption(
        label=f"{number} · {look.plain_line(offer.title)[:60]} · {price}"[:100],
        description=f"{look.vram(offer)} · {look.plain_line(offer.region)[:60] or 'anywhere'}"[
            :100
        ],
        value=str(offer.id),
    )
