"""What a card says of the machines that were tried before, and of one that would cost more."""

from __future__ import annotations

from bot.domain.money import ZERO, Usd, hourly
from bot.domain.rentals import Rental, Try
from bot.domain.tally import Tally
from cogs.ui import buttons, look, words

_SHOWN = 5
_WORTH_SAYING = Usd.of("0.0001")
"""Less is shown as $0.00, as if it were nothing."""


def listed(rental: Rental, tally: Tally) -> str:
    """Each try: which machine, why it ended, what it cost; empty where there was none."""
    if not rental.tries:
        return ""
    shown = rental.tries[-_SHOWN:]
    more = len(rental.tries) - len(shown)
    return look.lines(
        "**Tried before**",
        f"-# … and {more} before these" if more else "",
        *(_line(one, tally) for one in shown),
    )


def failing(rental: Rental) -> str:
    """Why the machine that is being destroyed is given up, and what comes then."""
    assert rental.reason is not None
    said = f"\n-# Last heard: {look.verbatim(rental.detail, 300)}" if rental.detail.strip() else ""
    return (
        f"{words.failure(rental.reason)} It is being destroyed. Once it is seen gone, the next "
        f"best machine for at most {hourly(rental.agreed_per_hour)} is tried.{said}"
    )


def asking(rental: Rental, tally: Tally, heading: str, small_print: str) -> look.Card:
    """The question whether a dearer machine is to be rented: nothing runs meanwhile."""
    offer, price = rental.proposal, rental.proposed_per_hour
    assert offer is not None
    assert price is not None
    until = rental.proposed_until
    return look.card(
        look.lines(
            heading,
            f"No machine like it is left for {hourly(rental.agreed_per_hour)}. The cheapest now "
            f"is {look.clean(offer.title, 60)} in {look.region(offer)} for **{hourly(price)}**, "
            f"disk included. Shall we rent it?",
            f"Nothing runs and nothing costs meanwhile. Without an answer it ends "
            f"{look.ago(until)}."
            if until is not None
            else "",
        ),
        listed(rental, tally),
        small_print,
        colour=look.ENDING,
        controls=[
            buttons.Agree(f"{rental.id}-{offer.id}", label=f"Rent at {hourly(price)}"),
            buttons.Cancel(rental.id),
        ],
    )


def _line(one: Try, tally: Tally) -> str:
    spent = tally.of(one.contract) if one.contract is not None else ZERO
    little = "almost nothing" if spent.micros else "nothing"
    money = f"cost {spent}" if spent >= _WORTH_SAYING else f"cost {little}"
    machine = f" · machine {one.machine_id}" if one.machine_id else ""
    said = f" {look.clean(one.words, 160)}" if one.words else ""
    return (
        f"-# {one.number} · {look.clean(one.offer.title, 40)} in {look.region(one.offer)}{machine}"
        f": {words.failure(one.reason)}{said} It {money}."
    )
