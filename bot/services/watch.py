"""Watching the path: does each ready notebook still answer through the relay, as for its owner?

Where one does not, its route is taken out of the book; the reconciler then finds Jupyter again, or
starts it anew where it died. Whether a machine is idle is another question and not asked here.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from bot.domain.rentals import RentalId
from bot.log import bound
from bot.ports.machines import Paths
from bot.services.rounds import each
from bot.services.routes import Route, Routes
from bot.tasks import Wake, rest

log = logging.getLogger(__name__)

_AT_ONCE = 16


class Watch:
    def __init__(self, *, routes: Routes, paths: Paths, wake: Wake, every: timedelta) -> None:
        self._routes = routes
        self._paths = paths
        self._wake = wake
        self._every = every

    async def run(self) -> None:
        """Pass after pass, for ever."""
        while True:
            await rest(self._every.total_seconds())
            await self.pass_once()

    async def pass_once(self) -> None:
        """Ask every notebook once, some at a time; one that hangs holds up no other for long."""
        routes = self._routes.items()
        await each(routes, lambda one: self._look(*one), of=lambda one: one[0], at_once=_AT_ONCE)

    async def _look(self, rental_id: RentalId, route: Route) -> None:
        """Two silences in a row, because a busy machine may miss one."""
        for _ in range(2):
            if not (fault := await self._paths.fault(rental_id, page=False)):
                return
        if self._routes.get(rental_id) == route:
            with bound(rental=rental_id):
                log.warning("the notebook is not reached, looking for it again: %s", fault)
            self._routes.drop(rental_id)
            self._wake.set()
