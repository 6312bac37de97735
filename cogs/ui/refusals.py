"""Refusals that only Discord knows of: what was chosen there cannot be used."""

from __future__ import annotations

from bot.errors import BadInput, NotYours


def both_named() -> BadInput:
    """A member and a role were chosen, where one of them is meant."""
    return BadInput("a member and a role", public="Choose a member or a role, not both.")


def stranger(person_id: int) -> BadInput:
    """Somebody was named who is not in the server; Discord lets one type any person's number."""
    return BadInput(
        f"{person_id} is not in the server",
        public="They are not in this server.",
        hint="Invite them to it first, then share it with them.",
    )


def closed_channel(channel_id: int) -> BadInput:
    """A channel was chosen in which we may not write."""
    return BadInput(
        f"no right to write in channel {channel_id}",
        public="I may not write in that channel.",
        hint="Give me View Channel and Send Messages there, then choose it again.",
    )


def others_offers(presser_id: int, owner_id: int) -> NotYours:
    """Somebody pressed on the page of offers of another person."""
    return NotYours(
        f"{presser_id} pressed on offers of {owner_id}",
        public="These are somebody else's offers.",
        hint="See your own with /offers.",
    )
