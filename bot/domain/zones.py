"""Time zones by the names people type: “Berlin”, “europe/berlin”, “+02:00”.

What is kept is always the name of a zone, never an offset: an offset is wrong half of the year.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

MOST = 25
"""As many as Discord shows in a menu."""

_REGIONS = frozenset(
    (
        *("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe"),
        *("Indian", "Pacific"),
    )
)
_LARGE = (
    *("Europe/London", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Rome"),
    *("Europe/Helsinki", "Europe/Athens", "Europe/Kyiv", "Europe/Istanbul", "Europe/Moscow"),
    *("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"),
    *("America/Toronto", "America/Mexico_City", "America/Sao_Paulo", "America/Bogota"),
    *("America/Argentina/Buenos_Aires", "Africa/Cairo", "Africa/Lagos", "Africa/Johannesburg"),
    *("Africa/Nairobi", "Asia/Dubai", "Asia/Kolkata", "Asia/Shanghai", "Asia/Singapore"),
    *("Asia/Hong_Kong", "Asia/Tokyo", "Asia/Seoul", "Asia/Jakarta", "Asia/Karachi"),
    *("Australia/Sydney", "Australia/Perth", "Pacific/Auckland"),
)
"""Where most people live; suggested first."""
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)


def zone(name: str) -> tzinfo:
    """The zone of that name; UTC for none and for one that is not known here."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def named(typed: str) -> str | None:
    """The one zone that is meant, by its name or its city; None where none or several are."""
    wanted = _plain(typed)
    if wanted in ("utc", "gmt", "z"):
        return "UTC"
    exact = [name for name in available_timezones() if _plain(name) == wanted]
    if exact:
        return exact[0]
    cities = [name for name in _names() if _plain(name.rpartition("/")[2]) == wanted]
    return cities[0] if len(cities) == 1 else None


def suggested(typed: str, now: datetime, *, most: int = MOST) -> list[str]:
    """Zones that may be meant, the likeliest first; by an offset, those that have it at `now`."""
    wanted = _plain(typed)
    if (offset := _offset(typed)) is not None:
        found = [name for name in _names() if now.astimezone(zone(name)).utcoffset() == offset]
        return found[:most]
    found = [name for name in _names() if wanted in _plain(name)]
    found.sort(key=lambda name: not _plain(name.rpartition("/")[2]).startswith(wanted))
    if wanted in "utc":
        found.insert(0, "UTC")
    return found[:most]


def offset_of(name: str, now: datetime) -> str:
    """What a zone's clock is ahead of UTC by at that moment: `+02:00`."""
    text = now.astimezone(zone(name)).strftime("%z")
    return f"{text[:3]}:{text[3:]}"


def known() -> bool:
    """Whether this computer has the rules of time zones at all."""
    return bool(_names())


@cache
def _names() -> Sequence[str]:
    """Zones of places, the large ones first; not the aliases of countries and administrations."""
    places = {name for name in available_timezones() if name.partition("/")[0] in _REGIONS}
    large = [name for name in _LARGE if name in places]
    return [*large, *sorted(places - set(large))]


def _plain(text: str) -> str:
    return text.strip().casefold().replace("_", " ")


def _offset(typed: str) -> timedelta | None:
    match = _OFFSET.fullmatch(typed.strip())
    if match is None or int(match[2]) > 14:
        return None
    span = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return -span if match[1] == "-" else span
