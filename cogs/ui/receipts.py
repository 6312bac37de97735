"""The receipt of a rental: for how long, what each part cost, three columns, where the work is.

Figures stand in a block of equal letters, narrow enough for a phone. While Vast's bill is not
there, its column says so, and the same message is edited when it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from bot.domain.archives import Archive
from bot.domain.bills import ROUNDED
from bot.domain.ledger import Cost
from bot.domain.letters import Stand
from bot.domain.money import Usd
from bot.domain.rentals import Rental
from bot.domain.tally import Tally, by_row
from bot.ports.chat import Page
from cogs.ui import cards, look

_NAME, _AMOUNT = 12, 11
"""Widths of the columns; a phone shows 25 letters in a row of a card's block."""


def receipt(page: Page) -> look.Card:
    """The message, as of the page's moment."""
    rental, tally = page.rental, page.tally or by_row(page.rental, page.now)
    owner = f"<@{rental.owner_id}>: " if page.public else ""
    return look.card(
        look.lines(
            f"### {cards.title(rental)} · receipt",
            f"{owner}**{_exact(tally.total)}** in all. {_times(rental, tally.at)}".strip(),
            _block(_parts(tally)),
        ),
        look.lines(_block(_columns(tally)), _compared(tally, page.stand)),
        _archive(rental, page.archive),
        f"-# {rental.id} · ended {look.moment(rental.closed_at or tally.at)}",
        colour=look.ENDED if page.stand is Stand.TOLD else look.WORKING,
    )


def _times(rental: Rental, at: datetime) -> str:
    """How long it was there, and how long its GPU ran."""
    end = rental.gone_at or at
    gpu = f"GPU for {_between(rental.running_at, end)}, " if rental.running_at else ""
    if rental.created_at is None:
        return ""
    return f"{gpu}{rental.wish.disk_gb} GB disk for {_between(rental.created_at, end)}."


def _parts(tally: Tally) -> Iterable[str]:
    used = sum((part.cost for part in tally.parts if not part.failed), Cost())
    failed = sum(part.failed for part in tally.parts)
    parts = (
        ("GPU", used.gpu),
        ("Disk", used.storage),
        ("Download", used.download),
        ("Upload", used.upload),
        ("Corrections", used.adjustment),
        ("Failed start" if failed == 1 else f"{failed} failed", tally.failed),
        ("Together", tally.total),
    )
    yield from (_row(name, _exact(amount)) for name, amount in parts if amount.micros)


def _columns(tally: Tally) -> Iterable[str]:
    yield _row("Quoted", _exact(tally.quoted))
    yield _row("Reckoned", _exact(tally.total))
    yield _row("Vast", _exact(tally.billed) if tally.billed is not None else "not yet")


def _compared(tally: Tally, stand: Stand) -> str:
    """What the three figures say in a sentence."""
    billed = tally.billed
    if billed is None and stand is Stand.TOLD:
        return "Vast never said what it charged, so our own reckoning stands."
    if billed is None:
        return "Vast bills later; this message is edited when it does."
    off = billed - tally.total
    if abs(off.micros) > ROUNDED.micros:
        return f"Vast says {_more(off)} so far; it may still change."
    return f"Vast's bill and our reckoning agree{_beside(billed - tally.quoted, tally)}."


def _beside(off: Usd, tally: Tally) -> str:
    """How far the quote was off, and what it does not cover."""
    if abs(off.micros) <= ROUNDED.micros:
        return ", and are what was quoted"
    failed = f"; {_exact(tally.failed)} of it for failed starts" if tally.failed > ROUNDED else ""
    return f": {_more(off)} than quoted for that time and those bytes{failed}"


def _more(off: Usd) -> str:
    return f"{_exact(Usd(abs(off.micros)))} {'more' if off.micros > 0 else 'less'}"


def _archive(rental: Rental, archive: Archive | None) -> str:
    if archive is None:
        gone = rental.ready_at is not None
        return "There is no archive of it." if gone else ""
    proven = f", proven {look.moment(archive.proven_at)}" if archive.proven_at else ""
    return look.lines(
        f"**Archive** {look.clean(archive.name, 60)} · {look.size(archive.bytes)}{proven}",
        f"-# {archive.id} · /archives restore puts it onto another machine",
        look.small(look.clean(rental.note, 300)) if rental.archive_id == archive.id else "",
    )


def _between(start: datetime, end: datetime) -> str:
    return look.duration(max(end - start, timedelta()))


def _block(rows: Iterable[str]) -> str:
    return "```\n" + "\n".join(rows) + "\n```"


def _row(name: str, amount: str) -> str:
    return f"{name:<{_NAME}}{amount:>{_AMOUNT}}"


def _exact(amount: Usd) -> str:
    """To a thousandth of a dollar, as Vast bills."""
    whole = abs(amount.dollars).quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)
    return f"{'-' if amount.micros < 0 and whole else ''}${whole:,}"
