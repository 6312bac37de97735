"""Greetings: the rows that say which server was greeted, and the door of each server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.welcome import Greeting, Setup


class Greetings(Protocol):
    async def greeting(self, guild_id: int) -> Greeting | None: ...

    async def greet(self, guild_id: int, now: datetime) -> None:
        """Have a server greeted, also one that was greeted before."""
        ...

    async def need_no_greeting(self, guild_id: int, now: datetime) -> None:
        """Note a server that has been at work already; one that is known is left as it is."""
        ...

    async def ungreeted(self, guild_ids: Sequence[int]) -> list[int]:
        """Those of these servers of which nothing is known."""
        ...

    async def due_greetings(self, now: datetime) -> list[Greeting]: ...

    async def greeting_tried(self, greeting: Greeting, person_id: int) -> None:
        """Note, before the call, that it is being sent, and to whom."""
        ...

    async def greeted(self, greeting: Greeting, now: datetime, *, error: str = "") -> None:
        """It was sent, or given up with an error; unless the server was joined again meanwhile."""
        ...

    async def greeting_waits(
        self, greeting: Greeting, *, next_at: datetime, error: str
    ) -> None: ...

    async def choose_unlimited(self, guild_id: int, *, unlimited: bool) -> None:
        """Remember whether it was chosen that the team has no limit a month."""
        ...

    async def settle_greeting(self, guild_id: int, now: datetime) -> None:
        """Everything is chosen. Safe to repeat: the first time counts."""
        ...


class Doorstep(Protocol):
    """The servers' doors, in chat."""

    def ready(self) -> bool: ...

    def servers(self) -> list[int]:
        """Those we are in, as far as Discord has told everything about them."""
        ...

    async def inviter(self, guild_id: int) -> int:
        """Who added us, where we may know; else the server's owner. Raises Unavailable."""
        ...

    async def welcome(self, greeting: Greeting, person_id: int, setup: Setup) -> None:
        """Send the card to this person: directly, else in the first channel in which we
        may write. A try that may have got through is looked for first. Raises Undeliverable for
        good and Unavailable for what may pass."""
        ...
