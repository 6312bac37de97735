"""The values of the policy about the team's reports: whether, when, where."""

from __future__ import annotations

from datetime import time

from bot.domain.policy_key import Group, Key
from bot.domain.policy_kinds import Channel, Off, TimeOfDay

DIGEST: Key[time | None] = Key(
    name="digest",
    title="Daily digest",
    about="When the team reads who runs what and what yesterday cost; off: never",
    group=Group.MONEY,
    kind=Off(TimeOfDay()),
    default=time(9),
    example="08:30",
)
WEEKLY: Key[time | None] = Key(
    name="weekly",
    title="Weekly report",
    about="When, each Monday, the team reads what the week cost; off: never",
    group=Group.MONEY,
    kind=Off(TimeOfDay()),
    default=time(9),
    example="10:00",
)
REPORTS_CHANNEL: Key[int | None] = Key(
    name="reports_channel",
    title="Reports' channel",
    about="Where digest and weekly report appear; none: where machines were rented last",
    group=Group.PEOPLE,
    kind=Off(Channel(), "none"),
    default=None,
    example="1098765432109876600",
)

REPORTS = (DIGEST, WEEKLY)
