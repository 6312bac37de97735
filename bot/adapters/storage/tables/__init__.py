"""The tables, as the code sees them; `alembic/versions` is how a database gets them.

Values that are searched for, or that an audit asks for, are columns; what is only read back whole
(an offer, a wish) is JSON text, written by `wire.py`. Nothing is deleted with its parent: the
books, the events and the notices of a rental outlive every mistake.
"""

from __future__ import annotations

from bot.adapters.storage.tables.archives import archives
from bot.adapters.storage.tables.boards import boards
from bot.adapters.storage.tables.entry import downloads, sessions, shares, ssh_keys, tickets
from bot.adapters.storage.tables.messages import bulletins, interactions, letters, notices
from bot.adapters.storage.tables.metadata import metadata
from bot.adapters.storage.tables.money import (
    bills,
    budget_marks,
    budgets,
    grants,
    ledger,
    purses,
    rental_roles,
    tabs,
)
from bot.adapters.storage.tables.policies import policy, policy_changes
from bot.adapters.storage.tables.processes import house_keys, processes, routes, traffic
from bot.adapters.storage.tables.rentals import addresses, events, grudges, quotes, rentals, tries
from bot.adapters.storage.tables.reports import reports
from bot.adapters.storage.tables.watching import idle, recordings, samples, sightings
from bot.adapters.storage.tables.welcome import greetings
from bot.adapters.storage.tables.wishes import lookouts

__all__ = [
    "addresses",
    "archives",
    "bills",
    "boards",
    "budget_marks",
    "budgets",
    "bulletins",
    "downloads",
    "events",
    "grants",
    "greetings",
    "grudges",
    "house_keys",
    "idle",
    "interactions",
    "ledger",
    "letters",
    "lookouts",
    "metadata",
    "notices",
    "policy",
    "policy_changes",
    "processes",
    "purses",
    "quotes",
    "recordings",
    "rental_roles",
    "rentals",
    "reports",
    "routes",
    "samples",
    "sessions",
    "shares",
    "sightings",
    "ssh_keys",
    "tabs",
    "tickets",
    "traffic",
    "tries",
]
