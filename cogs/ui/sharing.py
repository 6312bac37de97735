"""Shares in words: the answers to /share and /unshare, the letters, the lines of /status."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.rentals import Rental, State
from bot.domain.shares import Ending, Share
from bot.ports.sharing import Entered
from bot.services.sharing import Guests
from cogs.ui import buttons, cards, look

MOST_BUTTONS = 3
_MOST_LINES = 6


def shared(rental: Rental, share: Share) -> look.Card:
    """The answer to whoever shared it."""
    return look.card(
        look.lines(
            f"### {cards.title(rental)} is shared",
            f"<@{share.member_id}> may {_how(share)} until {look.moment(share.until)}, and gets a "
            "message that says how. They type /open, or press the button there.",
            "Its cost stays with its owner, and what they do in it counts as use."
            if not share.view_only
            else "They see the files, the notebooks and what cells put out. They run and change "
            "nothing.",
        ),
        colour=look.READY,
        controls=[buttons.EndShare(share.id, label="Take it back")],
    )


def ended(rental: Rental, share: Share) -> look.Card:
    return look.card(
        f"### {cards.title(rental)} is no longer shared\n"
        f"<@{share.member_id}> is let go of at once: what they had open is closed."
    )


def which(rental: Rental, shares: Sequence[Share]) -> look.Card:
    """Whom it is shared with, with a button for each."""
    if not shares:
        return look.card(
            f"### {cards.title(rental)} is not shared\n/share lets a teammate in, for a time."
        )
    return look.card(
        f"### {cards.title(rental)} is shared with",
        look.listing((_share(one) for one in shares), lambda left: f"… and {left} more"),
        controls=controls(shares),
    )


def letter(share: Share, rental: Rental, person_id: int) -> look.Card:
    """A letter about a share, as it stands now, to its member or to the rental's owner."""
    title = cards.title(rental)
    if share.ended_at is not None:
        return look.card(
            look.lines(f"### {title} is no longer shared", _over(share, rental, person_id)),
            _about(rental),
            colour=look.ENDED,
        )
    if person_id != share.member_id:
        return look.card(
            look.lines(
                f"### {title} was shared",
                f"{_giver(share, rental)} let {_member(share)} {_how(share)}, until "
                f"{look.moment(share.until)}. You can take that back.",
            ),
            _about(rental),
            colour=look.WORKING,
            controls=[buttons.EndShare(share.id, label="Take it back")],
        )
    return look.card(
        look.lines(
            f"### {title} is shared with you",
            f"{_giver(share, rental)} lets you {_how(share)} until {look.moment(share.until)}.",
            "Press Open, or type /open in the server: you get a button that lets you in, in your "
            "own browser. It costs you nothing."
            if rental.state is State.READY
            else "The machine is starting. When its card says ready, press Open, or type /open.",
        ),
        _about(rental),
        colour=look.READY,
        controls=[
            buttons.Enter(share.id),
            buttons.EndShare(share.id, label="I do not need it"),
        ],
    )


def lines(rental: Rental, guests: Guests | None) -> str:
    """Who is in and whom it is shared with, for /status; empty where that is nobody."""
    if guests is None:
        return ""
    shown = [_share(one) for one in guests.shares[:_MOST_LINES]]
    if len(guests.shares) > _MOST_LINES:
        shown.append(f"… and with {len(guests.shares) - _MOST_LINES} more")
    return look.lines(_entered(guests.entered), *shown)


def mine(shared_with: Sequence[tuple[Rental, Share]]) -> str:
    """The machines of others that are shared with one, for /status."""
    if not shared_with:
        return ""
    rows = (
        f"-# **{cards.title(rental)}** of <@{rental.owner_id}>, to {_verb(share)} until "
        f"{look.moment(share.until)}"
        for rental, share in shared_with[:_MOST_LINES]
    )
    return look.lines("**Shared with you**", *rows)


def controls(shares: Sequence[Share]) -> list[look.Control]:
    """A button for each, to take it back; a menu where they are many."""
    if len(shares) > MOST_BUTTONS:
        return [buttons.ChooseShareToEnd(shares)]
    return [
        buttons.EndShare(one.id, label=f"Stop {look.plain_line(one.member_name)[:28]}".strip())
        for one in shares
    ]


def _share(share: Share) -> str:
    return (
        f"Shared with <@{share.member_id}> to {_verb(share)}, until {look.moment(share.until)}"
        f" · by <@{share.by_id}>"
    )


def _entered(entered: Sequence[Entered]) -> str:
    """“Open in 2 browsers: @ada since …, @ben on port 7860 since …”."""
    if not entered:
        return ""
    newest: dict[tuple[int, int | None], datetime] = {}
    for one in entered:
        newest[(one.member_id, one.port)] = one.began_at
    named = [
        f"<@{member}>{f' on port {port}' if port is not None else ''} {look.ago(began)}"
        for (member, port), began in list(newest.items())[:_MOST_LINES]
    ]
    count = len(entered)
    return f"Let in: {count} browser{'s' if count > 1 else ''} · {', '.join(named)}"


def _verb(share: Share) -> str:
    return "look at" if share.view_only else "work in"


def _how(share: Share) -> str:
    return "look at its notebook" if share.view_only else "work in its notebook"


def _giver(share: Share, rental: Rental) -> str:
    """By name: a direct message knows the people of the server by their numbers only."""
    return look.clean(rental.owner_name, 60) if share.by_id == rental.owner_id else "A lead"


def _member(share: Share) -> str:
    return look.clean(share.member_name, 60) or "a teammate"


def _over(share: Share, rental: Rental, person_id: int) -> str:
    whose = "you" if person_id == share.member_id else _member(share)
    match share.ending:
        case Ending.EXPIRED:
            return f"Its time for {whose} is over."
        case Ending.OVER:
            return "The machine has ended."
        case Ending.LEFT:
            return f"{_member(share)} left the server."
        case Ending.ROLE:
            return f"{_member(share)} is no lead any more."
        case _:
            return f"{_ender(share, rental)} ended that for {whose}."


def _ender(share: Share, rental: Rental) -> str:
    if share.ended_by == share.member_id:
        return _member(share)
    return look.clean(rental.owner_name, 60) if share.ended_by == rental.owner_id else "A lead"


def _about(rental: Rental) -> str:
    about = "a machine"
    if rental.message_id is not None:
        about = f"[a machine]({look.message_url(rental)})"
    return f"-# About {about} of {look.clean(rental.owner_name, 60)}"
