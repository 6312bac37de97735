"""What a rental has cost, read from the books: for cards, `/status`, letters and receipts."""

from __future__ import annotations

import logging
from datetime import datetime

from bot.domain.rentals import Rental
from bot.domain.tabs import Tab
from bot.domain.tally import Tally, tally
from bot.errors import Store as StoreError
from bot.ports.books import Store

log = logging.getLogger(__name__)

_READS = 3


async def tally_of(store: Store, rental: Rental, now: datetime) -> Tally:
    """Everything that is known of it at this moment.

    The tabs are read before and after the sums: an hour that is booked in between would be in
    both, or in neither.
    """
    before = await _tabs(store, rental)
    for _ in range(_READS):
        booked = await store.totals_by_machine([rental.id])
        kept = await _tabs(store, rental)
        if kept == before:
            break
        before = kept
    bills = await store.bills_of([rental.id])
    return tally(rental, {key[1]: sums for key, sums in booked.items()}, kept, bills, now)


async def _tabs(store: Store, rental: Rental) -> list[Tab]:
    """No tab where one cannot be read: what is booked is still worth saying."""
    try:
        return await store.tabs_of([rental.id])
    except StoreError as error:
        log.error("the tabs of rental %s cannot be read: %s", rental.id, error)
        return []
