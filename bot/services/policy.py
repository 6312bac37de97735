"""What holds for a rental: the team's values, those of its preset, those of its owner.

Keys are `idle`, `answer`, `results`, `lease`, `thin_lease` (minutes), `unattended` (true or false),
`zone` (like "Europe/Berlin") and `quiet` (like "22-8"); with `preset/<name>/` or `member/<id>/` in
front they hold for that preset or member, who wins. A value that cannot be used is passed over: a
slip in a setting must not stop the watch.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, timedelta, tzinfo
from zoneinfo import ZoneInfo

from bot.domain.idle_policy import BOUNDS, Policy
from bot.domain.quiet_hours import QuietHours, quiet_hours
from bot.domain.rentals import Rental
from bot.domain.standing import Rules
from bot.errors import BadInput
from bot.ports.books import Policies as Book

log = logging.getLogger(__name__)


class Policies:
    """`usual` is the policy before anybody has set anything."""

    def __init__(self, *, store: Book, usual: Policy | None = None) -> None:
        self._store = store
        self._usual = usual or Policy()

    async def idle(self, rental: Rental) -> Policy:
        """How patient the idle verdict is with this rental."""
        return (await self.rules(rental)).idle

    async def rules(self, rental: Rental) -> Rules:
        values = await self._store.policy()
        policy, zone, quiet = self._usual, "", ""
        for name, value in _set(values, rental):
            match name, value:
                case "zone", str():
                    zone = value
                case "quiet", str():
                    quiet = value
                case "unattended", bool():
                    policy = replace(policy, unattended=value)
                case _, bool() | None:
                    log.warning("the policy's %s cannot be used", name)
                case _, int() | float() if name in BOUNDS:
                    policy = _patient(policy, name, timedelta(minutes=value))
                case _:
                    log.warning("the policy's %s cannot be used", name)
        where = _zone(zone)
        return Rules(idle=policy, zone=where, quiet=_quiet(quiet, where))


def _set(values: Mapping[str, str], rental: Rental) -> Iterator[tuple[str, object]]:
    """What is set for a rental, the general first."""
    prefixes = ("", f"preset/{rental.image.name}/", f"member/{rental.owner_id}/")
    names = (*BOUNDS, "unattended", "zone", "quiet")
    for prefix in prefixes:
        for name in names:
            if (text := values.get(prefix + name)) is not None:
                yield name, _value(prefix + name, text)


def _value(key: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        log.warning("the policy's %s is no JSON", key)
        return None


def _patient(policy: Policy, name: str, span: timedelta) -> Policy:
    try:
        match name:
            case "idle":
                # What waits is given half as long again, as by default.
                return replace(policy, idle=span, idle_waiting=span * 3 / 2)
            case "answer":
                return replace(policy, answer=span)
            case "results":
                return replace(policy, results=span)
            case "lease":
                return replace(policy, lease=span)
            case _:
                return replace(policy, thin_lease=span)
    except BadInput as error:
        log.warning("the policy's %s is passed over: %s", name, error.public)
        return policy


def _zone(name: str) -> tzinfo:
    """The zone of that name; UTC for none and for one that is not known here."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        log.warning("the policy's zone %r is not known", name)
        return UTC


def _quiet(text: str, zone: tzinfo) -> QuietHours | None:
    if not text:
        return None
    try:
        return quiet_hours(text, zone)
    except BadInput as error:
        log.warning("the policy's quiet hours are passed over: %s", error)
        return None
