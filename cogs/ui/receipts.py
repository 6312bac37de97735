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

_NAME, _SPAN, _AMOUNT = 13, 9, 10
"""Widths of the columns; together they fit a phone."""

_COLUMN = 10


def receipt(page: Page) -> look.Card:
    """The message, as of the page's moment."""
    rental, tally = page.rental, page.tally or by_row(page.rental, page.now)
    owner = f"<@{rental.owner_id}>: " if page.public else ""
    lived = _lived(rental, tally.at)
    return look.card(
        look.lines(
            f"### {cards.title(rental)} · receipt",
            f"{owner}**{_exact(tally.total)}** in all{f' for {lived}' if lived else ''}.",
            _block(_parts(rental, tally)),
        ),
        look.lines(_block(_columns(tally)), _compared(tally, page.stand)),
        _archive(rental, page.archive),
        f"-# {rental.id} · ended {look.moment(rental.closed_at or tally.at)}",
        colour=look.ENDED if page.stand is Stand.TOLD else look.WORKING,
    )


def _parts(rental: Rental, tally: Tally) -> Iterable[str]:
    end = rental.gone_at or tally.at
    used = sum((part.cost for part in tally.parts if not part.failed), Cost())
    failed = sum(part.failed for part in tally.parts)
    yield from (
        _row(name, span, amount)
        for name, span, amount in (
            ("GPU", _between(rental.running_at, end), used.gpu),
            (f"Disk {rental.wish.disk_gb} GB", _between(rental.created_at, end), used.storage),
            ("Download", "", used.download),
            ("Upload", "", used.upload),
            ("Corrections", "", used.adjustment),
        )
        if amount.micros
    )
    if failed:
        yield _row("Failed start" if failed == 1 else f"{failed} failed", "", tally.failed)
    yield _row("Together", "", tally.total)


def _columns(tally: Tally) -> Iterable[str]:
    billed = _exact(tally.billed) if tally.billed is not None else "not yet"
    yield "".join(f"{name:>{_COLUMN}}" for name in ("Quoted", "Reckoned", "Vast"))
    yield "".join(
        f"{amount:>{_COLUMN}}" for amount in (_exact(tally.quoted), _exact(tally.total), billed)
    )


def _compared(tally: Tally, stand: Stand) -> str:
    """What the three figures say in a sentence."""
    billed = tally.billed
    if billed is None and stand is Stand.TOLD:
        return "Vast never said what it charged, so our own reckoning stands."
    if billed is None:
        return "Vast bills later; this message is edited when it does."
    off = billed - tally.total
    if abs(off.micros) > ROUNDED.micros:
        how = "more" if off.micros > 0 else "less"
        return f"Vast says {_exact(Usd(abs(off.micros)))} {how} so far; it may still change."
    return f"Vast's bill and our reckoning agree{_beside(billed - tally.quoted)}."


def _beside(off: Usd) -> str:
    if abs(off.micros) <= ROUNDED.micros:
        return ", and are what was quoted"
    how = "more" if off.micros > 0 else "less"
    return f": {_exact(Usd(abs(off.micros)))} {how} than the quote for that time"


def _archive(rental: Rental, archive: Archive | None) -> str:
    if archive is None:
        gone = rental.ready_at is not None
        return "There is no archive of it." if gone else ""
    proven = f", proven {look.moment(archive.proven_at)}" if archive.proven_at else ""
    return look.lines(
        f"**Archive** {look.clean(archive.name, 60)} · {look.size(archive.bytes)}{proven}",
        f"-# {archive.id} · /archives restore puts it onto another machine",
    )


def _lived(rental: Rental, at: datetime) -> str:
    return _between(rental.created_at, rental.gone_at or at)


def _between(start: datetime | None, end: datetime) -> str:
    return cards.duration(max(end - start, timedelta())) if start is not None else ""


def _block(rows: Iterable[str]) -> str:
    return "```\n" + "\n".join(rows) + "\n```"


def _row(name: str, span: str, amount: Usd) -> str:
    return f"{name:<{_NAME}}{span:>{_SPAN}}{_exact(amount):>{_AMOUNT}}"


def _exact(amount: Usd) -> str:
    """To a thousandth of a dollar, as Vast bills."""
    whole = abs(amount.dollars).quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)
    return f"{'-' if amount.micros < 0 and whole else ''}${whole:,}"
