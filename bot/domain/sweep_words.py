"""Bulletins about machines that nobody owns, and about the account: facts in, plain English out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain import sweep
from bot.domain.bulletins import Bulletin, Tone
from bot.domain.money import Usd, hourly
from bot.domain.rentals import Instance, Rental, RentalId

_NOISE = str.maketrans("", "", "*_~`|<>@#[]()\\")
_LONGEST_LIST = 20
_UNCONFIRMED = "Vast took our order; that it is gone is not yet confirmed."


def plain(text: str, room: int = 60) -> str:
    """Text that others wrote, without effect in Discord."""
    return " ".join("".join(one for one in text if one.isprintable()).translate(_NOISE).split())[
        :room
    ].replace("://", ":/")


def when(at: datetime) -> str:
    """A time that each reader sees by their own clock."""
    return f"<t:{int(at.timestamp())}:f>"


def key_of(machine: Instance) -> str:
    return f"stray/{machine.contract}"


def removed(machine: Instance, why: str) -> Bulletin:
    """A stray that is being destroyed."""
    return Bulletin(
        key=key_of(machine),
        title="A stray machine is destroyed",
        text=(f"{_name(machine)} bore our label and belonged to no rental: {why}. {_UNCONFIRMED}"),
    )


def contradicted(machine: Instance) -> Bulletin:
    """A stray about which Vast says two things."""
    return Bulletin(
        key=key_of(machine),
        title="Vast's answers about a stray machine contradict each other",
        text=(
            f"{_name(machine)} bears our label and belongs to no rental. Vast lists it, and asked "
            "for its number says that there is no such machine. Nothing is concluded: it is not "
            f"destroyed before both agree. {_costs(machine)}"
        ),
    )


def removal_confirmed(told: Bulletin, at: datetime) -> Bulletin:
    """The same message, once the machine was seen gone."""
    return Bulletin(
        key=told.key,
        title="A stray machine was destroyed",
        text=told.text.replace(_UNCONFIRMED, f"Seen gone {when(at)}."),
        tone=Tone.OVER,
    )


def adopted(machine: Instance, rental: Rental, *, owner_known: bool) -> Bulletin:
    whose = "" if owner_known else " Whose it was is not known."
    return Bulletin(
        key=key_of(machine),
        title="A stray machine was taken in",
        text=(
            f"{_name(machine)} bore our label and belonged to no rental, perhaps because a backup "
            f"was restored. It may hold work, so it is {plain(rental.title)} now and is archived; "
            f"nothing on it is lost.{whose} It costs {hourly(rental.per_hour)} until somebody ends "
            f"it with /destroy, or it is found idle. If another Bellhop with the same name uses "
            "this account, give one of them another BELLHOP_INSTALLATION."
        ),
        rental_id=rental.id,
    )


def locked(rental: Rental, since: datetime) -> Bulletin:
    """A machine that was taken in and does not let us in."""
    return Bulletin(
        key=f"locked/{rental.id}",
        title="A stray machine does not let us in",
        text=(
            f"{plain(rental.title)} (machine {rental.contract} at Vast) was taken in {when(since)} "
            "and cannot be archived: "
            f"{plain(rental.detail, 160) or 'it cannot be reached by SSH.'} It was not destroyed "
            f"and costs {hourly(rental.per_hour)}. Look at it in the Vast console; /destroy with "
            "discard ends it without an archive."
        ),
        rental_id=rental.id,
    )


def held(machine: Instance, why: str) -> Bulletin:
    return Bulletin(
        key=key_of(machine),
        title="A stray machine was left alone",
        text=(
            f"{_name(machine)} bears our label and belongs to no rental. It may hold work and "
            f"cannot be archived now: {why}. It was not destroyed. {_costs(machine)} Start it in "
            "the Vast console and it is taken in and archived; or end it with "
            "`bellhop sweep --destroy`."
        ),
    )


def same_name(machine: Instance, installation: str) -> Bulletin:
    return Bulletin(
        key="account/same-name",
        title="Another Bellhop uses our name",
        text=(
            f"{_name(machine)} bears the label of this installation ({installation}) and the mark "
            "of another one's key. It is left alone, as are all others of that kind. Give one of "
            "the two another BELLHOP_INSTALLATION, so that nobody mixes them up."
        ),
    )


def daily(
    day: str, foreign: Sequence[Instance], still: Sequence[tuple[Instance, Rental | None]]
) -> Bulletin:
    """What else is on the account: once a day, as it costs somebody something."""
    parts = []
    if foreign:
        parts.append("Not ours, and never touched by us:")
        parts += [f"- {_name(one)}: {_rate(one)}" for one in foreign[:_LONGEST_LIST]]
        parts += _more(len(foreign))
        parts.append(f"Together {hourly(_together(foreign))}.")
    if still:
        parts.append("Stopped, and billed for the disk all the same:")
        for machine, rental in still[:_LONGEST_LIST]:
            whose = f", {plain(rental.title)}" if rental is not None else ""
            parts.append(f"- {_name(machine)}{whose}: {_daily_rate(machine)}")
        parts += _more(len(still))
    return Bulletin(
        key=f"account/{day}",
        title="Machines on the Vast account that we do not run",
        text="\n".join(parts),
        tone=Tone.NOTE,
    )


def unconfirmed(rental: Rental, since: datetime) -> Bulletin:
    said = f" Last heard: {plain(rental.detail, 160)}" if rental.detail else ""
    return Bulletin(
        key=f"unconfirmed/{rental.id}/{int(since.timestamp())}",
        title="A machine is not yet confirmed gone",
        text=(
            f"We have been destroying {plain(rental.title)} (machine {rental.contract}) since "
            f"{when(since)}, and Vast does not say that it is gone. We keep trying. It may cost "
            f"{hourly(rental.per_hour)} meanwhile; a look at the Vast console can help.{said}"
        ),
        rental_id=rental.id,
    )


def confirmed(told: Bulletin, rental: Rental) -> Bulletin:
    """The same message, once the machine was seen gone."""
    at = rental.closed_at or rental.gone_at
    return Bulletin(
        key=told.key,
        title="The machine is gone",
        text=(
            f"{plain(rental.title)} (machine {rental.contract}) was seen gone"
            f"{f' {when(at)}' if at is not None else ''}. It took longer than usual."
        ),
        tone=Tone.OVER,
        rental_id=RentalId(rental.id),
    )


def denied(day: str, since: datetime, hint: str) -> Bulletin:
    """The account's key is wrong, revoked, or lacks a right."""
    return Bulletin(
        key=f"blind/denied/{day}",
        title="Vast refuses our key",
        text=(
            f"Since {when(since)} Vast does not accept VAST_API_KEY. The machines run on and cost "
            "what they cost. Nothing is concluded from it, and until it is accepted again nothing "
            f"can be rented or destroyed. {hint}".strip()
        ),
    )


def unreadable(day: str, since: datetime, said: str) -> Bulletin:
    """The account cannot be read, for whatever other reason."""
    return Bulletin(
        key=f"blind/unread/{day}",
        title="The Vast account cannot be read",
        text=(
            f"Since {when(since)} no complete list of the machines could be read. {said} The "
            "machines run on and cost what they cost; nothing is concluded until it is whole."
        ),
    )


def readable(told: Bulletin, at: datetime) -> Bulletin:
    return Bulletin(
        key=told.key,
        title="The Vast account can be read again",
        text=f"Since {when(at)} at the latest. Everything goes on as before.",
        tone=Tone.OVER,
    )


def _name(machine: Instance) -> str:
    label = f"“{plain(machine.label)}”" if machine.label else "without a label"
    return f"Machine {machine.contract} ({plain(machine.gpu_name, 40) or 'no GPU named'}, {label})"


def _rate(machine: Instance) -> str:
    if sweep.stands_still(machine):
        return f"stopped, {_daily_rate(machine)}"
    if machine.rates is None:
        return "its price cannot be read"
    return hourly(machine.rates.per_hour(machine.disk_gb))


def _daily_rate(machine: Instance) -> str:
    cost = sweep.per_day(machine)
    return f"{cost} a day" if cost is not None else "its price cannot be read"


def _costs(machine: Instance) -> str:
    if sweep.stands_still(machine):
        return f"It costs {_daily_rate(machine)}."
    return f"It costs {_rate(machine)}."


def _together(machines: Sequence[Instance]) -> Usd:
    return Usd.sum(
        one.rates.per_hour(one.disk_gb)
        for one in machines
        if one.rates is not None and not sweep.stands_still(one)
    )


def _more(count: int) -> list[str]:
    return [f"- and {count - _LONGEST_LIST} more"] if count > _LONGEST_LIST else []
