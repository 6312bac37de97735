"""What is offered while somebody types: GPU models, offers, images, rentals.

Discord wants an answer within three seconds and shows nothing better for an error, so whatever goes
wrong here is an empty list; the command itself says what the matter is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Sequence
from typing import TypeVar

from discord import app_commands

from bot.domain.archives import Archive
from bot.domain.images import PRESETS
from bot.domain.money import hourly
from bot.domain.offers import Offer, Wish, suggest
from bot.domain.rentals import Rental
from bot.errors import BotError
from cogs.ui import look, words

log = logging.getLogger(__name__)

Choice = app_commands.Choice[str]
T = TypeVar("T")

MOST = 25
_PATIENCE_S = 2.0


async def soon(found: Awaitable[Sequence[T]]) -> Sequence[T]:
    """What was found, or nothing where that fails or takes too long."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await found
    except (BotError, TimeoutError) as error:
        log.info("nothing to complete with: %s", error)
        return []


def gpus(names: Sequence[str], typed: str) -> list[Choice]:
    wanted = typed.strip().lower()
    fitting = [name for name in sorted(names) if wanted in name.lower()]
    return _choices((name, name) for name in fitting or suggest(typed, names))


def offers(found: Sequence[Offer], wish: Wish, typed: str) -> list[Choice]:
    """Offers by number, model or region."""
    wanted = typed.strip().lower()
    return _choices((_offer(one, wish), str(one.id)) for one in found if wanted in _search(one))


def images(typed: str) -> list[Choice]:
    """The presets, and what was typed as the name of any image."""
    wanted = typed.strip()
    fitting = [one for one in PRESETS if wanted.lower() in one.name]
    known = [(f"{one.name} – {one.note}", one.name) for one in fitting]
    if wanted and wanted.lower() not in [one.name for one in PRESETS]:
        known.append((wanted, wanted))
    return _choices(known)


def rentals(own: Iterable[Rental], typed: str) -> list[Choice]:
    wanted = typed.strip().lower()
    return _choices(
        (f"{look.plain_line(one.title)[:70]} · {words.standing(one)}", one.id)
        for one in own
        if wanted in one.title.lower() or wanted in one.id
    )


def archives(found: Iterable[Archive], typed: str) -> list[Choice]:
    wanted = typed.strip().lower()
    return _choices(
        (f"{look.plain_line(one.name)[:60]} · {look.size(one.bytes)} · {one.id}", one.id)
        for one in found
        if wanted in one.name.lower() or wanted in one.id
    )


def paths(found: Iterable[tuple[str, str]]) -> list[Choice]:
    """Files and folders; of a long path the end is shown, which tells it from others."""
    return _choices(
        (text if len(text) <= 100 else f"…{text[-99:]}", value) for text, value in found
    )


def _offer(offer: Offer, wish: Wish) -> str:
    price = hourly(offer.rates.per_hour(wish.disk_gb))
    return f"{price} · {offer.title} · {look.vram(offer)} · {offer.region}"


def _search(offer: Offer) -> str:
    return f"{offer.id} {offer.title} {offer.region}".lower()


def _choices(found: Iterable[tuple[str, str]]) -> list[Choice]:
    """At most 25, each within Discord's 100 characters; a value that is too long is left out."""
    kept: list[Choice] = []
    for name, value in found:
        if len(kept) == MOST:
            break
        if 1 <= len(value) <= 100:
            kept.append(app_commands.Choice(name=look.plain_line(name)[:100] or value, value=value))
    return kept
