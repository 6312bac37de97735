"""The board: who runs what, at what price, used or idle; then budgets and the credit.

One line a machine. Everybody in the channel reads it, so what concerns one member alone is not
here. Texts that are compared to find out whether anything changed hold no time of looking.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime, timedelta

from bot.domain import outlook
from bot.domain.boards import Life, Line, Said, Scene, Watched
from bot.domain.money import hourly
from bot.domain.omens import Sign
from bot.domain.rentals import Rental, State
from cogs.ui import budgets, credit, look, words

_NAME = 40
_BUDGETS = 4
_MORE = 60  # characters for how many are not shown
_SOON = timedelta(hours=12)
_COMING = frozenset({State.REQUESTED, State.CREATING, State.BOOTING})
_UNUSED = frozenset({Life.IDLE, Life.ASKED})
_COUNTED = ("in use", "idle", "kept", "not seen", "starting", "ending", "in trouble")


def card(scene: Scene) -> look.Card:
    """The board as it is at this moment."""
    figures = _figures(scene)
    room = look.ROOM - len(figures)
    return look.card(
        *_machines(scene, room),
        figures,
        f"-# Follows by itself · looked {look.ago(scene.at)}",
        colour=_colour(scene),
    )


def said(scene: Scene) -> Said:
    """What the board says, shortened, for whoever compares."""
    shown = "\n".join(_machines(scene, look.ROOM))
    return Said(machines=_short(shown), figures=_short(_figures(scene)))


def put_up() -> look.Card:
    """The private answer to the command."""
    return look.card(
        "### The board comes to the end of this channel\n"
        "It follows by itself; one that stood here before is taken away. To have none, delete its "
        "message."
    )


def _machines(scene: Scene, room: int) -> list[str]:
    """The heading and the lines, as many as there is room for."""
    if not scene.lines:
        return [
            "### No machines\nNothing runs, and nothing costs anything.",
            look.lines(
                "**To begin**",
                "- /offers shows machines with their whole price.",
                "- /rent finds the best one for a wish, with a quote first.",
                _blind(scene),
            ),
        ]
    count = f"{len(scene.lines)} machine{'s' if len(scene.lines) > 1 else ''}"
    heading = look.lines(f"### {count} · {hourly(scene.per_hour)}", _counted(scene), _blind(scene))
    return [heading, _listed(scene, room - len(heading))]


def _listed(scene: Scene, room: int) -> str:
    """Person by person; with ways to the cards where all of them fit."""
    rows = _rows(scene, linked=True)
    if sum(len(row) + 1 for row in rows) > room:
        rows = _rows(scene, linked=False)
    return look.listing(
        rows, lambda left: f"… and {left} more. /status shows your own.", room=room - _MORE
    )


def _rows(scene: Scene, *, linked: bool) -> list[str]:
    """A row for each machine; the first of somebody's begins with whose they are.

    Where everybody has one, their name is in its line.
    """
    owned = Counter(line.rental.owner_id for line in scene.lines)
    rows, before = [], 0
    for line in scene.lines:
        owner = line.rental.owner_id
        machine = _machine(line, scene.at, linked=linked)
        if max(owned.values()) == 1:
            rows.append(f"- <@{owner}> {machine}")
        elif owner == before:
            rows.append(f"- {machine}")
        else:
            apart = "\n" if before else ""  # a line right below a list would be part of it
            rows.append(f"{apart}<@{owner}>\n- {machine}")
        before = owner
    return rows


def _machine(line: Line, now: datetime, *, linked: bool) -> str:
    rental = line.rental
    model = look.clean(rental.offer.title, _NAME)
    name = look.clean(rental.name, _NAME) if rental.name else model
    if linked and rental.message_id is not None:
        name = f"[{name}]({look.message_url(rental)})"
    parts = [f"**{name}**", model if rental.name else "", hourly(rental.per_hour)]
    return " · ".join(part for part in (*parts, _stands(line, now)) if part)


def _stands(line: Line, now: datetime) -> str:
    """How far it is, or how it is used."""
    rental = line.rental
    if rental.broken_since is not None and line.watched is not None:
        return f"cannot be reached since {look.ago(rental.broken_since)}"
    if _stopped(rental):
        return "stopped at Vast"
    if line.watched is not None:
        return _used(line.watched, now)
    word = words.standing(rental)
    word = word[0].lower() + word[1:]
    if rental.state in _COMING and rental.released_at is None:
        return f"{word} since {look.ago(rental.phase_at or rental.requested_at)}"
    return word


def _used(watched: Watched, now: datetime) -> str:
    if watched.life is Life.KEPT and watched.since is not None:
        soon = watched.since - now < _SOON  # then the hour says which one is meant
        return f"kept until {look.hour(watched.since) if soon else look.day(watched.since)}"
    since = look.ago(watched.since) if watched.since is not None else ""
    match watched.life:
        case Life.NEW:
            return "ready"
        case Life.USED:
            return "in use"
        case Life.IDLE:
            return f"**idle since {since}**"
        case Life.KEPT:
            return "kept"
        case Life.UNSEEN:
            return f"not seen since {since}"
        case Life.ASKED:
            idle = f"**idle since {since}**, " if since else ""
            ends = f"; it ends {look.ago(watched.ends_at)}" if watched.ends_at else ""
            return f"{idle}owner asked{ends}"


def _counted(scene: Scene) -> str:
    """“2 in use · 1 idle”, where there is more than one."""
    if len(scene.lines) < 2:
        return ""
    counts = Counter(_kind(line) for line in scene.lines)
    return "-# " + " · ".join(f"{counts[kind]} {kind}" for kind in _COUNTED if counts[kind])


def _kind(line: Line) -> str:
    rental, watched = line.rental, line.watched
    if _stopped(rental) or (rental.broken_since is not None and watched is not None):
        return "in trouble"
    if watched is None:
        coming = rental.state in _COMING and rental.released_at is None
        return "starting" if coming else "ending" if words.ending(rental) else "in use"
    match watched.life:
        case Life.NEW | Life.USED:
            return "in use"
        case Life.IDLE | Life.ASKED:
            return "idle"
        case Life.KEPT:
            return "kept"
        case Life.UNSEEN:
            return "not seen"


def _stopped(rental: Rental) -> bool:
    return outlook.omen(rental, Sign.STOPPED) is not None


def _figures(scene: Scene) -> str:
    """How long the credit lasts, and the budgets that are everybody's affair."""
    figures = scene.figures
    more = len(figures.uses) - _BUDGETS
    return look.lines(
        credit.line(figures.funds, stale=figures.stale),
        *(budgets.row(use) for use in figures.uses[:_BUDGETS]),
        f"-# … and {more} more in /budget show" if more > 0 else "",
    )


def _blind(scene: Scene) -> str:
    if scene.blind_since is None:
        return ""
    return (
        f"Vast cannot be read since {look.ago(scene.blind_since)}; what stands here may be older."
    )


def _colour(scene: Scene) -> int:
    if not scene.lines:
        return look.ENDED
    kinds = {_kind(line) for line in scene.lines}
    if "in trouble" in kinds:
        return look.FAILED
    return look.ENDING if kinds & {"idle", "not seen"} else look.READY


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
