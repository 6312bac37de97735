"""Bulletins as messages: a title, the sentences, and the colour of how urgent it is."""

from __future__ import annotations

from bot.domain.bulletins import Bulletin, Tone
from cogs.ui import look

_COLOURS = {Tone.TROUBLE: look.FAILED, Tone.NOTE: look.WORKING, Tone.OVER: look.ENDED}
_ROOM = 3600


def bulletin(told: Bulletin, owner_id: int | None) -> look.Card:
    """`owner_id` is named where the message stands in a channel."""
    whose = f"-# <@{owner_id}>" if owner_id is not None else ""
    return look.card(
        look.lines(f"### {told.title}", told.text[:_ROOM], whose), colour=_COLOURS[told.tone]
    )
