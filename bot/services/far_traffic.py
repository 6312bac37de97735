"""What relays carried, told to the worker: so the idle watch knows that somebody is there."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping

from bot.domain.rentals import RentalId
from bot.errors import Store
from bot.ports.processes import Carriage, Ways
from bot.services.outputs import Outputs
from bot.services.roll import RELAY, Roll
from bot.services.routes import Traffic
from bot.tasks import rest

log = logging.getLogger(__name__)

TELL_S = 1.0
BYTES_EVERY = 10
"""Bytes alone are told at each so many-th look: nothing is decided upon them at once."""


class TrafficTeller:
    """A relay's side."""

    def __init__(self, *, traffic: Traffic, outputs: Outputs, store: Ways, process_id: str) -> None:
        self._traffic = traffic
        self._outputs = outputs
        self._store = store
        self._process_id = process_id
        self._told: dict[RentalId, Carriage] = {}
        self._looks = 0

    async def run(self) -> None:
        """Tell what is new, for ever; what could not be told is told when it can."""
        while True:
            try:
                await self.tell()
            except Store as error:
                log.warning("what was carried was not told: %s", error)
            await rest(TELL_S)

    async def tell(self) -> None:
        """Once. Raises Store."""
        self._looks += 1
        news = [one for one in self._now() if self._is_news(one)]
        await self._store.carry(news)
        self._told |= {one.rental_id: one for one in news}

    def _now(self) -> list[Carriage]:
        return [
            Carriage(
                process_id=self._process_id,
                rental_id=rental_id,
                human_at=human_at,
                bytes=size,
                kept=self._kept(rental_id),
            )
            for rental_id, (human_at, size) in self._traffic.signs().items()
        ]

    def _kept(self, rental_id: RentalId) -> Mapping[str, int]:
        kernels = self._outputs.kernels(rental_id)
        counts = {one: self._outputs.kept(rental_id, one) for one in kernels}
        return {one: count for one, count in counts.items() if count}

    def _is_news(self, one: Carriage) -> bool:
        told = self._told.get(one.rental_id)
        if told is None or told.human_at != one.human_at or told.kept != one.kept:
            return True
        return told.bytes != one.bytes and self._looks % BYTES_EVERY == 0


class TrafficHearer:
    """The worker's side: writes into the process's own book of traffic what the relays told."""

    def __init__(self, *, traffic: Traffic, store: Ways, roll: Roll) -> None:
        self._traffic = traffic
        self._store = store
        self._roll = roll
        self._heard: dict[tuple[str, RentalId], int] | None = None
        self._kept: dict[RentalId, dict[str, int]] = {}

    async def run(self) -> None:
        """Hear, for ever."""
        while True:
            try:
                await self.hear()
            except Store as error:
                log.warning("what was carried is not known: %s", error)
            await rest(TELL_S)

    async def hear(self) -> None:
        """Once. Raises Store.

        What was carried before this process first listened is no news: it would be taken off the
        machine's own count of what came in, and hide a download.
        """
        there = {one.id for one in await self._roll.there(RELAY)}
        kept: defaultdict[RentalId, dict[str, int]] = defaultdict(dict)
        first, heard = self._heard is None, {}
        for one in await self._store.carried():
            key = one.process_id, one.rental_id
            heard[key] = one.bytes
            before = one.bytes if first else (self._heard or {}).get(key, 0)
            self._traffic.learn(one.rental_id, one.human_at, max(0, one.bytes - before))
            if one.process_id in there:
                for kernel_id, count in one.kept.items():
                    counts = kept[one.rental_id]
                    counts[kernel_id] = counts.get(kernel_id, 0) + count
        self._heard, self._kept = heard, dict(kept)

    def kept(self, rental_id: RentalId, kernel_id: str) -> int:
        """How many connections of a kernel are a relay's own, with no tab behind them."""
        return self._kept.get(rental_id, {}).get(kernel_id, 0)
