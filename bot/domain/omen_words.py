"""The signs about a machine in words: a line for its card, a bulletin for whom it concerns."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from bot.domain.bulletins import Audience, Bulletin, Tone
from bot.domain.money import Usd, storage_per_hour
from bot.domain.omens import Omen, Sign
from bot.domain.rentals import Rental
from bot.domain.sweep_words import plain, when

_FOR_LEADS = frozenset({Sign.RELABELLED, Sign.UNREADABLE, Sign.CONTRADICTED})
"""The owner can do nothing about these; all others are told to the owner."""

_TITLES = {
    Sign.DEARER: "costs more now",
    Sign.HOST_ENDS: "loses its host",
    Sign.STOPPED: "was stopped at Vast",
    Sign.OFFLINE: "is offline",
    Sign.RELABELLED: "has another label at Vast",
    Sign.UNREADABLE: "cannot be read at Vast",
    Sign.CONTRADICTED: "is there and not there",
}


def line(omen: Omen, rental: Rental) -> str:
    """What is the matter, since when, and what is done about it."""
    since = when(omen.since)
    match omen.sign:
        case Sign.DEARER:
            return (
                f"It costs more than was agreed since {since}: {omen.detail}. It stays until "
                "somebody ends it."
            )
        case Sign.HOST_ENDS:
            return _ends(omen.at or omen.since)
        case Sign.STOPPED:
            outbid = "; somebody bid more for it" if omen.detail == "outbid" else ""
            return (
                f"It was stopped at Vast, not by us, {since}{outbid}. Its files are still there "
                f"and cost {_per_day(rental)} a day; it cannot be archived while it stands still. "
                "Started again in the Vast console, it goes on by itself."
            )
        case Sign.OFFLINE:
            return (
                f"Vast has not heard of its host since {since}. Vast charges nothing for an "
                "offline machine. It is left as it is, and goes on when the host comes back."
            )
        case Sign.RELABELLED:
            now = f"“{plain(omen.detail)}”" if omen.detail else "empty"
            return (
                f"Somebody changed its label at Vast (now {now}), seen {since}. We know it by its "
                "number, so nothing changes."
            )
        case Sign.UNREADABLE:
            return (
                f"Vast has shown it with {plain(omen.detail, 160)} since {since}; nothing is "
                "concluded from it."
            )
        case Sign.CONTRADICTED:
            return (
                f"Vast's answers contradict each other since {since}: {plain(omen.detail, 160)}; "
                "nothing is concluded."
            )
        case _:
            assert_never(omen.sign)


def bulletin(omen: Omen, rental: Rental, credit: Usd | None) -> Bulletin:
    """The message about a sign. `credit` is the account's, where it was asked for."""
    broke = ""
    if omen.sign is Sign.STOPPED and credit is not None and credit.micros <= 0:
        broke = f" The team's Vast credit is {credit}: a lead must add some before it can start."
    return Bulletin(
        key=key_of(omen, rental),
        title=f"{plain(rental.title)} {_TITLES[omen.sign]}",
        text=line(omen, rental) + broke,
        tone=Tone.TROUBLE,
        audience=Audience.LEADS if omen.sign in _FOR_LEADS else Audience.OWNER,
        rental_id=rental.id,
    )


def over(told: Bulletin, rental: Rental, now: datetime) -> Bulletin:
    """The same message, once the sign does not hold any more."""
    how = "It is over" if rental.open else "The rental has ended"
    return Bulletin(
        key=told.key,
        title=told.title,
        text=f"{how}, seen {when(now)}. {_was(told.text)}",
        tone=Tone.OVER,
        audience=told.audience,
        rental_id=told.rental_id,
    )


def vanished(rental: Rental) -> Bulletin:
    """A machine that somebody else ended: told to its owner, with where the work is."""
    kept = (
        f"Its newest archive is of {when(rental.proven_at)}; /archives restore puts it onto "
        "another machine."
        if rental.archive_id is not None and rental.proven_at is not None
        else "There is no archive of it."
    )
    return Bulletin(
        key=f"vanished/{rental.id}",
        title=f"{plain(rental.title)} is gone from Vast",
        text=(
            f"Machine {rental.contract} at Vast disappeared from there without our "
            f"doing: destroyed in the console, or taken back by its host. {kept}"
        ),
        audience=Audience.OWNER,
        rental_id=rental.id,
    )


def returned(told: Bulletin, now: datetime) -> Bulletin:
    return Bulletin(
        key=told.key,
        title="A machine that had vanished is there again",
        text=f"Seen {when(now)}. It goes on where it was.",
        tone=Tone.OVER,
        audience=told.audience,
        rental_id=told.rental_id,
    )


def key_of(omen: Omen, rental: Rental) -> str:
    return f"omen/{rental.id}/{omen.sign.value}/{int(omen.since.timestamp())}"


def _was(text: str) -> str:
    return f"It was: {text.split('. ')[0].rstrip('.')}."


def _ends(at: datetime) -> str:
    return (
        f"Its host offers it until {when(at)} and not longer; then Vast stops it, and may delete "
        "it 48 hours later. Its work is saved before, and half an hour before the end it is "
        "archived and ended; /archives restore puts it onto another machine."
    )


def _per_day(rental: Rental) -> Usd:
    return storage_per_hour(rental.price.storage_per_gb_month, rental.wish.disk_gb).times(24)
