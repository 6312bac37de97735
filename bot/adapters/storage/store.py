"""The database as the services see it: all its parts as one store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.adapters.storage.addresses import SqlAddresses
from bot.adapters.storage.archives import SqlArchives
from bot.adapters.storage.boards import SqlBoards
from bot.adapters.storage.budgets import SqlBudgets
from bot.adapters.storage.bulletins import SqlBulletins
from bot.adapters.storage.census import SqlCensus
from bot.adapters.storage.doors import SqlDoors
from bot.adapters.storage.downloads import SqlDownloads
from bot.adapters.storage.idle import SqlSamples
from bot.adapters.storage.ledger import SqlLedger
from bot.adapters.storage.letters import SqlLetters
from bot.adapters.storage.lookouts import SqlLookouts
from bot.adapters.storage.outbox import SqlOutbox
from bot.adapters.storage.policy import SqlPolicies
from bot.adapters.storage.processes import SqlHouseKeys, SqlProcesses
from bot.adapters.storage.quotes import SqlQuotes
from bot.adapters.storage.recordings import SqlRecordings
from bot.adapters.storage.rentals import SqlRentals
from bot.adapters.storage.reports import SqlReports
from bot.adapters.storage.shares import SqlShares
from bot.adapters.storage.sightings import SqlInteractions, SqlSightings
from bot.adapters.storage.spending import SqlSpending
from bot.adapters.storage.ssh_keys import SqlKeys
from bot.adapters.storage.starts import SqlStarts
from bot.adapters.storage.tabs import SqlTabs
from bot.adapters.storage.tries import SqlGrudges
from bot.adapters.storage.unit import Database
from bot.adapters.storage.ways import SqlWays
from bot.adapters.storage.welcome import SqlGreetings
from bot.ports.books import Store
from bot.ports.clock import Clock


class SqlStore(
    SqlQuotes,
    SqlRentals,
    SqlLedger,
    SqlTabs,
    SqlBudgets,
    SqlSpending,
    SqlOutbox,
    SqlDoors,
    SqlAddresses,
    SqlDownloads,
    SqlSamples,
    SqlLetters,
    SqlPolicies,
    SqlArchives,
    SqlBulletins,
    SqlBoards,
    SqlSightings,
    SqlInteractions,
    SqlGrudges,
    SqlLookouts,
    SqlRecordings,
    SqlCensus,
    SqlReports,
    SqlShares,
    SqlKeys,
    SqlProcesses,
    SqlHouseKeys,
    SqlWays,
    SqlStarts,
    SqlGreetings,
):
    """`ports.Store` on SQLite or PostgreSQL. Every method is one transaction and raises Store."""


@asynccontextmanager
async def open_store(url: str, *, clock: Clock) -> AsyncIterator[Store]:
    """The store at a database address, closed at the end. Raises Config for a bad address.

    The database must have been migrated (`migrate.py`); nothing connects before the first use.
    """
    database = Database(url)
    try:
        yield SqlStore(database=database, clock=clock)
    finally:
        await database.aclose()
