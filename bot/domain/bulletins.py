"""Bulletins: what the leads, or the owner of a machine, must be told beside the cards.

A bulletin is one message, known by its key: told again with other words, the message is edited.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.pictures import Picture
from bot.domain.rentals import RentalId


class Audience(StrEnum):
    LEADS = "leads"
    OWNER = "owner"
    TEAM = "team"  # everybody in the channel of the team's reports


class Tone(StrEnum):
    """How urgent it is; the colour of the message."""

    TROUBLE = "trouble"
    NOTE = "note"
    OVER = "over"  # what was told is not so any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulletin:
    key: str  # 96 characters at most
    title: str
    text: str  # plain words; Discord's times (`<t:…>`) work, other mark-up does not
    tone: Tone = Tone.TROUBLE
    audience: Audience = Audience.LEADS
    guild_id: int | None = None  # of what is for the team
    picture: Picture | None = None  # drawn when it is sent
    rental_id: RentalId | None = None  # its channel is where it belongs, if it has one
