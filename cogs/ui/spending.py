"""The answer to `/spend`: the total, rental by rental, three columns side by side, a picture."""

from __future__ import annotations

import discord

from bot.domain.bulletins import Bulletin
from bot.domain.money import Usd, hourly
from bot.domain.pictures import Picture, described, key
from bot.services.credit import Known
from bot.services.spend import Compared, Line, Report
from cogs.ui import bulletins, buttons, cards, credit, look, words

PICTURE, TABLE = "spend.png", "spend.csv"
_KEY_ROOM = 500


def card(report: Report, *, whose: str = "", picture: bool = False) -> look.Card:
    """`whose` is a mention or a name; `picture` and the table are attached to the message."""
    span = report.span.name if report.span is not None else ""
    if not report.lines and not report.unreadable:
        what = f"No machine was rented yet{f' {span}' if span else ''}."
        return look.card(f"### Nothing spent\n{what}", _credit(report.credit))
    by = f" by {whose}" if whose else ""
    week = [buttons.ShowWeek("team")] if report.member_id is None else []
    view = look.card(
        look.lines(
            f"### {report.total} spent{by}{f' {span}' if span else ''}",
            f"{hourly(report.per_hour)} at the moment",
        ),
        _key(report),
        _rentals(report),
        _unread(report),
        _compared(report.compared) if report.compared is not None else "",
        _credit(report.credit),
        f"-# Counted {look.ago(report.at)}, what is not booked yet included. "
        "Vast tells about transfer later.",
        controls=week,
    )
    if picture and report.picture is not None:
        view.add_item(_gallery(report.picture))
    if report.lines:
        file: discord.ui.File[look.Card] = discord.ui.File(f"attachment://{TABLE}")
        view.add_item(file)
    return view


def week(told: Bulletin, *, picture: bool = False) -> look.Card:
    """The team's weekly report over the days up to now, for the lead who asked."""
    view = bulletins.bulletin(told, None)
    if picture and told.picture is not None:
        view.add_item(_gallery(told.picture))
    return view


def _spent(line: Line) -> str:
    rental = line.rental
    when = f"ended {look.day(rental.closed_at)}" if rental.closed_at else words.standing(rental)
    tried = f", {line.failed} of it for machines that failed" if line.failed.micros else ""
    beside = ""
    if line.billed is not None:
        far = "" if line.final else " so far"
        beside = f"-# quoted {line.quoted} · reckoned {line.reckoned} · Vast {line.billed}{far}"
    return look.lines(
        f"**{line.cost.total}** · {cards.title(rental)} · {when}{tried}",
        beside,
    )


def _rentals(report: Report) -> str:
    """As many as there is room for, the others counted."""
    rows, room = [_spent(line) for line in report.lines], look.ROOM - 600 - _KEY_ROOM
    while rows and sum(len(row) + 1 for row in rows) > room:
        rows.pop()
    hidden = report.lines[len(rows) :]
    count = len(hidden) + report.more
    together = Usd.sum(line.cost.total for line in hidden) + report.more_cost
    return look.lines(*rows, f"… and {count} more, {together} together" if count else "")


def _unread(report: Report) -> str:
    if not report.unreadable:
        return ""
    one = report.unreadable == 1
    return (
        f"{report.unreadable} machine{'' if one else 's'} cannot be read from our database and "
        f"{'is' if one else 'are'} not named here; what {'it' if one else 'they'} cost, "
        f"{report.unreadable_cost}, is in the sum."
    )


def _credit(known: Known | None) -> str:
    """How long the account's credit lasts, where that is looked at."""
    if known is None:
        return ""
    return credit.line(known.funds, stale=known.unknown_since is not None)


def _compared(columns: Compared) -> str:
    difference = columns.billed - columns.quoted
    count = f"{columns.count} machine{'s' if columns.count > 1 else ''} that Vast has billed"
    beside = "as quoted" if not difference.micros else _beside(difference)
    return (
        f"**{count}**\n```\nQuoted    {columns.quoted!s:>12}\nReckoned  {columns.reckoned!s:>12}\n"
        f"Vast      {columns.billed!s:>12}\n```\nVast charged {beside}."
    )


def _beside(difference: Usd) -> str:
    more = "more" if difference.micros > 0 else "less"
    return f"{Usd(abs(difference.micros))} {more} than quoted"


def _key(report: Report) -> str:
    """Whose bars they are: the picture cannot show names of every script, Discord can."""
    if report.member_id is not None or report.picture is None:
        return ""
    return look.clean(" · ".join(key(report.picture)), _KEY_ROOM)


def _gallery(picture: Picture) -> discord.ui.MediaGallery[look.Card]:
    gallery: discord.ui.MediaGallery[look.Card] = discord.ui.MediaGallery()
    gallery.add_item(media=f"attachment://{PICTURE}", description=described(picture))
    return gallery
