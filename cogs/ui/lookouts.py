"""What people see of wishes that wait: the offer to wait, the list, and the letter."""

from __future__ import annotations

from collections.abc import Sequence

from bot.client import harmless
from bot.domain.lookouts import DEFAULT_LIFE, Lookout, State
from bot.domain.money import hourly
from bot.errors import NoOffer
from cogs.ui import buttons, look

MOST_BUTTONS = 5
ROOM = 1400
"""Characters of the list: it stands below the machines, and is not to take their place."""


def offered(lookout: Lookout, error: NoOffer) -> look.Card:
    """Nothing fits now: why, and whether we shall look out for it."""
    hours = int(DEFAULT_LIFE.total_seconds() // 3600)
    renting = (
        "“Rent it” rents the first that comes, without asking again, within that price."
        if lookout.may_rent
        else "With a highest price (max_price) we can also rent it for you when one comes."
    )
    return look.card(
        look.lines(f"**{harmless(error.public)}**", harmless(error.hint)),
        look.lines(
            f"We can look for {wished(lookout)} for the next {hours} hours.",
            renting,
        ),
        colour=look.FAILED,
        controls=[
            buttons.WaitTell(lookout.id),
            *([buttons.WaitRent(lookout.id)] if lookout.may_rent else []),
        ],
    )


def waiting(lookout: Lookout) -> look.Card:
    """The answer to the press: what happens now, and until when."""
    if lookout.state is not State.OPEN:
        return _over(lookout)
    then = (
        "The first that comes is rented for you; its card appears in this channel."
        if lookout.rents
        else "You get a message when there is one."
    )
    return look.card(
        f"### Looking for {wished(lookout)}",
        f"{then} It ends {look.ago(lookout.until)}; /status shows it and takes it back.",
        colour=look.WORKING,
        controls=[buttons.WaitCancel(lookout.id)],
    )


def cancelled(lookout: Lookout) -> look.Card:
    if lookout.state is State.CANCELLED:
        return look.card(f"### Not looking any more\nFor {wished(lookout)}.")
    return _over(lookout)


def letter(lookout: Lookout) -> look.Card:
    """The message to whoever wished: there is one, it is rented, or none came."""
    owner = f"<@{lookout.owner_id}>, you asked for {wished(lookout)}."
    offer = lookout.offer
    if lookout.state is State.RENTED and offer is not None:
        price = hourly(offer.rates.per_hour(lookout.wish.disk_gb))
        return look.card(
            f"### Rented: {look.clean(offer.title, 60)}",
            f"{owner} One came for {price}, and is being rented. Its card is in "
            f"<#{lookout.channel_id}>.",
            colour=look.READY,
        )
    if lookout.state is State.TOLD and offer is not None:
        price = hourly(offer.rates.per_hour(lookout.wish.disk_gb))
        return look.card(
            f"### There is one: {look.clean(offer.title, 60)} for {price}",
            f"{owner} Others may want it too. Nothing is rented before you confirm.",
            colour=look.READY,
            controls=[buttons.WaitQuote(lookout.id)],
        )
    return look.card(
        "### None came",
        look.lines(f"{owner} We looked until now.", look.clean(lookout.note, 300)),
        colour=look.ENDED,
    )


def listed(lookouts: Sequence[Lookout], *, room: int = ROOM) -> str:
    """The wishes of one person that are being looked for; empty where there are none."""
    if not lookouts:
        return ""
    return look.lines(
        "**Looking for**",
        look.listing(
            (_line(number, one) for number, one in enumerate(lookouts, 1)),
            lambda left: f"-# … and {left} more",
            room=room,
        ),
    )


def controls(lookouts: Sequence[Lookout]) -> list[look.Control]:
    """A button for each, to take it back; as many as fit."""
    return [
        buttons.WaitCancel(one.id, label=f"Stop {number}" if len(lookouts) > 1 else "Stop looking")
        for number, one in enumerate(lookouts[:MOST_BUTTONS], 1)
    ]


def wished(lookout: Lookout) -> str:
    """A wish in a few words: “an RTX 4090 for at most $0.40/h”."""
    wish = lookout.wish
    model = look.clean(wish.gpu, 60) if wish.gpu else f"{wish.min_vram_gb} GB of VRAM"
    count = f"{wish.gpus} × {model}" if wish.gpus > 1 else model
    price = f" for at most {hourly(wish.max_price)}" if wish.max_price is not None else ""
    region = f" in {look.clean(wish.region, 10)}" if wish.region else ""
    return f"{count}{price}{region}"


def _line(number: int, one: Lookout) -> str:
    then = "rent it" if one.rents else "tell you"
    looked = f", last looked {look.ago(one.looked_at)}" if one.looked_at is not None else ""
    note = f"\n-# {look.clean(one.note, 200)}" if one.note else ""
    return f"-# {number} · {wished(one)}, then {then} · ends {look.ago(one.until)}{looked}{note}"


def _over(lookout: Lookout) -> look.Card:
    match lookout.state:
        case State.RENTED:
            text = "One came and was rented; its card says how far it is."
        case State.TOLD:
            text = "One came already; you have a message about it."
        case State.CANCELLED:
            text = "You have taken this wish back. Ask again with /rent."
        case _:
            text = "It is over: none came in time. Ask again with /rent."
    return look.card(f"### {wished(lookout)}\n{text}")
