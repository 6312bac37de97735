"""How long archives are kept, and who is warned before one is deleted, as pure functions.

A rental's newest archive lives long, and its owner is warned before its end; the older ones are
steps on the way to it and end without a word. That of a machine that is still there has no end.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.domain.archives import KEEP_NEWEST, KEEP_OLDER, WARN_BEFORE, Archive, ArchiveId
from bot.domain.letters import Kind, Writing
from bot.domain.rentals import RentalId

BOUNDS = (timedelta(days=7), timedelta(days=3650))
"""Between which a team may choose how long archives are kept."""

UNTOLD = timedelta(days=7)
"""So much longer an archive is kept whose owner could not be warned."""

_KINDS = (Kind.EXPIRES, Kind.EXPIRES_SOON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How long archives are kept after they were proven."""

    newest: timedelta = KEEP_NEWEST
    older: timedelta = KEEP_OLDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Archives of one person in one server that end on the same day, the first one first."""

    archives: tuple[Archive, ...]
    end: datetime  # of the first

    @property
    def rental_id(self) -> RentalId:
        """Whose letters are about them."""
        return min(each.rental_id for each in self.archives)

    def writing(self, now: datetime) -> Writing | None:
        """The warning that is due, if one is: a week before, and a day before."""
        left = self.end - now
        if left > WARN_BEFORE[0]:
            return None
        kind = _KINDS[0] if left > WARN_BEFORE[1] else _KINDS[1]
        listed = [
            [each.id, each.name, each.bytes, int((each.proven_at or each.started_at).timestamp())]
            for each in self.archives
        ]
        return Writing(kind=kind, at=self.end, detail=json.dumps(listed))


def expiries(
    archives: Iterable[Archive],
    keeping: Keeping | None = None,
    *,
    running: Collection[RentalId] = (),
    gone: Mapping[RentalId, datetime] | None = None,
    needed: Collection[str] = (),
) -> dict[ArchiveId, datetime]:
    """When each committed archive's time is over; `running` are the rentals that are open.

    `gone` says when rentals were closed, as far as it is known: the newest archive of a machine
    that went away long after it was made has its whole time from then on. What is `needed`, to be
    put onto a machine that is on its way, has no end.
    """
    keeping = keeping or Keeping()
    ends: dict[ArchiveId, datetime] = {}
    committed = [each for each in archives if each.restorable]
    newest = _newest(committed)
    for each in committed:
        made_at = each.proven_at or each.started_at
        is_newest = newest[each.rental_id].id == each.id
        if (is_newest and each.rental_id in running) or each.id in needed:
            continue
        if is_newest:
            end = max(made_at, (gone or {}).get(each.rental_id, made_at)) + keeping.newest
        else:
            end = made_at + keeping.older
        ends[each.id] = max(end, each.keep_until or end)
    return ends


def leaving(archives: Sequence[Archive], ends: Mapping[ArchiveId, datetime]) -> list[Leaving]:
    """The archives that somebody is warned about, by person and by the day of their end."""
    days: defaultdict[tuple[int, int, date], list[Archive]] = defaultdict(list)
    newest = {each.id for each in _newest([one for one in archives if one.restorable]).values()}
    for each in archives:
        if each.id in newest and each.id in ends:
            days[each.guild_id, each.owner_id, ends[each.id].date()].append(each)
    return [
        Leaving(
            archives=tuple(sorted(group, key=lambda one: (ends[one.id], one.id))),
            end=min(ends[one.id] for one in group),
        )
        for _, group in sorted(days.items())
    ]


def _newest(committed: Iterable[Archive]) -> dict[RentalId, Archive]:
    found: dict[RentalId, Archive] = {}
    for each in sorted(committed, key=lambda one: (one.started_at, one.id)):
        found[each.rental_id] = each
    return found
