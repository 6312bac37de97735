"""Who may do what to whose rental."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.errors import NotYours


class Action(StrEnum):
    SEE = "see"
    OPEN = "open"
    KEEP = "keep"
    SAVE = "save"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person in a server, as the door that let them in knows them."""

    id: int
    guild_id: int
    name: str
    lead: bool = False


def may(actor: Actor, action: Action, *, owner_id: int, guild_id: int) -> bool:
    """Whether an actor may do this to a rental of that owner in that server.

    A notebook is entered by its owner alone; a lead may see, keep, save and end
    everybody's machines.
    """
    if actor.guild_id != guild_id:
        return False
    if actor.id == owner_id:
        return True
    return actor.lead and action is not Action.OPEN


def demand(actor: Actor, action: Action, *, owner_id: int, guild_id: int) -> None:
    """Raise NotYours unless the actor may."""
    if not may(actor, action, owner_id=owner_id, guild_id=guild_id):
        raise NotYours(f"{actor.id} may not {action} a machine of {owner_id}")
