"""What the chat asks of the worker about archives and machines.

Only the process that saves may delete: what a save builds on is guarded in its memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.domain.archives import ArchiveId
from bot.domain.rentals import Rental, RentalId
from bot.errors import Busy, NotFound
from bot.services.archives import Archives
from bot.services.calls import Calls

DELETE, MEASURE = "delete-archive", "measure"
DELETE_S = 40.0
MEASURE_S = 60.0
_NOBODY = "The process that works with archives does not answer."

Measure = Callable[[Rental], Awaitable[int]]


class FarArchives:
    """The chat's side."""

    def __init__(self, *, calls: Calls) -> None:
        self._calls = calls

    async def delete(self, archive_id: ArchiveId) -> None:
        """As `Archives.delete`. Raises Busy, also where nobody answers."""
        await self._ask(DELETE, archive_id, DELETE_S)

    async def measure(self, rental: Rental) -> int:
        """Bytes of a rental's work. Raises Busy."""
        return int(await self._ask(MEASURE, rental.id, MEASURE_S))

    async def _ask(self, word: str, about: str, within_s: float) -> str:
        answers = await self._calls.ask(word, about, within_s=within_s)
        if not answers:
            raise Busy(f"nobody answered about {word}", public=_NOBODY, hint="Try again later.")
        if not answers[0].good:
            raise Busy(f"{word}: {answers[0].words}", public=answers[0].words)
        return answers[0].words


class Work:
    """The worker's side."""

    def __init__(
        self,
        *,
        archives: Archives,
        measure: Measure,
        rental: Callable[[RentalId], Awaitable[Rental | None]],
    ) -> None:
        self._archives = archives
        self._measure = measure
        self._rental = rental

    def answer(self, calls: Calls) -> None:
        calls.answer(DELETE, self._delete)
        calls.answer(MEASURE, self._size)

    async def _delete(self, about: str) -> str:
        await self._archives.delete(ArchiveId(about))
        return ""

    async def _size(self, about: str) -> str:
        rental = await self._rental(RentalId(about))
        if rental is None:
            raise NotFound(f"no rental {about}")
        return str(await self._measure(rental))
