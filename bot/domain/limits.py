"""How far things may go before they are given up: times, tries, dollars, counts.

Plain fields with the house's usual values; a team's policy fills in others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.money import Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long each phase may take, and how long nothing is concluded from silence."""

    created: timedelta = timedelta(minutes=10)  # from the contract until the host begins
    loading: timedelta = timedelta(minutes=20)  # from the contract until it runs
    ssh: timedelta = timedelta(minutes=5)
    notebook: timedelta = timedelta(minutes=10)
    path: timedelta = timedelta(minutes=3)  # Jupyter runs, until the relay shows its page
    doubt: timedelta = timedelta(seconds=120)  # the longest Vast's list may lag
    missing: timedelta = timedelta(seconds=120)
    destroy_again: timedelta = timedelta(seconds=20)  # and half of the time tried so far, up to
    destroy_at_least: timedelta = timedelta(minutes=5)
    attempts: int = 10  # renting calls of one rental, those for offers that were gone included
    tries: int = 3  # machines of one rental that may fail
    tries_cost: Usd = field(default_factory=lambda: Usd.of("1.00"))  # what these may cost in all
    answer: timedelta = timedelta(minutes=30)  # how long a dearer offer waits for a yes
    grudge: timedelta = timedelta(days=7)  # how long a host that failed is remembered
    proof: timedelta = timedelta(minutes=5)  # how long a proven archive counts as the last word
    restore: timedelta = timedelta(hours=6)  # while it keeps failing
    last_look: timedelta = timedelta(seconds=30)  # how long one counts before a moved one's end
    frozen: timedelta = timedelta(hours=1)  # how long a move may keep the old notebook closed
    save_again: timedelta = timedelta(minutes=10)  # a failed one of a move that cannot go back
    member_machines: int = 0  # open rentals of one person; 0 is no limit
    team_machines: int = 0  # open rentals of the whole server; 0 is no limit
