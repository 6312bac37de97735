"""The values of the policy about making archives: when unasked, and how much at most."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

from bot.domain.ahead import NIGHT
from bot.domain.archive_costs import BY_LEAD, BY_OWNER
from bot.domain.money import Usd
from bot.domain.policy_key import Group, Key
from bot.domain.policy_kinds import Kind, Off, TimeOfDay
from bot.domain.policy_measures import Dollars, Duration, Size

_SIZE = Size(1_000_000_000, 10_000_000_000_000)
_COST = Dollars(Usd.of("0.10"), Usd.of(1000))
_TIME = Duration(timedelta(minutes=10), timedelta(days=7))


def _key(
    name: str, title: str, about: str, kind: Kind[Any], default: Any, example: str
) -> Key[Any]:
    return Key(
        name=name,
        title=title,
        about=about,
        group=Group.ARCHIVES,
        kind=kind,
        default=default,
        example=example,
    )


NIGHTLY: Key[time | None] = Key(
    name="nightly",
    title="Nightly archives",
    about="Until an hour is set here, quiet hours say when; off: none",
    group=Group.ARCHIVES,
    kind=Off(TimeOfDay()),
    default=NIGHT,
    example="02:00",
)
_ASKS_OWNER = "Above it its owner is asked"
_ASKS_LEADS = "Above it a lead is asked as well"
OWNER_SIZE = _key("save_size", "Archive unasked", _ASKS_OWNER, _SIZE, BY_OWNER.bytes, "50 GB")
OWNER_COST = _key("save_cost", "Its cost, unasked", _ASKS_OWNER, _COST, BY_OWNER.cost, "$2")
OWNER_TIME = _key("save_time", "Its time, unasked", _ASKS_OWNER, _TIME, BY_OWNER.takes, "2h")
LEAD_SIZE = _key("lead_size", "With its owner's yes", _ASKS_LEADS, _SIZE, BY_LEAD.bytes, "200 GB")
LEAD_COST = _key("lead_cost", "Its cost, with that yes", _ASKS_LEADS, _COST, BY_LEAD.cost, "$20")
LEAD_TIME = _key("lead_time", "Its time, with that yes", _ASKS_LEADS, _TIME, BY_LEAD.takes, "24h")

CAPS = (OWNER_SIZE, OWNER_COST, OWNER_TIME, LEAD_SIZE, LEAD_COST, LEAD_TIME)
