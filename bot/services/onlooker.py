"""Looks at the account for a process that only shows how it stands."""

from __future__ import annotations

import logging
from datetime import timedelta

from bot.errors import BotError
from bot.ports.clock import Clock
from bot.services.account import AccountWatch
from bot.services.credit import Credit
from bot.tasks import rest

log = logging.getLogger(__name__)


class Onlooker:
    def __init__(
        self, *, credit: Credit, account: AccountWatch, clock: Clock, every: timedelta
    ) -> None:
        self._credit = credit
        self._account = account
        self._clock = clock
        self._every = every

    async def run(self) -> None:
        """Look after look, for ever."""
        while True:
            try:
                await self.look()
            except BotError as error:
                log.warning("the account was not looked at: %s", error)
            await rest(self._every.total_seconds())

    async def look(self) -> None:
        """Once. Raises Store."""
        error = await self._credit.observe()
        if error is None:
            self._account.seen()
        else:
            self._account.failed(error, self._clock.now())
