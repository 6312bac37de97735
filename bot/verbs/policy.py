"""`bellhop policy`: the team's policy from the shell, as lines of text.

It reads and writes the books beside a running service, which sees every change at its next look.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from bot.adapters.storage.migrate import demand_newest
from bot.adapters.storage.store import open_store
from bot.app.parts import SystemClock
from bot.config import Settings
from bot.domain.policy_keys import KEYS
from bot.domain.policy_values import Values, shown
from bot.errors import BadInput, Config
from bot.ports.books import PolicyChange
from bot.services.policy import Policies

_MOST_CHANGES = 50


async def show(settings: Settings) -> list[str]:
    """Every value of the team, then those of presets and members, then what cannot be used."""
    async with _policies(settings) as policies:
        values = await policies.values()
    return [*_team(values), *_others(values), *_faults(values)]


async def changes(settings: Settings) -> list[str]:
    """Who changed what, when, from what to what; the newest first."""
    async with _policies(settings) as policies:
        found = await policies.changes(limit=_MOST_CHANGES)
    return [_change(one) for one in found] or ["Nothing was changed yet."]


async def set_values(settings: Settings, wishes: Sequence[str]) -> list[str]:
    """Set KEY=VALUE, all or none. Raises Config, which names the key, for a wrong one."""
    parted = _parted(wishes)
    async with _policies(settings) as policies:
        try:
            done = await policies.change(None, parted)
        except BadInput as error:
            raise Config("policy", error.public.replace("\n", " ")) from error
    return [_changed(one) for one in done] or ["Nothing changed: it was so already."]


@asynccontextmanager
async def _policies(settings: Settings) -> AsyncIterator[Policies]:
    """Raises Store, with what to do, unless the database is as this code needs it."""
    await demand_newest(settings.database_url)
    async with open_store(settings.database_url, clock=SystemClock()) as store:
        yield Policies(store=store)


def _parted(wishes: Sequence[str]) -> Mapping[str, str]:
    parted: dict[str, str] = {}
    for wish in wishes:
        address, sign, text = wish.partition("=")
        if not sign:
            raise Config("policy", f"write KEY=VALUE, not {wish[:80]!r}.")
        if address.strip() in parted:
            raise Config("policy", f"{address.strip()} is there twice.")
        parted[address.strip()] = text
    return parted


def _team(values: Values) -> list[str]:
    rows = []
    for key in KEYS.values():
        found = values.found(key)
        origin = "default" if found.scope is None else found.scope.value
        rows.append((f"{key.name}={key.kind.show(found.value)}", origin, key.about))
    wide = max(len(row[0]) for row in rows)
    return [f"{value:<{wide}}  {origin:<7}  {about}" for value, origin, about in rows]


def _others(values: Values) -> list[str]:
    """Values of presets and members."""
    return [
        f"{address}={shown(address, text)}"
        for address, text in sorted(values.texts.items())
        if "/" in address
    ]


def _faults(values: Values) -> list[str]:
    return [f"Passed over: {fault}" for fault in values.faults()]


def _change(change: PolicyChange) -> str:
    who = "shell" if change.by is None else f"member {change.by}"
    return f"{change.at:%Y-%m-%d %H:%M:%S} UTC  {who}  {_changed(change)}"


def _changed(change: PolicyChange) -> str:
    before, after = shown(change.key, change.before), shown(change.key, change.after)
    return f"{change.key}: {before} -> {after}"
