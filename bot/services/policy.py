"""What holds: the team's values, those of a preset, those of a member; and changing them.

Every read is of the books as they are, so what the shell or another process has set holds at once.
Which values there are is in `domain/policy_keys.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from bot.domain.access import Actor, demand_setting
from bot.domain.archive_costs import Caps
from bot.domain.idle_policy import BOUNDS, Policy
from bot.domain.images import PRESETS
from bot.domain.limits import Limits
from bot.domain.policy_archives import (
    LEAD_COST,
    LEAD_SIZE,
    LEAD_TIME,
    NIGHTLY,
    OWNER_COST,
    OWNER_SIZE,
    OWNER_TIME,
)
from bot.domain.policy_key import Key
from bot.domain.policy_keys import (
    KEYS,
    LEADS,
    LEADS_CHANNEL,
    NOTICES,
    QUIET,
    UNATTENDED,
    ZONE,
    find,
)
from bot.domain.policy_renting import PHASES, RENTING
from bot.domain.policy_values import Values, wished
from bot.domain.quiet_hours import quiet_hours
from bot.domain.rentals import Rental
from bot.domain.retries import caps_of
from bot.domain.standing import Rules
from bot.domain.zones import zone
from bot.errors import Store
from bot.ports.books import Policies as Book
from bot.ports.books import PolicyChange
from bot.tasks import rest

log = logging.getLogger(__name__)

T = TypeVar("T")

FRESH_S = 2.0
"""How old the answer to “who is a lead” may be; the one thing that is asked without waiting."""


class Policies:
    """`usual` and `limits` are what holds before anybody has set anything."""

    def __init__(
        self, *, store: Book, usual: Policy | None = None, limits: Limits | None = None
    ) -> None:
        self._store = store
        self._usual = usual or Policy()
        self._limits = limits or Limits()
        self._latest = Values({})

    async def values(self) -> Values:
        """Everything that is set, for whoever asks for more than one value or rental."""
        usual = {name: getattr(self._usual, name) for name in (*BOUNDS, "unattended")}
        usual |= {key.name: getattr(self._limits, field) for field, key in RENTING.items()}
        self._latest = Values(await self._store.policy(), usual)
        return self._latest

    @property
    def latest(self) -> Values:
        """Everything that was set at the last read, for who cannot wait; `run` keeps it fresh."""
        return self._latest

    def limits(self, values: Values, *, preset: str = "") -> Limits:
        """How far things may go: what is set, over the limits given."""
        return replace(
            self._limits,
            **{field: values.get(key, preset=preset) for field, key in RENTING.items()},
        )

    def most_patient(self, values: Values) -> Limits:
        """The longest that any rental may take in each phase, whichever its preset: for a machine
        of which nobody knows what it was rented for."""
        every = ("", *(preset.name for preset in PRESETS))
        limits = [self.limits(values, preset=name) for name in every]
        longest = {field: max(getattr(one, field) for one in limits) for field in PHASES}
        return replace(limits[0], **longest)

    async def caps(self, rental: Rental) -> Caps:
        """What may be archived of a rental without asking (again)."""
        values = await self.values()
        return caps_of(
            rental,
            unasked=Caps(
                bytes=values.get(OWNER_SIZE),
                cost=values.get(OWNER_COST),
                takes=values.get(OWNER_TIME),
            ),
            agreed=Caps(
                bytes=values.get(LEAD_SIZE),
                cost=values.get(LEAD_COST),
                takes=values.get(LEAD_TIME),
            ),
        )

    async def value(self, key: Key[T], *, preset: str = "", member_id: int | None = None) -> T:
        """What holds for a member and a preset, or for the team."""
        return (await self.values()).get(key, preset=preset, member_id=member_id)

    async def idle(self, rental: Rental) -> Policy:
        """How patient the idle verdict is with this rental."""
        return (await self.rules(rental)).idle

    async def rules(self, rental: Rental) -> Rules:
        """What holds for one rental."""
        return self.rules_among(await self.values(), rental)

    def rules_among(self, values: Values, rental: Rental) -> Rules:
        """The same, for whoever has read the values already and asks about many."""
        preset, owner = rental.image.name, rental.owner_id
        where = zone(values.get(ZONE, member_id=owner))
        quiet = values.get(QUIET, preset=preset, member_id=owner)
        nightly = values.found(NIGHTLY)
        return Rules(
            idle=self._patience(values, preset, owner),
            zone=where,
            quiet=quiet_hours(quiet, where) if quiet is not None else None,
            notices=values.get(NOTICES, member_id=owner),
            leads_channel_id=values.get(LEADS_CHANNEL),
            nightly=nightly.value is not None,
            night=nightly.value if nightly.scope is not None else None,
        )

    @property
    def lead_role(self) -> int | None:
        """The role of the leads as of the last read; `run` sees to it that there is a fresh one."""
        return self._latest.get(LEADS)

    async def run(self) -> None:
        """Keep `lead_role` fresh; for ever. While the books are away, the last one holds."""
        while True:
            try:
                await self.values()
            except Store as error:
                log.warning("the policy could not be read: %s", error)
            await rest(FRESH_S)

    async def change(self, actor: Actor | None, wishes: Mapping[str, str]) -> list[PolicyChange]:
        """Set values by address as people write them, all or none; an empty text takes one away.

        `actor` is None at the shell. Returns what is different now. Raises BadInput, which names
        each wrong one, and NotYours.
        """
        written = wished(wishes)
        if actor is not None:
            for address in written:
                at = find(address)
                demand_setting(actor, own=at.key.own, member_id=at.member_id)
        changes = await self._store.change_policy(written, by=actor.id if actor else None)
        for change in changes:
            who = actor.name if actor else "somebody at the shell"
            log.info("%s changed the policy: %s is %s now", who, change.key, change.after)
        await self.values()
        return changes

    async def changes(self, *, limit: int = 10) -> list[PolicyChange]:
        """The last changes, newest first."""
        return await self._store.policy_changes(limit=limit)

    def _patience(self, values: Values, preset: str, owner: int) -> Policy:
        policy = self._usual
        for name in BOUNDS:
            found = values.found(KEYS[name], preset=preset, member_id=owner)
            if found.scope is not None:
                policy = _patient(policy, name, found.value)
        unattended = values.get(UNATTENDED, preset=preset, member_id=owner)
        return replace(policy, unattended=unattended)


def _patient(policy: Policy, name: str, span: timedelta) -> Policy:
    match name:
        case "idle":
            # What waits is given half as long again, as by default.
            return replace(policy, idle=span, idle_waiting=span * 3 / 2)
        case "answer":
            return replace(policy, answer=span)
        case "results":
            return replace(policy, results=span)
        case "lease":
            return replace(policy, lease=span)
        case _:
            return replace(policy, thin_lease=span)
