"""A server's first use: who was greeted there, the three choices, and what is proposed for each.

What was chosen is kept where it always is: the leads' role and the channel in the team's policy,
the month's limit among the budgets. Only that is kept here which those do not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.money import Usd

LIMIT = Usd.of(100)
"""Dollars a month for the team, as long as nobody has chosen otherwise."""

LIMITS = tuple(Usd.of(dollars) for dollars in (25, 50, 100, 250, 500, 1000))

MOST = 24
"""Choices of a menu of Discord's, which has 25, beside the one to choose none."""

_LEADING = ("bellhop", "lead", "admin", "owner", "teacher", "instructor", "staff", "mod", "manage")
_FITTING = ("bellhop", "gpu", "machine", "compute", "notebook", "jupyter", "bot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What is known of the greeting of one server."""

    guild_id: int
    joined_at: datetime  # the bot, for the last time
    next_at: datetime
    tries: int = 0
    person_id: int | None = None  # to whom it goes
    greeted_at: datetime | None = None  # or given up
    unlimited: bool = False  # chosen: no limit a month
    settled_at: datetime | None = None  # all is chosen, or was before


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The three choices as they stand, and which of them somebody has made."""

    guild_id: int
    leads: int | None = None  # a role; None: whoever may manage the server
    leads_chosen: bool = False
    channel: int | None = None
    channel_chosen: bool = False
    limit: Usd | None = None  # a month, for the whole team
    limit_chosen: bool = False
    settled: bool = False
    named: bool = False  # this server is the one that DISCORD_GUILD_ID names
    elsewhere: bool = False  # it names another one

    @property
    def monthly(self) -> Usd | None:
        """What Done leaves in force; None is no limit."""
        return self.limit if self.limit_chosen else LIMIT


@dataclass(frozen=True, slots=True)
class Named:
    """A role or a channel of a server."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a server has to choose from, the most likely first."""

    name: str
    roles: tuple[Named, ...] = ()
    channels: tuple[Named, ...] = ()  # in which we may write

    def role(self, role_id: int | None) -> Named | None:
        return next((one for one in self.roles if one.id == role_id), None)

    def channel(self, channel_id: int | None) -> Named | None:
        return next((one for one in self.channels if one.id == channel_id), None)

    def proposed(self, setup: Setup) -> int | None:
        """The channel that Done leaves in force; None: wherever a machine was rented."""
        if setup.channel_chosen:
            return setup.channel
        return self.channels[0].id if self.channels else None


def server(
    name: str, roles: Sequence[Named], channels: Sequence[Named], *, system: int | None = None
) -> Server:
    """Roles in the order of their rank, channels in that of the server; `system` is where Discord
    itself greets."""
    return Server(
        name=name,
        roles=_likely(roles, _LEADING),
        channels=_likely(sorted(channels, key=lambda one: one.id != system), _FITTING),
    )


def offered(choices: Sequence[Named], chosen: int | None) -> list[Named]:
    """Those that fit into a menu, with the chosen one among them."""
    shown = list(choices[:MOST])
    if chosen is not None and all(one.id != chosen for one in shown):
        shown[-1:] = [one for one in choices if one.id == chosen] or shown[-1:]
    return shown


def joins_again(greeting: Greeting | None) -> bool:
    """Whether a server that we join is to be greeted: not one that has chosen everything."""
    return greeting is None or greeting.settled_at is None


def _likely(found: Sequence[Named], words: Sequence[str]) -> tuple[Named, ...]:
    """Those whose names say it first, in the order of the words; the others as they come."""

    def rank(one: Named) -> int:
        name = one.name.lower()
        return next((at for at, word in enumerate(words) if word in name), len(words))

    return tuple(sorted(found, key=rank))
