"""Earlier starts of machines, as the books remember them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bot.domain.paces import Start
from bot.domain.rentals import RentalId


class Starts(Protocol):
    async def starts(self, image: str, *, since: datetime, limit: int) -> list[Start]:
        """The starts that went well with an image (its reference) and were asked for since then.

        The newest first. Without moves, which wait for another machine, and without machines that
        were taken in.
        """
        ...

    async def connected_at(self, rental_id: RentalId, since: datetime) -> datetime | None:
        """When its present machine, made at `since`, first let us in; None: not yet."""
        ...
