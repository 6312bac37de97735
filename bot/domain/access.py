"""Who may do what to whose rental, who is a lead, and who may set what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from bot.errors import NotYours


class Action(StrEnum):
    SEE = "see"
    OPEN = "open"
    KEEP = "keep"
    SAVE = "save"
    DESTROY = "destroy"
    MOVE = "move"
    SHARE = "share"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person in a server, as the door that let them in knows them."""

    id: int
    guild_id: int
    name: str
    lead: bool = False
    manager: bool = False  # has Manage Server, whoever the leads are
    role_ids: tuple[int, ...] = ()  # without the one that everybody has


def may(actor: Actor, action: Action, *, owner_id: int, guild_id: int) -> bool:
    """Whether an actor may do this to a rental of that owner in that server.

    A notebook is entered, and moved to another machine, by its owner alone; a lead may see, keep,
    save, share and end everybody's machines. Whom a notebook is shared with is in `shares.py`.
    """
    if actor.guild_id != guild_id:
        return False
    if actor.id == owner_id:
        return True
    return actor.lead and action not in (Action.OPEN, Action.MOVE)


def demand(actor: Actor, action: Action, *, owner_id: int, guild_id: int) -> None:
    """Raise NotYours unless the actor may."""
    if not may(actor, action, owner_id=owner_id, guild_id=guild_id):
        raise NotYours(f"{actor.id} may not {action} a machine of {owner_id}")


def is_lead(
    *,
    role_id: int | None,
    server_roles: Collection[int] | None,
    own_roles: Collection[int],
    manages: bool,
) -> bool:
    """Whether a person is a lead, with `role_id` as the leads' role (None: none is set).

    `server_roles` are those of every server we are in. A role that was deleted in Discord is as
    good as none; while they are not known (None) it is not taken for deleted.
    """
    if role_id is None or (server_roles is not None and role_id not in server_roles):
        return manages
    return role_id in own_roles


def may_set(actor: Actor, *, own: bool = False, member_id: int | None = None) -> bool:
    """Whether an actor may set a value of the policy, or of a member where `member_id` is given.

    Leads may set every value. So may who manages the server, or a role given to nobody would lock
    everybody out. A member may set those of their own that are theirs to choose (`own`).
    """
    return actor.lead or actor.manager or (own and member_id == actor.id)


def demand_setting(actor: Actor, *, own: bool = False, member_id: int | None = None) -> None:
    """Raise NotYours unless the actor may set it."""
    if not may_set(actor, own=own, member_id=member_id):
        raise NotYours(
            f"{actor.id} may not set that",
            public="Only leads change this.",
            hint="Ask a lead; /settings says who they are.",
        )
