"""How patient the idle verdict is: production's values, and the bounds a team may set them in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.errors import BadInput

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Times of a team, preset or member. Raises BadInput outside the bounds.

    `bounds=False` is for demonstrations and tests, whose times are short.
    """

    idle: timedelta = HOUR  # without strong evidence until the owner is asked
    idle_waiting: timedelta = 90 * MINUTE  # the same while something weak is there
    answer: timedelta = HOUR  # from the question until the unattended end
    grace: timedelta = HOUR  # after the machine became ready
    results: timedelta = 8 * HOUR  # a cell's results in memory wait this long for a person
    lease: timedelta = 24 * HOUR  # of work without a person until the owner is asked
    thin_lease: timedelta = 8 * HOUR  # the same where only the processor works
    unattended: bool = True  # whether an unanswered question may end the machine
    bounds: bool = True

    remind: timedelta = 4 * HOUR  # after a question that will not end the machine by itself
    leads: timedelta = 6 * HOUR  # then the leads are asked
    leads_again: timedelta = 24 * HOUR
    blind_owner: timedelta = 30 * MINUTE  # of not seeing the machine
    blind_leads: timedelta = 6 * HOUR
    calm: timedelta = 10 * MINUTE  # nothing weak for so long before an unattended end
    gap: timedelta = 5 * MINUTE  # between looks; a longer one was downtime of ours

    def __post_init__(self) -> None:
        if not self.bounds:
            return
        for name, (least, most) in BOUNDS.items():
            value: timedelta = getattr(self, name)
            if not least <= value <= most:
                raise BadInput(
                    f"{name} is {value}",
                    public=f"{NAMES[name]} must be between {_said(least)} and {_said(most)}.",
                )


BOUNDS: dict[str, tuple[timedelta, timedelta]] = {
    "idle": (30 * MINUTE, 240 * MINUTE),
    "answer": (30 * MINUTE, 24 * HOUR),
    "results": (HOUR, 48 * HOUR),
    "lease": (4 * HOUR, 7 * 24 * HOUR),
    "thin_lease": (2 * HOUR, 7 * 24 * HOUR),
}
"""What a team may change, and how far; the rest is the same for everybody."""

NAMES = {
    "idle": "The idle time",
    "answer": "The time to answer",
    "results": "The time results in memory are kept",
    "lease": "The lease",
    "thin_lease": "The lease of work without the GPU",
}


def _said(span: timedelta) -> str:
    minutes = span // MINUTE
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
