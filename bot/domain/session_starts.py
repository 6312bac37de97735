"""How sparing we must be with sessions: Discord lets a bot begin 1,000 a day.

Whoever begins more has the token reset, and is out until somebody puts a new one in. A session that
is resumed does not count, so a service that runs needs a handful a day; one that is started again
and again by its supervisor needs thousands. The last few are spread over what is left of the day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

SPARE = 50
"""With that many left or fewer, each is waited for."""


@dataclass(frozen=True, slots=True)
class Ration:
    """What Discord says is left, and when there are new ones (`GET /gateway/bot`)."""

    remaining: int
    resets_in: timedelta


def pause(ration: Ration) -> timedelta:
    """How long to wait before the next session is begun."""
    if ration.remaining > SPARE:
        return timedelta()
    return ration.resets_in / max(ration.remaining, 1)
