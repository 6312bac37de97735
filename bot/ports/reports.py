"""What the team's reports are made from, and which of them are settled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from bot.domain.bulletins import Bulletin
from bot.domain.rentals import Rental, RentalId
from bot.domain.reports import Due


class Reports(Protocol):
    async def renting_guilds(self) -> list[int]:
        """The servers in which anything was ever rented."""
        ...

    async def settled(self, guild_id: int, due: Due) -> bool:
        """Whether this report was said, or found to have nothing to say."""
        ...

    async def settle(self, guild_id: int, due: Due, bulletin: Bulletin | None) -> bool:
        """Have a report told, or note that there is nothing to tell: once, in one transaction.

        False where that was done before.
        """
        ...

    async def kinds(self, rental_ids: Collection[RentalId]) -> Mapping[RentalId, str]:
        """What each of these rentals ran on, as people say it, GPUs counted."""
        ...

    async def ended_idle(self, guild_id: int, start: datetime, end: datetime) -> list[Rental]:
        """Those that were ended for being idle and seen gone within that time."""
        ...
