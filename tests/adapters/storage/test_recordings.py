"""Recorded runs as kept: written over as they grow, taken away when they are safe, in order."""

from __future__ import annotations

from dataclasses import replace

from bot.ports.books import Store
from bot.ports.recordings import Recording
from tests.builders import begun


async def test_recordings_are_written_over_and_come_back_in_their_order(store: Store) -> None:
    """One row for each run; the number it got first stays."""
    rental = await begun(store)
    second = Recording(key="a", rental_id=rental.id, number=2, state="{}")
    first = Recording(key="b", rental_id=rental.id, number=1, state='{"text": "\\u0000"}')
    await store.keep_recordings([second, first])
    grown = replace(first, state='{"text": "more"}')
    await store.keep_recordings([replace(grown, number=7)])

    assert await store.recordings() == [grown, second]


async def test_what_is_gone_is_taken_away_and_nothing_else(store: Store) -> None:
    """However many at once, and also what was never there."""
    rental = await begun(store)
    rows = [
        Recording(key=str(number), rental_id=rental.id, number=number, state="{}")
        for number in range(1200)
    ]
    await store.keep_recordings(rows)
    await store.keep_recordings([], gone=[*(row.key for row in rows[1:]), "other"])

    assert await store.recordings() == rows[:1]
