"""What is going to happen in the simulated market, by time. Nothing here looks at a clock."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.sandbox.contracts import Contract

_LASTING = -1

Step = Callable[[Contract, datetime], None]


class Agenda:
    """Steps of contracts, each void when its contract's plan has changed since."""

    def __init__(self) -> None:
        self._order = itertools.count()
        self._heap: list[tuple[datetime, int, int, Contract, Step]] = []

    def plan(
        self, contract: Contract, at: datetime, in_s: float, step: Step, *, lasting: bool = False
    ) -> None:
        """Do something `in_s` seconds after `at`; a lasting step outlives a change of plan."""
        due = at + timedelta(seconds=in_s)
        era = _LASTING if lasting else contract.era
        heapq.heappush(self._heap, (due, next(self._order), era, contract, step))

    def due(self) -> datetime | None:
        """When the next step is, void ones dropped."""
        while self._heap and _void(self._heap[0][2], self._heap[0][3]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run_next(self) -> None:
        due, _, _, contract, step = heapq.heappop(self._heap)
        step(contract, due)


def _void(era: int, contract: Contract) -> bool:
    return not contract.alive if era == _LASTING else era != contract.era
