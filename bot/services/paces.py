"""What a card says of a start's pace: looked up in the books, and kept for a minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain.paces import MEMORY, MOST, Pace, Start, Usual, usual
from bot.domain.rentals import Quote, Rental, State
from bot.ports.clock import Clock
from bot.ports.starts import Starts

KEEP = timedelta(minutes=1)
"""A start is over once in minutes; cards of many machines are drawn in that time."""
_IMAGES = 50

_STARTING = frozenset({State.REQUESTED, State.CREATING, State.BOOTING})


class Paces:
    def __init__(self, *, store: Starts, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[datetime, Sequence[Start]]] = {}

    async def of(self, rental: Rental) -> Pace | None:
        """None for a machine that is not on its way up."""
        if rental.state not in _STARTING:
            return None
        connected_at = None
        if rental.contract is not None and rental.created_at is not None:
            connected_at = await self._store.connected_at(rental.id, rental.created_at)
        starts = await self._starts(rental.image.reference)
        machine_id = rental.machine_id if rental.contract is not None else rental.offer.machine_id
        return Pace(
            connected_at, usual(starts, machine_id=machine_id, gpu_name=rental.offer.gpu_name)
        )

    async def usual(self, quote: Quote) -> Usual | None:
        """What is usual for the start of a quoted machine; None: too few were seen."""
        starts = await self._starts(quote.image.reference)
        offer = quote.offer
        return usual(starts, machine_id=offer.machine_id, gpu_name=offer.gpu_name)

    async def _starts(self, image: str) -> Sequence[Start]:
        now = self._clock.now()
        if image in self._known and now - self._known[image][0] < KEEP:
            return self._known[image][1]
        starts = await self._store.starts(image, since=now - MEMORY, limit=MOST)
        if len(self._known) >= _IMAGES:
            self._known.clear()
        self._known[image] = (now, starts)
        return starts
