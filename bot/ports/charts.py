"""Pictures of spending."""

from __future__ import annotations

from typing import Protocol

from bot.domain.pictures import Picture as Picture
from bot.domain.pictures import Series as Series


class Charts(Protocol):
    async def draw(self, picture: Picture) -> bytes:
        """A PNG, readable at a phone's width on Discord's dark ground; off the loop.

        Raises TimeoutError when it takes too long.
        """
        ...
