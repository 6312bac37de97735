"""The output of cells is kept by relays; the worker asks them to write it into the notebooks."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from bot.domain.rentals import RentalId
from bot.errors import Store
from bot.ports.recordings import Recordings
from bot.services.calls import Answer, Calls
from bot.services.far_traffic import TrafficHearer
from bot.services.outputs import FLUSH_S, Outputs
from bot.services.roll import RELAY, Roll

log = logging.getLogger(__name__)

WORD = "flush"
WITHIN_S = FLUSH_S + 5
LEFT = "Output of cells that ran without an open tab could not be written first."


class FarOutputs:
    """The worker's side of `Outputs`."""

    def __init__(
        self, *, calls: Calls, roll: Roll, hearer: TrafficHearer, store: Recordings
    ) -> None:
        self._calls = calls
        self._roll = roll
        self._hearer = hearer
        self._store = store

    def kept(self, rental_id: RentalId, kernel_id: str) -> int:
        return self._hearer.kept(rental_id, kernel_id)

    def forget(self, rental_id: RentalId) -> None:
        """A relay forgets by itself, when the way to the notebook is taken back."""

    async def flush(self, rental_id: RentalId) -> str:
        """As `Outputs.flush`: says in words what could not be written, else nothing."""
        try:
            relays = {one.id for one in await self._roll.there(RELAY)}
            answers = await self._ask(rental_id, len(relays))
            kept = [one for one in await self._store.recordings() if one.rental_id == rental_id]
        except Store as error:
            log.warning("the relays were not asked for outputs: %s", error)
            return LEFT
        # What a relay that died kept is nobody's until another has taken it over.
        unheard = len(answers) < len(relays) or any(one.keeper not in relays for one in kept)
        if unheard or not all(one.good for one in answers):
            return LEFT
        return next((one.words for one in answers if one.words), "")

    async def _ask(self, rental_id: RentalId, relays: int) -> list[Answer]:
        if not relays:
            return []
        return await self._calls.ask(WORD, rental_id, within_s=WITHIN_S, answers=relays)


def answer_flush(calls: Calls, outputs: Outputs, write_down: Callable[[], Awaitable[None]]) -> None:
    """A relay's side: write what it keeps, and then what is left of it."""

    async def flush(about: str) -> str:
        words = await outputs.flush(RentalId(about))
        await write_down()
        return words

    calls.answer(WORD, flush)
