"""An archive that has not come about yet: on the card, in `/status`, as a question about size."""

from __future__ import annotations

import json
from datetime import datetime

from bot.domain import retries
from bot.domain.letters import Kind, Stand
from bot.domain.money import hourly
from bot.domain.rentals import Rental, State
from bot.ports.chat import Page
from cogs.ui import buttons, look

_ROOM = 2_500  # characters for a list, besides what stands around it


def line(rental: Rental) -> str:
    """Why a wish to save or to end waits, and until when; empty where none does."""
    if not retries.waiting(rental):
        return ""
    then = " Then it is destroyed." if rental.released_at is not None else ""
    if rental.held:
        return f"Its archive waits for an answer: {look.clean(rental.held, 300)}{then}"
    assert rental.save_next_at is not None
    tries = f", after {rental.save_fails} that did not work" if rental.save_fails > 1 else ""
    return f"The archive is tried again {look.ago(rental.save_next_at)}{tries}.{then}"


def too_large(page: Page, title: str, over: str) -> look.Card:
    """The question before an archive above the caps."""
    rental = page.rental
    if page.stand is not Stand.OPEN:
        return look.card(f"### {title}\n{over if not rental.held else 'It was measured again.'}")
    leads = page.letter.kind is Kind.TOO_LARGE_LEADS
    to = "For the leads: " if leads else ""
    owner = f"<@{rental.owner_id}>, " if page.public and not leads else ""
    needs = (
        "Its owner has agreed already; so much needs a lead as well."
        if rental.save_allowed == retries.Allowed.OWNER
        else ""
    )
    return look.card(
        look.lines(
            f"### {to}{title} is too large to archive unasked",
            f"{owner}{look.clean(page.letter.writing.detail, 500)} {needs}".strip(),
            "Nothing was begun, and nothing is destroyed. The machine keeps running and costs "
            f"{hourly(rental.per_hour)}.",
            "To leave folders out, name them in a file called `.archiveignore` in the workspace, "
            "a line each; /save measures again.",
        ),
        colour=look.ENDING,
        controls=_about_size(rental),
    )


def _about_size(rental: Rental) -> list[look.Control]:
    """The three answers that make sense: for a machine that is to end, and for one that stays."""
    if rental.released_at is not None:
        return [
            buttons.LargeAndEnd(rental.id),
            buttons.CallOff(rental.id),
            buttons.GiveUp(rental.id),
        ]
    return [
        buttons.LargeAndStay(rental.id),
        buttons.LargeAndEnd(rental.id),
        buttons.CallOff(rental.id),
    ]


def agreed(rental: Rental, title: str) -> look.Card:
    then = "Then it is destroyed." if rental.released_at is not None else "It keeps running."
    if rental.state not in (State.READY, State.ARCHIVING):
        then = "It is ending already."
    return look.card(f"### Archiving {title}\n{then} You get a message about the archive.")


def called_off(rental: Rental, title: str) -> look.Card:
    if rental.state in (State.READY, State.ARCHIVING) and rental.released_at is None:
        return look.card(
            f"### {title} keeps running\nNothing is archived or ended now. It costs "
            f"{hourly(rental.per_hour)}; /save and /destroy are there when you want them."
        )
    return look.card(f"### {title}\nIt is too late to call that off.")


def vanished(rental: Rental) -> str:
    """What is left of a machine that is gone without our doing."""
    newest = newest_archive(rental)
    if newest is None:
        return (
            "It disappeared from Vast without our doing; the host may have taken it back. There "
            "is no archive of it. Should it come back, it is taken up again."
        )
    return (
        "It disappeared from Vast without our doing; the host may have taken it back. Its newest "
        f"archive holds what was on it {look.moment(newest)}; /archives restore puts that onto "
        "another machine."
    )


def newest_archive(rental: Rental) -> datetime | None:
    """From when the newest archive of a rental is, whatever it was made for."""
    known = [rental.proven_at if rental.archive_id else None]
    known.append(rental.ahead_at if rental.ahead_id else None)
    return max((at for at in known if at is not None), default=None)


def expires(page: Page) -> look.Card:
    """The archives whose time is nearly over, and the button that keeps them."""
    listed = _listed(page.letter.writing.detail)
    owner = f"<@{page.rental.owner_id}>: " if page.public else ""
    one = len(listed) == 1
    return look.card(
        look.lines(
            f"### {'An archive is' if one else f'{len(listed)} archives are'} deleted "
            f"{look.ago(page.letter.writing.at)}",
            f"{owner}Nobody has asked for {'it' if one else 'them'} to be kept longer:",
        ),
        look.listing(
            (
                f"**{look.clean(name, 80)}** · {retries.size(count)} · from <t:{made}:D>"
                for _, name, count, made in listed
            ),
            lambda left: f"… and {left} more",
            room=_ROOM,
        ),
        "What nobody needs any more needs no answer. /archives restore puts one onto a machine.",
        colour=look.ENDING,
        controls=[buttons.KeepLonger(listed[0][0])] if listed else [],
    )


def _listed(detail: str) -> list[tuple[str, str, int, int]]:
    """Id, name, bytes and time of each archive; none where the text is not a list of ours."""
    try:
        return [(str(one[0]), str(one[1]), int(one[2]), int(one[3])) for one in json.loads(detail)]
    except (ValueError, TypeError, LookupError):
        return []


def kept_longer(until: datetime) -> look.Card:
    return look.card(f"### Kept\nUntil {look.moment(until)}. You are asked again before that.")
