"""The log's part of what Vast shows of a machine: each sign once when it begins, once when over."""

from __future__ import annotations

import logging

from bot.domain.omens import Sign
from bot.domain.rentals import Rental

log = logging.getLogger(__name__)

_WORDS = {
    Sign.DEARER: "it costs more than was agreed",
    Sign.HOST_ENDS: "its host's offer ends",
    Sign.STOPPED: "it was stopped at Vast, not by us",
    Sign.OFFLINE: "Vast has not heard of its host",
    Sign.RELABELLED: "somebody changed its label",
    Sign.UNREADABLE: "its row at Vast cannot be read, nothing is concluded from it",
    Sign.CONTRADICTED: "Vast's answers about it contradict each other, nothing is concluded",
}


def note(before: Rental, moved: Rental) -> None:
    """Log the signs that are new on a row, and those that are gone from it."""
    known = {one.sign for one in before.omens}
    for omen in moved.omens:
        if omen.sign not in known:
            log.warning("%s: %s", _WORDS[omen.sign], omen.detail or omen.at or "seen just now")
    for sign in sorted(known - {one.sign for one in moved.omens}):
        log.info("not so any more: %s", _WORDS[sign])
