"""The values of the policy that say how patient a rental is with the market and its hosts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.domain.limits import Limits
from bot.domain.money import Usd
from bot.domain.policy_key import PRESET, TEAM, Group, Key, Scope
from bot.domain.policy_kinds import Kind
from bot.domain.policy_measures import Count, Dollars, Duration

_USUAL = Limits()
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def _key(
    field: str, name: str, title: str, about: str, kind: Kind[Any], example: str, where: Any = TEAM
) -> tuple[str, Key[Any]]:
    key: Key[Any] = Key(
        name=name,
        title=title,
        about=about,
        group=Group.RENTING,
        kind=kind,
        default=getattr(_USUAL, field),
        example=example,
        where=where,
    )
    return field, key


def _phase(
    field: str, title: str, about: str, example: str, most: timedelta
) -> tuple[str, Key[timedelta]]:
    """How long a phase may take; large images may need more, so presets can have their own."""
    where: frozenset[Scope] = PRESET
    return _key(field, field, title, about, Duration(_MINUTE, most), example, where)


RENTING: dict[str, Key[Any]] = dict(
    (
        _phase("created", "Until the host begins", "From the contract", "10m", 2 * _HOUR),
        _phase("loading", "Until it runs", "From the contract, the image loaded", "20m", 6 * _HOUR),
        _phase("ssh", "Until SSH answers", "From the moment it runs", "5m", _HOUR),
        _phase("notebook", "Until Jupyter runs", "From the moment SSH answers", "10m", 2 * _HOUR),
        _phase("path", "Until its page shows", "Through the relay, Jupyter running", "3m", _HOUR),
        _key(
            "tries",
            "tries",
            "Machines that may fail",
            "Of one rental, before it is given up",
            Count(1, 10),
            "3",
        ),
        _key(
            "tries_cost",
            "tries_cost",
            "What they may cost",
            "After so much no other is tried",
            Dollars(Usd.of("0.05"), Usd.of(100)),
            "$1",
        ),
        _key(
            "answer",
            "dearer_answer",
            "A dearer machine waits",
            "So long for a yes to its price",
            Duration(_MINUTE, _DAY),
            "30m",
        ),
        _key(
            "grudge",
            "grudge",
            "Failed hosts are remembered",
            "So long they come last",
            Duration(_HOUR, 90 * _DAY),
            "7d",
        ),
    )
)
"""By the fields of `Limits` which they fill."""

PHASES = ("created", "loading", "ssh", "notebook", "path")
"""Those that a preset may have for itself."""

GRUDGE: Key[timedelta] = RENTING["grudge"]
