"""How many machines a person and a team may have at a time: the team's values, else the house's.

The policy's keys are `member_machines` and `team_machines`, whole numbers; 0 is no limit.
"""

from __future__ import annotations

import json
import logging

from bot.domain.limits import Limits
from bot.ports.books import Allowance, Policies

log = logging.getLogger(__name__)


async def allowance(store: Policies, limits: Limits) -> Allowance:
    values = await store.policy()
    return Allowance(
        member=_count("member_machines", values.get("member_machines"), limits.member_machines),
        team=_count("team_machines", values.get("team_machines"), limits.team_machines),
    )


def _count(key: str, text: str | None, usual: int) -> int:
    if text is None:
        return usual
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if type(value) is int and value >= 0:
        return value
    log.warning("the policy's %s cannot be used", key)
    return usual
