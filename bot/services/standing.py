"""How a rental stands with the idle watch, read from the books: for cards, letters and answers."""

from __future__ import annotations

from datetime import datetime

from bot.domain import standing
from bot.domain.rentals import Rental
from bot.domain.standing import Standing
from bot.ports.books import Store
from bot.services.policy import Policies


async def look_up(
    store: Store, rental: Rental, now: datetime, policies: Policies | None = None
) -> Standing | None:
    """None before the first look at the machine."""
    known = await store.remembered(rental.id)
    if known is None:
        return None
    rules = await (policies or Policies(store=store)).rules(rental)
    letters = await store.letters_of(rental.id)
    return standing.standing(known.memory, known.report, letters, rules, now)
