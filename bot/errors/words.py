"""How an error reads to a person: the same words at every door.

An error of the house says its own two sentences. Anything else is a fault of ours, which nobody can
mend by trying otherwise: it gets a number that finds it in the log.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from bot.errors.root import BotError


@dataclass(frozen=True, slots=True)
class Told:
    """What has happened, the next step, and the incident's number where it is a fault of ours."""

    public: str
    hint: str
    incident: str = ""


def told(error: BaseException) -> Told:
    """The words for an error. What is no error of the house gets a number, new at each call."""
    if isinstance(error, BotError):
        return Told(error.public, error.hint)
    incident = secrets.token_hex(4)
    return Told(
        BotError.public,
        f"{BotError.hint} If it stays so, tell whoever runs this bot: incident {incident}.",
        incident,
    )
