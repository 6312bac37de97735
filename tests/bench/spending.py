"""`/spend` for a team with 100,000 entries in its books, beside the same sums in plain SQL.

The answer's figures, from the question to the finished card; then its picture, as people get it: in
a process that has drawn before. Beside them: one statement for each of the three sums on the same
file, through the driver alone.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bot.adapters.charts.bars import BarCharts
from bot.adapters.storage.migrate import migrate
from bot.adapters.storage.store import SqlStore, open_store
from bot.domain.access import Actor
from bot.domain.periods import Period, span_of
from bot.domain.zones import zone
from bot.services.budgets import Budgets
from bot.services.spend import Report, Spend
from bot.tasks import Wake
from cogs.ui import spending
from tests.bench.figures import Figure, median_of
from tests.builders import GUILD, SetClock, begun
from tests.heavy_books import fill

ANSWER_S, PICTURE_S = 3.0, 2.0
_SUMS = (
    "SELECT l.rental_id, l.contract, l.kind, sum(l.amount) {from_} GROUP BY 1, 2, 3",
    "SELECT l.rental_id, sum(l.amount) {from_} GROUP BY 1",
    "SELECT l.period_start, r.owner_id, sum(l.amount) {from_} GROUP BY 1, 2",
)
_FROM = (
    "FROM ledger l JOIN rentals r ON r.id = l.rental_id"
    " WHERE r.guild_id = ? AND l.period_start >= ? AND l.period_start < ?"
)


async def measure(*, rounds: int, quick: bool) -> list[Figure]:
    rentals, entries = (20, 10) if quick else (2_000, 50)
    answers: list[float] = []
    pictures: list[float] = []
    sums: list[float] = []
    async with _books(rentals, entries) as books:
        await books.drawn(await books.answered())  # the first picture loads the library
        for _ in range(rounds):
            began = time.perf_counter()
            report = await books.answered()
            answers.append(time.perf_counter() - began)
            pictures.append(await _timed(lambda given=report: books.drawn(given)))
            sums.append(books.plainly())
    beside = "the same sums in plain SQL"
    count = f"{rentals * entries:,} entries"
    return [
        median_of(f"/spend of a team, {count}", answers, beside=beside, others=sums, goal=ANSWER_S),
        median_of("its picture", pictures, beside=beside, others=sums, goal=PICTURE_S),
    ]


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True, kw_only=True)
class _Books:
    spend: Spend
    clock: SetClock
    path: Path

    async def answered(self) -> Report:
        """The year of the whole team, as a card."""
        lead = Actor(id=9, guild_id=GUILD, name="lea", lead=True)
        report = await self.spend.report(lead, team=True, period=Period.YEAR)
        assert spending.card(report, whose="the team").to_components()
        return report

    async def drawn(self, report: Report) -> None:
        assert report.picture is not None
        await self.spend.draw(report.picture)

    def plainly(self) -> float:
        span = span_of(Period.YEAR, self.clock.now(), zone("UTC"))
        form = "%Y-%m-%d %H:%M:%S.%f"
        where = (GUILD, span.start.strftime(form), span.end.strftime(form))
        began = time.perf_counter()
        with closing(sqlite3.connect(self.path)) as connection:
            for text in _SUMS:
                rows = connection.execute(text.format(from_=_FROM), where).fetchall()
                assert rows
        return time.perf_counter() - began


@asynccontextmanager
async def _books(rentals: int, entries: int) -> AsyncIterator[_Books]:
    clock = SetClock()
    with tempfile.TemporaryDirectory(prefix="bellhop-") as folder:
        path = Path(folder, "bellhop.db")
        url = f"sqlite+aiosqlite:///{path}"
        await migrate(url)
        async with open_store(url, clock=clock) as store:
            await fill(cast(SqlStore, store), await begun(store), rentals=rentals, entries=entries)
            budgets = Budgets(store=store, clock=clock, wake=Wake(), news=Wake())
            yield _Books(
                spend=Spend(store=store, budgets=budgets, charts=BarCharts(), clock=clock),
                clock=clock,
                path=path,
            )
