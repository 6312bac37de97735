"""The cards before a rental: the quote for one offer, and the machines to move to."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.money import hourly
from bot.domain.paces import Usual
from bot.domain.rentals import QUOTE_LIFE, Quote, Rental
from bot.services.moves import Choices
from cogs.ui import ahead, buttons, look, offers, progress

PAGE = 8


def quote(
    quote: Quote,
    *,
    instead_of: Rental | None = None,
    usual: Usual | None = None,
    first: str = "",
) -> look.Card:
    """What a machine costs, part by part, and what one gets; with Rent and Cancel.

    `usual` is what its start usually takes, where that is known. `instead_of` is a machine that
    does not work any more, which stays until its owner ends it. `first` is what somebody reads
    who never rented anything.
    """
    offer = quote.offer
    return look.card(
        look.lines(
            f"### {'Move to' if quote.moves_from else 'Rent'} {look.clean(offer.title, 60)}?",
            look.whole_price(offer.rates, quote.wish.disk_gb),
            ahead.planned(quote),
        ),
        first,
        look.lines(
            f"{look.vram(offer)} · {look.region(offer)} · {look.reliability(offer)}"
            f"{look.trust(offer)}",
            f"{look.speeds(offer)} · {look.rounded(offer.cpu_cores, '1')} CPU cores · "
            f"{round(offer.ram_mb / 1024):,} GB RAM",
            _image(quote),
            *_brought(quote),
            _too_short(quote),
        ),
        look.lines(
            f"Storage is {offer.rates.storage_per_gb_month} per GB and month. Transfer is extra: "
            f"up {look.per_gb(offer.rates.upload_per_gb)}, "
            f"down {look.per_gb(offer.rates.download_per_gb)}.",
            *ahead.transfer(quote),
        ),
        look.lines(*ahead.effects(quote)),
        _instead(quote, instead_of) if instead_of is not None else "",
        look.lines(
            look.small(_start(quote, usual)),
            "-# The disk is charged from creation, the GPU from when it runs, both by the second. "
            f"This price holds until {look.hour(quote.made_at + QUOTE_LIFE)}.",
        ),
        controls=[_confirm(quote), buttons.DropQuote(quote.id)],
    )


def _start(quote: Quote, usual: Usual | None) -> str:
    """Not for what brings an archive: how long that takes is foreseen with its size."""
    brings = quote.restore_id is not None or quote.moves_from is not None
    return progress.ready_after(usual) if usual is not None and not brings else ""


def _instead(quote: Quote, old: Rental) -> str:
    """What is lost by going on there, and that the old machine goes on costing."""
    if quote.restore_id is not None:
        made_at = {old.archive_id: old.proven_at, old.ahead_id: old.ahead_at}
        at = made_at.get(quote.restore_id)
        proven = f", proven {look.ago(at)}," if at is not None else ""
        lost = f"The newest archive{proven} is put onto it. **What was made since is not in it.**"
    else:
        lost = "**There is no archive of the old machine: the new one begins empty.**"
    return (
        f"In place of {look.clean(old.title, 60)}. {lost} The old machine stays, and costs "
        f"{hourly(old.per_hour)}, until you destroy it on its card."
    )


def moves(found: Choices) -> look.Card:
    """The machines a rental's work can go to, one of each kind, with a menu."""
    rental, wish, shown = found.rental, found.wish, found.offers[:PAGE]
    where = "a larger GPU" if found.larger else "another machine"
    return look.card(
        look.lines(
            f"### Move {look.clean(rental.title, 80)} to {where}?",
            f"Now: {look.clean(rental.offer.title, 60)}, {hourly(rental.per_hour)}, "
            f"{look.vram(rental.offer)}.",
        ),
        "\n".join(offers.facts(number, offer, wish) for number, offer in enumerate(shown, 1)),
        "-# Its work is archived and put onto the new machine while you go on working. Near the "
        "end the notebook closes for a moment, kernels stop, and it opens again at the same "
        "address. The old machine ends only when the new one is proven.",
        controls=[buttons.ChooseMove(rental.id, wish, shown)],
    )


def _confirm(quote: Quote) -> look.Control:
    return buttons.Rent(quote.id, label="Move" if quote.moves_from else None)


def _brought(quote: Quote) -> list[str]:
    """Of a restore or a move: how large, how long, what for, and where it opens."""
    seen = quote.forecast
    if seen is None:
        return [f"With the archive {quote.restore_id} put onto it." if quote.restore_id else ""]
    about = look.forecast(seen)
    if quote.moves_from is None:
        return [
            f"With the archive {quote.restore_id} put onto it: {about} in download. It needs "
            f"{seen.disk_gb} GB of disk and opens at its earlier address."
        ]
    return [
        f"The work comes along: {about} (up {seen.upload}, down {seen.download}, the old machine "
        f"until then {seen.meanwhile}). It needs {seen.disk_gb} GB of disk and opens at the same "
        "address; kernels start anew."
    ]


def _image(quote: Quote) -> str:
    note = f": {look.clean(quote.image.note, 160)}" if quote.image.note else ""
    return f"Image {look.clean(quote.image.name, 80)}{note}"


def _too_short(quote: Quote) -> str:
    """A warning where the host's own offer ends before the planned hours do."""
    end = quote.offer.available_until
    if end is None or quote.made_at + timedelta(hours=quote.hours or 1) <= end:
        return ""
    return f"**Its host rents it out only until {look.hour(end)}, {look.ago(end)}.**"
