"""The roll: which processes of this installation are there. Each signs it every few seconds."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from bot.errors import Store
from bot.ports.clock import Clock
from bot.ports.processes import Process, Processes
from bot.tasks import rest

log = logging.getLogger(__name__)

SIGN_S = 3.0
THERE = timedelta(seconds=12)
"""Who has not signed for so long is not there; the computers' clocks agree better than that."""
FORGOTTEN = timedelta(hours=1)

BOT, WORKER, RELAY = "bot", "worker", "relay"


class Roll:
    """`address` is what the others need of this process; it may change."""

    def __init__(
        self,
        *,
        store: Processes,
        clock: Clock,
        process_id: str,
        role: str,
        address: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self.process_id = process_id
        self._role = role
        self._address = address

    async def run(self) -> None:
        """Sign, for ever; while the database is away nobody can."""
        while True:
            try:
                await self.sign()
            except Store as error:
                log.warning("the roll was not signed: %s", error)
            await rest(SIGN_S)

    async def sign(self) -> None:
        """Once. Raises Store."""
        address = await self._address() if self._address is not None else ""
        now = self._clock.now()
        await self._store.process_seen(
            Process(id=self.process_id, role=self._role, address=address, seen_at=now)
        )
        await self._store.forget_processes(now - FORGOTTEN)

    async def leave(self) -> None:
        """This process ends. Never raises."""
        try:
            await self._store.process_gone(self.process_id)
        except Store as error:
            log.info("did not sign off: %s", error)

    async def there(self, role: str) -> list[Process]:
        """Who of a role is there now. Raises Store."""
        found = await self._store.processes(since=self._clock.now() - THERE)
        return [one for one in found if one.role == role]
