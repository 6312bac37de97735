"""The letters: questions, answers to them, what went wrong, the receipt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.domain.archives import Archive, ArchiveId, ArchiveState
from bot.domain.letters import Kind, Letter, Stand, Writing
from bot.domain.rentals import Reason, Rental, State
from bot.domain.standing import Name
from bot.domain.tally import by_row
from bot.ports.chat import Page
from cogs.ui import look, questions
from tests.gallery.facts import FACTS, HOUR, MINUTE, the_machine, watched


def cards(now: datetime) -> Mapping[str, look.Card]:
    """A letter of most kinds, to its owner, or to the leads."""
    ready = the_machine(now)
    held = the_machine(
        now, save_asked_at=now, held="It is 84 GB in 12,400 files, above 50 GB.", held_at=now
    )
    saved = the_machine(now, archive_id="a", proven_at=now - MINUTE)
    ended = the_machine(
        now,
        state=State.CLOSED,
        reason=Reason.RELEASED,
        released_at=now - HOUR,
        gone_at=now - MINUTE,
        closed_at=now,
        archive_id="a",
        proven_at=now - MINUTE,
    )
    ending = the_machine(now, state=State.ARCHIVING, reason=Reason.IDLE, released_at=now)
    asked = {"asked": True}
    expiring = json.dumps([["a", "fastbook", 2_400_000_000, int(now.timestamp()) - 86_400 * 23]])
    return {
        "question": _letter(now, ready, Kind.ASK, **asked),
        "question-answered": _letter(now, ready, Kind.ASK, stand=Stand.ANSWERED),
        "question-ending": _letter(now, ending, Kind.ASK, stand=Stand.ENDING),
        "question-leads": _letter(now, ready, Kind.ASK_LEADS, public=True, **asked),
        "in-use-again": _letter(now, ready, Kind.CANCEL),
        "blind": _letter(now, ready, Kind.BLIND),
        "saved": _letter(now, saved, Kind.SAVED),
        "not-saved": _letter(
            now, ready, Kind.SAVE_FAILED, detail="Not archived: the archive store is not answering."
        ),
        "too-large": _letter(
            now, held, Kind.TOO_LARGE, detail="It is 84 GB in 12,400 files, above 50 GB."
        ),
        "expires": _letter(now, ended, Kind.EXPIRES, detail=expiring),
        "vanished": _letter(now, ended, Kind.VANISHED),
        "receipt": _letter(now, ended, Kind.RECEIPT, archive=an_archive(now)),
    }


def an_archive(now: datetime, **changes: Any) -> Archive:
    facts: dict[str, Any] = {
        "id": ArchiveId("arch-k7m2xp-1"),
        "rental_id": the_machine(now).id,
        "guild_id": 1,
        "owner_id": 1,
        "name": "fastbook",
        "state": ArchiveState.COMMITTED,
        "root": "/workspace",
        "started_at": now - 5 * MINUTE,
        "touched_at": now,
        "proven_at": now - MINUTE,
        "entries": 12_400,
        "bytes": 2_400_000_000,
    }
    return Archive(**facts | changes)


def _letter(
    now: datetime,
    rental: Rental,
    kind: Kind,
    *,
    stand: Stand = Stand.OPEN,
    asked: bool = False,
    public: bool = False,
    detail: str = "",
    archive: Archive | None = None,
) -> look.Card:
    writing = Writing(
        kind=kind, at=now + timedelta(days=6), facts=FACTS, asked_at=now, detail=detail
    )
    return questions.letter(
        Page(
            letter=Letter(id="0" * 24, rental_id=rental.id, writing=writing),
            stand=stand,
            rental=rental,
            standing=watched(now, Name.ASKED, asked=asked),
            now=now,
            public=public,
            tally=by_row(rental, now),
            archive=archive,
        )
    )
