"""The register of the team's policy: every value that can be set, on one line each.

To add a value, add a `Key` below (renting, archives, reports have modules of their own) and read it
where it is needed with `await policies.value(KEY, preset=…, member_id=…)`; the shell, `/settings`,
the audit trail and `bellhop check` know it by being here.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.domain.archives import KEEP_NEWEST, KEEP_OLDER
from bot.domain.budgets import AtLimit
from bot.domain.credit import AtDry, Order
from bot.domain.idle_policy import BOUNDS, Policy
from bot.domain.images import PRESETS
from bot.domain.money import Usd
from bot.domain.policy_archives import CAPS, NIGHTLY
from bot.domain.policy_key import ANYWHERE, MEMBER, Group, Key, Scope
from bot.domain.policy_kinds import (
    Channel,
    Choice,
    Flag,
    Hours,
    Images,
    Off,
    Role,
    Zone,
)
from bot.domain.policy_measures import Count, Dollars, Duration
from bot.domain.policy_renting import RENTING
from bot.domain.policy_reports import REPORTS, REPORTS_CHANNEL
from bot.domain.retention import BOUNDS as KEPT
from bot.errors import BadInput

_PATIENT = Policy()


def _span(name: str, title: str, about: str, example: str, **more: Any) -> Key[timedelta]:
    """A time of the idle policy, with its default and bounds."""
    return Key(
        name=name,
        title=title,
        about=about,
        group=Group.IDLE,
        kind=Duration(*BOUNDS[name]),
        default=getattr(_PATIENT, name),
        example=example,
        where=ANYWHERE,
        **more,
    )


IDLE = _span("idle", "Idle time", "Unused for so long, the owner is asked", "45m", own=True)
ANSWER = _span("answer", "Time to answer", "From the question to the archive and the end", "1h30")
RESULTS = _span("results", "Results in memory", "They wait so long for a person", "8h")
LEASE = _span(
    "lease", "Work without a person", "After so long the owner is asked, busy or not", "24h"
)
THIN_LEASE = _span(
    "thin_lease", "The same on the processor", "Work that leaves the GPU alone", "8h"
)
UNATTENDED = Key(
    name="unattended",
    title="End without an answer",
    about="Whether an unanswered question archives and destroys",
    group=Group.IDLE,
    kind=Flag(),
    default=_PATIENT.unattended,
    example="yes",
    where=ANYWHERE,
)
QUIET: Key[str | None] = Key(
    name="quiet",
    title="Quiet hours",
    about="Nobody is asked then, and nothing ends unanswered",
    group=Group.IDLE,
    kind=Off(Hours()),
    default=None,
    example="22:00-08:00",
    where=ANYWHERE,
    own=True,
)
IMAGES: Key[tuple[str, ...] | None] = Key(
    name="images",
    title="Images",
    about="What may run on a machine, the first by default; or any",
    group=Group.LIMITS,
    kind=Off(Images(), "any"),
    default=None,
    example="pytorch, fastai",
)
MEMBER_MACHINES: Key[int | None] = Key(
    name="member_machines",
    title="Machines of one person",
    about="How many a person may have at a time",
    group=Group.LIMITS,
    kind=Off(Count(1, 1000)),
    default=None,
    example="2",
    where=MEMBER,
)
TEAM_MACHINES: Key[int | None] = Key(
    name="team_machines",
    title="Machines of the team",
    about="How many all together may have at a time",
    group=Group.LIMITS,
    kind=Off(Count(1, 1000)),
    default=None,
    example="8",
)
ARCHIVE_DAYS = Key(
    name="archive_days",
    title="Keep the newest archive",
    about="How long a machine's newest archive is kept after it ended",
    group=Group.ARCHIVES,
    kind=Duration(*KEPT),
    default=KEEP_NEWEST,
    example="90d",
)
ARCHIVE_OLDER_DAYS = Key(
    name="archive_older_days",
    title="Keep older archives",
    about="How long those before the newest are kept",
    group=Group.ARCHIVES,
    kind=Duration(*KEPT),
    default=KEEP_OLDER,
    example="30d",
)
OVER_BUDGET = Key(
    name="over_budget",
    title="A used up budget",
    about="What happens then; the end comes after a warning and a proven archive",
    group=Group.MONEY,
    kind=Choice(
        {
            AtLimit.REFUSE.value: "Nothing new is rented",
            AtLimit.ASK.value: "Nothing new without a lead's yes",
            AtLimit.END.value: "What runs is archived and ended too",
        }
    ),
    default=AtLimit.ASK.value,
    example=AtLimit.REFUSE.value,
)
BILL_DIFFERENCE = Key(
    name="bill_difference",
    title="Differences in the bill",
    about="From so much on the leads are told what Vast charged otherwise than reckoned",
    group=Group.MONEY,
    kind=Dollars(Usd.of("0.01"), Usd.of(1000)),
    default=Usd.of("0.50"),
    example="2",
)
CREDIT_ENDS = Key(
    name="credit_ends",
    title="When the credit runs out",
    about="What is done before Vast stops everything; nothing ends without a proven archive",
    group=Group.MONEY,
    kind=Choice(
        {
            AtDry.WARN.value: "Only warnings: Vast bills us afterwards",
            AtDry.SAVE.value: "Everything is archived, nothing ends",
            AtDry.IDLE.value: "Archived, and what nobody uses is ended",
            AtDry.ALL.value: "Archived, and ended until the rest lasts",
        }
    ),
    default=AtDry.IDLE.value,
    example=AtDry.SAVE.value,
)
CREDIT_ORDER = Key(
    name="credit_order",
    title="In which order",
    about="Whose work is archived first, and whose machine ends first",
    group=Group.MONEY,
    kind=Choice(
        {
            Order.IDLE.value: "What nobody uses, then the dearest",
            Order.DEAREST.value: "The dearest first",
            Order.CHEAPEST.value: "The cheapest first",
            Order.OLDEST.value: "The oldest first",
        }
    ),
    default=Order.IDLE.value,
    example=Order.DEAREST.value,
)
ZONE = Key(
    name="zone",
    title="Time zone",
    about="For “tomorrow” and quiet hours",
    group=Group.PEOPLE,
    kind=Zone(),
    default="UTC",
    example="Europe/Berlin",
    where=MEMBER,
    own=True,
)
NOTICES = Key(
    name="notices",
    title="Messages",
    about="Where messages about one's machines arrive",
    group=Group.PEOPLE,
    kind=Choice(
        {
            "dm": "As direct messages",
            "channel": "In the machine's channel",
            "none": "Only questions, warnings and what one asked for, directly",
        }
    ),
    default="dm",
    example="channel",
    where=MEMBER,
    own=True,
)
LEADS: Key[int | None] = Key(
    name="leads",
    title="Leads",
    about="A role whose members are leads; none: whoever has Manage Server",
    group=Group.PEOPLE,
    kind=Off(Role(), "none"),
    default=None,
    example="1098765432109876543",
)
LEADS_CHANNEL: Key[int | None] = Key(
    name="leads_channel",
    title="Leads' channel",
    about="Where messages for the leads go; none: the machine's channel",
    group=Group.PEOPLE,
    kind=Off(Channel(), "none"),
    default=None,
    example="1098765432109876600",
)

_ALL: tuple[Key[Any], ...] = (
    *(IDLE, ANSWER, UNATTENDED, RESULTS, LEASE, THIN_LEASE, QUIET),
    *(IMAGES, MEMBER_MACHINES, TEAM_MACHINES),
    *(OVER_BUDGET, BILL_DIFFERENCE, CREDIT_ENDS, CREDIT_ORDER, *REPORTS),
    *(ZONE, NOTICES, LEADS, LEADS_CHANNEL, REPORTS_CHANNEL),
    *RENTING.values(),
    *(NIGHTLY, *CAPS, ARCHIVE_DAYS, ARCHIVE_OLDER_DAYS),
)

KEYS: dict[str, Key[Any]] = {key.name: key for key in _ALL}
"""All of them, in the order of the menus and of the shell's list."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A value at one place: the team's, that of a preset, or that of a member."""

    key: Key[Any] = field(hash=False, compare=False)
    name: str = ""
    preset: str = ""
    member_id: int | None = None

    @property
    def address(self) -> str:
        """As it is kept and typed: `idle`, `preset/pytorch/idle`, `member/123/idle`."""
        if self.preset:
            return f"preset/{self.preset}/{self.key.name}"
        if self.member_id is not None:
            return f"member/{self.member_id}/{self.key.name}"
        return self.key.name


def spot(key: Key[Any], *, preset: str = "", member_id: int | None = None) -> Spot:
    return Spot(key, key.name, preset, member_id)


def find(address: str) -> Spot:
    """The spot of an address. Raises BadInput for one that there is not."""
    kind, _, rest = address.strip().partition("/")
    subject, _, name = rest.rpartition("/") if rest else ("", "", kind)
    key = KEYS.get(name)
    if key is None:
        near = difflib.get_close_matches(name, KEYS, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(KEYS)}."
        raise BadInput(
            f"no policy key {address[:80]!r}", public=f"{address[:80]} is not known. {hint}"
        )
    if not rest:
        found, scope = spot(key), Scope.TEAM
    elif kind == "preset" and subject in [one.name for one in PRESETS]:
        found, scope = spot(key, preset=subject), Scope.PRESET
    elif kind == "member" and re.fullmatch(r"\d{1,20}", subject):
        found, scope = spot(key, member_id=int(subject)), Scope.MEMBER
    else:
        names = ", ".join(one.name for one in PRESETS)
        raise BadInput(
            f"no place {address[:80]!r}",
            public=f"{address[:80]} is not known. Write {name}, preset/NAME/{name} with one of "
            f"{names}, or member/ID/{name} with the number of a member.",
        )
    if scope not in key.where:
        raise BadInput(
            f"{name} at a {scope}",
            public=f"{address[:80]}: {name} is not set by {scope}, e.g. {name}={key.example}.",
        )
    return found
