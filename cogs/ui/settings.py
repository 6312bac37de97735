"""The cards of the policy: the team's page, a preset's or a member's, and the editor of a value."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import discord

from bot.domain import zones
from bot.domain.access import Actor, may_set
from bot.domain.policy_key import Group, Key, Scope
from bot.domain.policy_keys import KEYS, LEADS, Spot, find, spot
from bot.domain.policy_kinds import Channel, Choice, Flag, Kind, Off, Role, Zone
from bot.domain.policy_measures import Count, Dollars, Duration
from bot.domain.policy_values import Found, Values, shown
from bot.errors import BadInput
from bot.ports.books import PolicyChange
from cogs.ui import look, setters

CHANGES = 5
"""Shown below the team's values."""

_FROM = {
    None: "default",
    Scope.TEAM: "set for the team",
    Scope.PRESET: "set for the preset",
    Scope.MEMBER: "set for the member",
}


def team(
    actor: Actor,
    values: Values,
    *,
    changes: Sequence[PolicyChange] = (),
    roles: Collection[int] = (),
) -> look.Card:
    """The team's values by group. `roles` are those of the server; who may set gets the menus."""
    sets = may_set(actor)
    own = setters.ToPage(f"member/{actor.id}", "Your own settings")
    if not sets:
        return look.card(
            "### The team's settings\n"
            f"{_leads(values, roles)} Ask a lead to change these; your own are below.",
            *_groups(values, list(KEYS.values())),
            controls=[own],
        )
    first = not values.is_set(spot(LEADS))
    asking: list[look.Control] = []
    if first:
        asking = [
            setters.SetRole(LEADS.name, "Choose the leads' role"),
            setters.SetNone(LEADS.name, "Keep Manage Server"),
        ]
    menus = setters.keys_of("team", list(KEYS.values()))
    return look.card(
        f"### The team's settings\n{_leads(values, roles)}",
        "**Who is a lead?** Nobody has chosen yet. Choose a role in the first menu below, or keep "
        "it as it is."
        if first
        else "",
        *_groups(values, list(KEYS.values())),
        _changes(changes),
        controls=[*asking, *menus, setters.ChoosePreset(), setters.ChooseMember(), own],
    )


def preset(name: str, values: Values) -> look.Card:
    """What holds for machines of one preset."""
    page = f"preset/{name}"
    keys = [key for key in KEYS.values() if Scope.PRESET in key.where]
    return look.card(
        f"### Settings for {name}\nFor machines of this preset; a member's own values win.",
        *_groups(values, keys, preset=name),
        controls=[*setters.keys_of(page, keys), setters.ToPage("team")],
    )


def member(actor: Actor, member_id: int, values: Values) -> look.Card:
    """What holds for a member, and may be set by `actor`: their own, or a lead for anybody."""
    keys = [key for key in KEYS.values() if Scope.MEMBER in key.where]
    mine = actor.id == member_id
    free = [key for key in keys if may_set(actor, own=key.own, member_id=member_id)]
    whose = "Your own settings" if mine else f"Settings of <@{member_id}>"
    return look.card(
        f"### {whose}\nThey win over those of the team and of presets, within its bounds.",
        *_groups(values, free, member_id=member_id, mine=mine),
        controls=[*setters.keys_of(f"member/{member_id}", free), setters.ToPage("team")],
    )


def editor(at: Spot, values: Values) -> look.Card:
    """One value that is chosen from a menu, not written."""
    found = values.found(at.key, preset=at.preset, member_id=at.member_id)
    return look.card(
        look.lines(
            f"### {at.key.title}{_of(at)}",
            f"{at.key.about}.",
            f"Now: **{value(at.key, found.value)}** · {_FROM[found.scope]}",
        ),
        controls=[
            *_choices(at),
            *([setters.TakeAway(at.address)] if values.is_set(at) else []),
            setters.ToPage(setters.page_of(at.address)),
        ],
    )


def which_zone(address: str, typed: str, found: Sequence[str], now: datetime) -> look.Card:
    """Zones that may be meant by what was typed."""
    options = [
        discord.SelectOption(label=name, description=f"UTC{zones.offset_of(name, now)} now")
        for name in found
    ]
    return look.card(
        f"### Which time zone?\n{look.clean(typed, 60)} may be one of these.",
        controls=[
            setters.SetWord(address, options),
            setters.ToPage(setters.page_of(address)),
        ],
    )


def is_written(key: Key[Any]) -> bool:
    """Whether a value is typed into a form; else it is chosen from a menu."""
    return not isinstance(_inner(key.kind), Role | Channel | Choice | Flag)


def is_zone(key: Key[Any]) -> bool:
    return isinstance(key.kind, Zone)


def value(key: Key[Any], held: Any) -> str:
    """A value as a person reads it in Discord."""
    kind = _inner(key.kind)
    if held is not None and isinstance(kind, Role):
        return f"<@&{held}>"
    if held is not None and isinstance(kind, Channel):
        return f"<#{held}>"
    if isinstance(kind, Choice) and held in kind.words:
        return kind.words[held]
    return look.clean(str(key.kind.show(held)), 300)


def otherwise(at: Spot, values: Values) -> str:
    """What holds where this value is taken away."""
    without = Values(
        {key: text for key, text in values.texts.items() if key != at.address}, values.usual
    )
    found = without.found(at.key, preset=at.preset, member_id=at.member_id)
    return f"{at.key.kind.show(found.value)} ({_FROM[found.scope]})"


def bounds(key: Key[Any]) -> str:
    """“between 30 min and 4 h”, for a value that has bounds."""
    kind = _inner(key.kind)
    return kind.bounds if isinstance(kind, Duration | Dollars | Count) else ""


def current(at: Spot, values: Values) -> str:
    """What is set at this very spot, as it is typed; empty where nothing is."""
    held = values.at(at)
    return str(at.key.kind.show(held)) if values.is_set(at) else ""


def _groups(
    values: Values,
    keys: Sequence[Key[Any]],
    *,
    preset: str = "",
    member_id: int | None = None,
    mine: bool = False,
) -> list[str]:
    """A block for each group; with what each value means, as long as there is room.

    Else only what somebody has set is marked: a mark at every default says nothing.
    """
    found = [(key, values.found(key, preset=preset, member_id=member_id)) for key in keys]
    blocks = [_block(group, found, mine, full=True) for group in Group]
    if sum(len(block) for block in blocks) > look.ROOM - 900:
        blocks = [_block(group, found, mine, full=False) for group in Group]
    return blocks


def _block(
    group: Group, found: Sequence[tuple[Key[Any], Found[Any]]], mine: bool, *, full: bool
) -> str:
    rows = []
    for key, one in found:
        if key.group is group:
            origin = "yours" if mine and one.scope is Scope.MEMBER else _FROM[one.scope]
            marked = origin if full or one.scope is not None else ""
            about = f" · {key.about}" if full else ""
            rows.append(
                look.lines(
                    f"{key.title}: **{value(key, one.value)}**", look.small(f"{marked}{about}")
                )
            )
    return look.lines(f"**{group.value}**", *rows) if rows else ""


def _leads(values: Values, roles: Collection[int]) -> str:
    role_id = values.get(LEADS)
    if role_id is None:
        return "Leads are those with the Manage Server permission."
    if role_id not in roles:
        return (
            "The leads' role was deleted. Until a lead chooses another, leads are those with the "
            "Manage Server permission."
        )
    return f"Leads are those with the role <@&{role_id}>."


def _changes(changes: Sequence[PolicyChange]) -> str:
    if not changes:
        return ""
    return look.lines("**Last changes**", *(_change(one) for one in changes[:CHANGES]))


def _change(change: PolicyChange) -> str:
    who = "the shell" if change.by is None else f"<@{change.by}>"
    before, after = _then(change.key, change.before), _then(change.key, change.after)
    return f"{look.ago(change.at)} by {who}: {_place(change.key)} {before} → **{after}**"


def _place(address: str) -> str:
    """Which value of whom: a member by their name."""
    whose = re.match(r"member/(\d{1,20})/(.+)", address)
    return f"{whose[2]} of <@{whose[1]}>" if whose else look.clean(address, 80)


def _then(address: str, text: str | None) -> str:
    """A value as it was; a role or a channel by its name."""
    said = shown(address, text)
    with contextlib.suppress(BadInput):
        kind = _inner(find(address).key.kind)
        if said.isdecimal() and isinstance(kind, Role):
            return f"<@&{said}>"
        if said.isdecimal() and isinstance(kind, Channel):
            return f"<#{said}>"
    return look.clean(said, 80)


def _choices(at: Spot) -> list[look.Control]:
    kind = _inner(at.key.kind)
    match kind:
        case Role():
            return [setters.SetRole(at.address), setters.SetNone(at.address)]
        case Channel():
            return [setters.SetChannel(at.address), setters.SetNone(at.address)]
        case Choice():
            options = [
                discord.SelectOption(label=said, value=word) for word, said in kind.words.items()
            ]
            return [setters.SetWord(at.address, options)]
        case _:
            options = [
                discord.SelectOption(label=word.title(), value=word) for word in ("yes", "no")
            ]
            return [setters.SetWord(at.address, options)]


def _of(at: Spot) -> str:
    if at.preset:
        return f" for {at.preset}"
    return f" of <@{at.member_id}>" if at.member_id is not None else ""


def _inner(kind: Kind[Any]) -> Kind[Any]:
    return kind.kind if isinstance(kind, Off) else kind
