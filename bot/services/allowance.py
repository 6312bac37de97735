"""How many machines a person and a team may have at a time: the team's values, else the house's."""

from __future__ import annotations

from bot.domain.limits import Limits
from bot.domain.policy_keys import MEMBER_MACHINES, TEAM_MACHINES
from bot.ports.books import Allowance
from bot.ports.books import Policies as Book
from bot.services.policy import Policies


async def allowance(store: Book, limits: Limits, member_id: int) -> Allowance:
    """What holds for that member; 0 is no limit."""
    values = await Policies(store=store).values()
    own = values.get(MEMBER_MACHINES, member_id=member_id)
    team = values.get(TEAM_MACHINES)
    return Allowance(
        member=own if own is not None else limits.member_machines,
        team=team if team is not None else limits.team_machines,
    )
