"""Bulletins about the account's credit: facts in, plain English out."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.bulletins import Audience, Bulletin, Tone
from bot.domain.credit import AtDry, Funds, Work, epoch
from bot.domain.money import hourly
from bot.domain.policy_measures import said
from bot.domain.rentals import Rental
from bot.domain.sweep_words import plain, when

LEFT, ENDS, UNKNOWN = "credit/left/", "credit/ends/", "credit/unknown/"
"""How the keys of the three begin."""

_DONE = {
    AtDry.WARN: "By the team's policy nothing is archived or ended because of it.",
    AtDry.SAVE: "Before that, work on our machines is archived; none is ended because of it.",
    AtDry.IDLE: "Before that, work on our machines is archived, and machines that nobody uses are "
    "ended.",
    AtDry.ALL: "Before that, work on our machines is archived, and machines are ended until the "
    "rest lasts.",
}


def warning(mark: timedelta, funds: Funds, at_dry: AtDry) -> Bulletin:
    """A mark that was passed, for the leads."""
    hours = mark // timedelta(hours=1)
    return Bulletin(
        key=f"{LEFT}{hours}/{epoch(funds.at)}",
        title="The Vast credit is used up"
        if funds.credit.micros <= 0
        else f"Less than {hours} hour{'s' if hours > 1 else ''} of Vast credit left",
        text=f"{lasts(funds)} Then Vast stops every machine, charges on for the disks, and may "
        f"delete them. {_DONE[at_dry]} Credit is added in the Vast console.",
    )


def mark_of(told: Bulletin) -> timedelta:
    """Which mark a warning was about."""
    return timedelta(hours=int(told.key.removeprefix(LEFT).partition("/")[0]))


def enough(told: Bulletin, funds: Funds) -> Bulletin:
    """The same message, once it lasts longer again."""
    return _over(told, "The Vast credit lasts longer again", lasts(funds))


def unknown(since: datetime, why: str) -> Bulletin:
    """It cannot be read: told, because nobody is warned meanwhile."""
    return Bulletin(
        key=f"{UNKNOWN}{epoch(since)}",
        title="The Vast credit is not known",
        text=f"Since {when(since)} it cannot be read: {plain(why, 200)} Nothing is concluded from "
        "that: nobody is warned, and nothing is archived or ended, until it can be.",
    )


def known(told: Bulletin, funds: Funds) -> Bulletin:
    return _over(told, "The Vast credit can be read again", lasts(funds))


def ending(work: Work, funds: Funds, now: datetime) -> Bulletin:
    """What an owner is told before a machine is archived and ended."""
    rental = work.rental
    why, otherwise = (
        ("Nobody uses this machine, so it", ", somebody works on it, or it is kept with /keep")
        if work.idle
        else ("To let the others last, this machine", "")
    )
    return Bulletin(
        key=f"{ENDS}{rental.id}/{epoch(now)}",
        title=f"{plain(rental.title)} ends soon: the Vast credit runs out",
        text=f"{lasts(funds)} {why} is archived soon, and destroyed once the archive "
        f"is proven, unless credit is added{otherwise}. /archives restore puts its work onto "
        "another machine later.",
        audience=Audience.OWNER,
        rental_id=rental.id,
    )


def stays(told: Bulletin, rental: Rental, why: str) -> Bulletin:
    return _over(told, f"{plain(rental.title)} stays", why)


def ended(told: Bulletin, rental: Rental) -> Bulletin:
    kept = (
        f"Its archive is of {when(rental.proven_at)}; /archives restore puts it onto another "
        "machine."
        if rental.proven_at is not None
        else "Its card says how."
    )
    return _over(told, f"{plain(rental.title)} has ended", kept)


def lasts(funds: Funds) -> str:
    """The credit, what burns it, and until when it lasts."""
    machines = f"{funds.machines} machine{'s' if funds.machines != 1 else ''}"
    others = f" ({funds.others} not ours)" if funds.others else ""
    if funds.left is None:
        return f"The credit is {funds.credit}, and no machine uses it."
    burn = f"{machines}{others} use{'s' if funds.machines == 1 else ''} {hourly(funds.per_hour)}"
    if funds.credit.micros <= 0:
        return f"The credit is {funds.credit}; {burn}. Vast may stop them at any moment."
    least = "at most " if funds.unpriced else ""
    until = when(funds.at + funds.left)
    return f"{funds.credit} lasts {least}until {until}: {burn}."


def left(funds: Funds) -> str:
    """How long it lasts, in two words: `18 h`, `3 d 4 h`."""
    if funds.left is None:
        return "for ever"
    unit = timedelta(hours=1) if funds.left >= timedelta(hours=10) else timedelta(minutes=1)
    return said(funds.left - funds.left % unit)


def _over(told: Bulletin, title: str, text: str) -> Bulletin:
    return Bulletin(
        key=told.key,
        title=title,
        text=text,
        tone=Tone.OVER,
        audience=told.audience,
        rental_id=told.rental_id,
    )
