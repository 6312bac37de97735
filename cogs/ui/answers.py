"""The private answers to commands and presses: status, spending, links, questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import discord

from bot.domain.lookouts import Lookout
from bot.domain.money import Usd, hourly
from bot.domain.paces import Pace
from bot.domain.rentals import Rental, RentalId, State
from bot.domain.standing import Standing
from bot.domain.tally import Tally, by_row
from bot.services.account import Blind
from bot.services.health import Ailment
from bot.services.sharing import Guests
from bot.services.spend import running
from cogs.ui import (
    buttons,
    cards,
    idle,
    look,
    progress,
    retries,
    sharing,
    shortages,
    signs,
    words,
)
from cogs.ui import lookouts as waits


def status(
    rentals: Sequence[Rental],
    now: datetime,
    *,
    whose: str = "",
    standings: Mapping[RentalId, Standing | None] | None = None,
    blind: Blind | None = None,
    ailments: Mapping[str, Ailment] | None = None,
    lookouts: Sequence[Lookout] = (),
    tallies: Mapping[RentalId, Tally] | None = None,
    paces: Mapping[RentalId, Pace | None] | None = None,
    guests: Mapping[RentalId, Guests] | None = None,
    shared: str = "",
) -> look.Card:
    """Each open rental of one member: how far, how old, what it costs, whether it is idle and why.

    Then what others `shared` with them, and the wishes that wait for a machine. `whose` is a
    mention.
    """
    known, spent = standings or {}, tallies or {}
    outside = signs.outside(blind, ailments or {})
    room = look.ROOM - len(shared) - len(outside)
    wishes = waits.listed(lookouts, room=min(waits.ROOM, room))
    if not rentals:
        nobody = f"{whose} has" if whose else "You have"
        return look.card(
            f"### No machines\n{nobody} nothing running, and nothing costs anything.",
            shared,
            outside,
            wishes,
            controls=waits.controls(lookouts),
        )
    per_hour = Usd.sum(running(rental) for rental in rentals)
    count = f"{len(rentals)} machine{'s' if len(rentals) > 1 else ''}"
    return look.card(
        f"### {count}{f' of {whose}' if whose else ''} · {hourly(per_hour)} at the moment",
        look.listing(
            (
                _machine(
                    rental,
                    now,
                    known.get(rental.id),
                    spent.get(rental.id) or by_row(rental, now),
                    (guests or {}).get(rental.id),
                    (paces or {}).get(rental.id),
                )
                for rental in rentals
            ),
            lambda left: f"… and {left} more",
            room=room - len(wishes),
        ),
        shared,
        outside,
        wishes,
        controls=waits.controls(lookouts),
    )


def ticket(rental: Rental, url: str, *, port: int | None = None) -> look.Card:
    """The link into the notebook; as good as a key, so it is private, brief and spent at once."""
    what = "the notebook" if port is None else f"port {port}"
    link: discord.ui.Button[look.Card] = discord.ui.Button(label=f"Open {what}", url=url)
    return look.card(
        f"### {cards.title(rental)}{f' · port {port}' if port is not None else ''}\n"
        "This link is yours alone. It works once, within 5 minutes; /open gives you another.",
        controls=[link],
    )


def more(rental: Rental) -> look.Card:
    """What else can be done with a machine, as a menu of one's own."""
    if rental.state is not State.READY or rental.released_at is not None:
        stands = words.standing(rental)
        return look.card(
            f"### {cards.title(rental)}\nIt is {stands[0].lower()}{stands[1:]} now. What can be "
            "done with it stands on its card."
        )
    return look.card(
        f"### What shall be done with {cards.title(rental)}?\nTo let a teammate in, type /share.",
        controls=[buttons.ChooseAction(rental.id)],
    )


def begun(rental: Rental, *, direct: bool = False) -> look.Card:
    """The answer to Rent, for the first press and for every further one; perhaps a direct one."""
    if rental.state is State.CLOSED:
        text = "That machine has ended already. Ask for a new quote with /rent."
    elif rental.message_id is not None:
        text = f"[Its card]({look.message_url(rental)}) says how far it is."
    else:
        where = f"<#{rental.channel_id}>" if direct else "this channel"
        text = f"Its card appears in {where} and says how far it is."
    return look.card(f"### Renting {look.clean(rental.offer.title, 60)}\n{text}")


def not_rented() -> look.Card:
    return look.card("### Nothing was rented\nAsk again with /rent or /offers whenever you like.")


def sure(rental: Rental, tally: Tally, *, discard: bool = False) -> look.Card:
    """The question before a machine ends: what happens to its work, and what it has cost."""
    ready = rental.ready_at is not None
    what = (
        "Its work is archived first. The archive is proven before the machine is destroyed; if it "
        "cannot be, the machine stays and you are told why. Save your notebooks first: what is "
        "only in the browser or in a kernel's memory is not in an archive."
        if ready and not discard
        else "It is destroyed as it is, without an archive."
        if ready
        else "It is not ready yet, so there is no work on it to lose."
    )
    verb = "Archive and destroy" if ready and not discard else "Destroy"
    archive = buttons.ReallyDestroy(rental.id, label=None if ready else "Destroy it")
    without: list[look.Control] = [buttons.Discard(rental.id)] if ready else []
    first: list[look.Control] = [] if ready and discard else [archive]
    return look.card(
        look.lines(
            f"### {verb} {cards.title(rental)}?",
            f"Rented for <@{rental.owner_id}>. {what}",
            cards.so_far(rental, tally),
        ),
        controls=[*first, *without, buttons.LeaveAlone(rental.id)],
    )


def really_lose(rental: Rental, tally: Tally) -> look.Card:
    """The last question before work is given up; it names what is lost."""
    newest = retries.newest_archive(rental)
    saved = (
        f"Its newest archive is from {look.ago(newest)}: what was made since is lost."
        if newest is not None
        else "There is no archive of it."
    )
    return look.card(
        look.lines(
            f"### Really lose what is on {cards.title(rental)}?",
            "**Everything on it that is not saved elsewhere is lost: notebooks, data, models, "
            f"whatever runs.** {saved} Nobody can bring it back.",
            cards.so_far(rental, tally),
        ),
        colour=look.FAILED,
        controls=[buttons.ReallyDiscard(rental.id), buttons.LeaveAlone(rental.id)],
    )


def destroying(rental: Rental) -> look.Card:
    if rental.state is State.CLOSED:
        return look.card(f"### {cards.title(rental)}\nIt is gone already.")
    where = f"[Its card]({look.message_url(rental)})" if rental.message_id else "Its card"
    first = (
        "Its work is archived first, and the archive proven. "
        if rental.ready_at is not None and rental.waived_by is None
        else ""
    )
    return look.card(
        f"### Destroying {cards.title(rental)}\n"
        f"{first}{where} says when it was seen gone, and what it cost."
    )


def left_alone() -> look.Card:
    return look.card("### Kept\nNothing was destroyed.")


def _machine(
    rental: Rental,
    now: datetime,
    standing: Standing | None,
    tally: Tally,
    guests: Guests | None,
    pace: Pace | None,
) -> str:
    since = words.since(rental)
    card = f" · [card]({look.message_url(rental)})" if rental.message_id else ""
    spent = f"{tally.total} so far · " if rental.created_at else ""
    said = f"\n-# Last heard: {look.verbatim(rental.detail, 160)}" if rental.detail.strip() else ""
    model = f"{look.clean(rental.offer.title, 60)} · " if rental.name else ""
    vram = shortages.vram(rental.offer, standing if rental.state is State.READY else None)
    watched = idle.verdict(rental, standing, now)
    reasons = idle.reasons(standing) if watched else ""
    return (
        f"**{cards.title(rental)} · {words.standing(rental)}** {look.ago(since)}{card}\n"
        f"-# {hourly(rental.per_hour)} · {model}{vram} · {spent}"
        f"asked {look.ago(rental.requested_at)}{said}"
        + "".join(
            f"\n-# {line}"
            for line in (
                progress.learned(rental, pace),
                shortages.line(rental, standing),
                retries.line(rental),
                watched,
                reasons,
                *sharing.lines(rental, guests).splitlines(),
                *signs.of(rental).splitlines(),
            )
            if line
        )
    )
