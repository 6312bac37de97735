"""What somebody may do and how far: for `/help`, and for a first machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.access import Actor
from bot.domain.budgets import Use, subjects
from bot.domain.limits import Limits
from bot.domain.policy_keys import ANSWER, IDLE, UNATTENDED
from bot.domain.policy_values import Values
from bot.ports.books import Store
from bot.services.allowance import allowance
from bot.services.budgets import Budgets
from bot.services.policy import Policies


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an unused machine of somebody's is left alone."""

    idle: timedelta  # then its owner is asked
    answer: timedelta  # so long for an answer
    unattended: bool  # without one it is archived and ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far somebody may go, and how far they have gone. 0 machines allowed is no limit."""

    mine: int  # open machines
    mine_allowed: int
    team: int
    team_allowed: int
    uses: Sequence[Use]  # the budgets that concern them, their own first
    patience: Patience


class Guide:
    def __init__(
        self, *, store: Store, budgets: Budgets, policies: Policies, limits: Limits
    ) -> None:
        self._store = store
        self._budgets = budgets
        self._policies = policies
        self._limits = limits

    async def reach(self, actor: Actor) -> Reach:
        open_ = await self._store.rentals_of(actor.guild_id, None, only_open=True, limit=1000)
        allowed = await allowance(self._store, self._limits, actor.id)
        mine = subjects(actor.id, actor.role_ids)
        uses = await self._store.uses(actor.guild_id, await self._budgets.month(), mine)
        return Reach(
            mine=sum(one.owner_id == actor.id for one in open_),
            mine_allowed=allowed.member,
            team=len(open_),
            team_allowed=allowed.team,
            uses=sorted(uses, key=lambda use: mine.index(use.subject)),
            patience=_patience(await self._policies.values(), actor.id),
        )

    async def first(self, actor: Actor) -> Patience | None:
        """For who has never rented anything here; None for everybody else."""
        if await self._store.rentals_of(actor.guild_id, actor.id, limit=1):
            return None
        return _patience(await self._policies.values(), actor.id)


def _patience(values: Values, member_id: int) -> Patience:
    return Patience(
        idle=values.get(IDLE, member_id=member_id),
        answer=values.get(ANSWER, member_id=member_id),
        unattended=values.get(UNATTENDED, member_id=member_id),
    )
