"""The rows of archives: one run a rental, committed only with a proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.adapters.storage.store import open_store
from bot.adapters.storage.tables import archives
from bot.domain.archives import Archive, ArchiveId, ArchiveState
from bot.domain.rentals import Rental
from bot.errors import Stale, Store
from tests.builders import NOW, SetClock, a_quote, a_rental
from tests.domain.test_archives import an_archive

RUNNING = an_archive("run", state=ArchiveState.RUNNING, proven_at=None, manifest="")


async def rented(store: Store) -> Rental:
    quote = a_quote()
    await store.add_quote(quote)
    return await store.begin(a_rental(quote), quote_id=quote.id)


async def test_a_row_comes_back_as_it_was(database_url: str) -> None:
    async with open_store(database_url, clock=SetClock()) as store:
        rental = await rented(store)
        full = replace(
            RUNNING, rental_id=rental.id, name="«ü»", parent=ArchiveId("before"), entries=5_000,
            bytes=2**40, sent=2**41, loses_work=True, error="kept changing: a",
            touched_at=NOW + timedelta(microseconds=7),
        )  # fmt: skip

        assert await store.begin_archive(full) == full

        assert await store.archive(full.id) == full
        assert await store.archives(rental_id=rental.id) == [full]
        assert await store.archives(guild_id=full.guild_id, owner_id=full.owner_id) == [full]
        assert await store.archives(owner_id=99) == []


async def test_a_rental_has_one_run_at_a_time(database_url: str) -> None:
    """Who asks again gets the one that is open."""
    async with open_store(database_url, clock=SetClock()) as store:
        rental = await rented(store)
        first = await store.begin_archive(replace(RUNNING, rental_id=rental.id))

        again = await store.begin_archive(
            replace(RUNNING, id=ArchiveId("other"), rental_id=rental.id)
        )

        assert again == first
        await store.keep_archive(replace(first, state=ArchiveState.FAILED))
        second = replace(RUNNING, id=ArchiveId("other"), rental_id=rental.id)
        assert await store.begin_archive(second) == second


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        (ArchiveState.RUNNING, ArchiveState.RUNNING, True),
        (ArchiveState.RUNNING, ArchiveState.COMMITTED, True),
        (ArchiveState.RUNNING, ArchiveState.FAILED, True),
        (ArchiveState.RUNNING, ArchiveState.DELETED, False),
        (ArchiveState.COMMITTED, ArchiveState.RUNNING, False),
        (ArchiveState.COMMITTED, ArchiveState.FAILED, False),
        (ArchiveState.COMMITTED, ArchiveState.DELETED, True),
        (ArchiveState.FAILED, ArchiveState.COMMITTED, False),
        (ArchiveState.DELETED, ArchiveState.COMMITTED, False),
        (ArchiveState.DELETED, ArchiveState.DELETED, True),
    ],
)
async def test_states_follow_their_order(
    database_url: str, before: ArchiveState, after: ArchiveState, may: bool
) -> None:
    """What was deleted or given up never counts as an archive again."""
    async with open_store(database_url, clock=SetClock()) as store:
        rental = await rented(store)
        row = replace(an_archive("a"), rental_id=rental.id, state=ArchiveState.RUNNING)
        await store.begin_archive(row)
        steps = {
            ArchiveState.RUNNING: [],
            ArchiveState.COMMITTED: [ArchiveState.COMMITTED],
            ArchiveState.FAILED: [ArchiveState.FAILED],
            ArchiveState.DELETED: [ArchiveState.COMMITTED, ArchiveState.DELETED],
        }[before]
        for step in steps:
            await store.keep_archive(replace(row, state=step))

        if may:
            await store.keep_archive(replace(row, state=after))
        else:
            with pytest.raises(Stale):
                await store.keep_archive(replace(row, state=after))

        told = await store.archive(row.id)
        assert told is not None
        assert told.state is (after if may else before)


@pytest.mark.parametrize("lacking", [{"proven_at": None}, {"manifest": ""}])
async def test_nothing_is_committed_without_a_proof(
    database_url: str, lacking: dict[str, object]
) -> None:
    """The database refuses it as well."""
    async with open_store(database_url, clock=SetClock()) as store:
        rental = await rented(store)
        row: Archive = replace(RUNNING, rental_id=rental.id)
        await store.begin_archive(row)
        proven = replace(an_archive("run"), rental_id=rental.id)

        with pytest.raises(Store):
            await store.keep_archive(replace(proven, **lacking))

        async with store._database.reading() as connection:
            states = (await connection.execute(select(archives.c.state))).scalars().all()
        assert list(states) == ["running"]


async def test_an_archive_needs_its_rental(database_url: str) -> None:
    async with open_store(database_url, clock=SetClock()) as store:
        with pytest.raises(Store):
            await store.begin_archive(RUNNING)
