"""The minute's look at a ready machine: everything that can be asked, as one sample.

Each part has a deadline of its own, and a part that fails is unknown, which is not idle. Counters
are compared with those of the look before, which are kept here: after a start the first look has no
loads, and says so.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from bot.domain.readings import Reading, machine
from bot.domain.rentals import Rental, RentalId
from bot.domain.samples import Machine, Notebook, Sample
from bot.errors import Machine as MachineError
from bot.ports.clock import Clock
from bot.ports.machines import Looks, Notebooks, Tunnels
from bot.services.routes import Routes, Traffic

log = logging.getLogger(__name__)

FILES_EVERY = 5
"""Looks for new files are the dear ones: a find over the workspace."""


@dataclass(frozen=True, slots=True)
class _Before:
    reading: Reading
    carried: int  # bytes of the relay by then
    number: int


class Tabless(Protocol):
    def kept(self, rental_id: RentalId, kernel_id: str) -> int:
        """How many connections of a kernel are our own, with no tab behind them."""
        ...


class Probe:
    def __init__(
        self,
        *,
        tunnels: Tunnels,
        notebooks: Notebooks,
        looks: Looks,
        routes: Routes,
        traffic: Traffic,
        clock: Clock,
        outputs: Tabless | None = None,
    ) -> None:
        self._outputs = outputs
        self._tunnels = tunnels
        self._notebooks = notebooks
        self._looks = looks
        self._routes = routes
        self._traffic = traffic
        self._clock = clock
        self._before: dict[RentalId, _Before] = {}

    async def sample(self, rental: Rental, *, vast_gpu_util: float | None = None) -> Sample:
        """Look at a ready rental, as of now. Never raises for what the machine does.

        `vast_gpu_util` is from the account's listing, where that has just been read.
        """
        now = self._clock.now()
        (reading, seen), notebook = await asyncio.gather(
            self._machine(rental, now), self._notebook(rental, now)
        )
        if notebook is None and reading is not None and _stopped(reading):
            notebook = Notebook(down=True)
        return Sample(
            at=now,
            machine=seen,
            notebook=notebook,
            vast_gpu_util=vast_gpu_util,
            input_at=self._traffic.last_human(rental.id),
        )

    async def begin_anew(self, rental: Rental) -> None:
        """Read the counters that the next look is compared with, which will look for files too.

        What they have counted before this is not told: it may be work of our own.
        """
        self.forget(rental.id)
        await self._machine(rental, self._clock.now())
        if before := self._before.get(rental.id):
            self._before[rental.id] = replace(before, number=-1)

    def forget(self, rental_id: RentalId) -> None:
        self._before.pop(rental_id, None)

    async def _machine(
        self, rental: Rental, now: datetime
    ) -> tuple[Reading | None, Machine | None]:
        before = self._before.get(rental.id)
        number = before.number + 1 if before is not None else 0
        carried = self._traffic.carried(rental.id)
        try:
            shell = self._tunnels.shell(rental.id)
            reading = await self._looks.look(shell, files=number % FILES_EVERY == 0)
        except MachineError as error:
            log.warning("could not look at the machine: %s", error)
            return None, None
        self._before[rental.id] = _Before(reading, carried, number)
        return reading, machine(
            reading,
            before.reading if before is not None else None,
            at=now,
            ready_at=rental.ready_at or now,
            carried_bytes=max(0, carried - before.carried) if before is not None else 0,
        )

    async def _notebook(self, rental: Rental, now: datetime) -> Notebook | None:
        route = self._routes.get(rental.id)
        if route is None:
            return None
        seen = await self._notebooks.activity(route.socket_path, route.token, now=now)
        if seen is None or self._outputs is None:
            return seen
        # A tab is somebody's; what the relay keeps open for a cell that runs on is not.
        kernels = tuple(
            replace(
                one, connections=max(0, one.connections - self._outputs.kept(rental.id, one.id))
            )
            for one in seen.kernels
        )
        return replace(seen, kernels=kernels)


def _stopped(reading: Reading) -> bool:
    """The machine knows its processes, and our Jupyter is not among them."""
    pids = {row.pid for row in reading.rows}
    return bool(pids) and reading.jupyter_pid is not None and reading.jupyter_pid not in pids
