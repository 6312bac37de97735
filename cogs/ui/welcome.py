"""The card of a server's first use: three choices with a proposal for each, and Done.

It may stand in a direct message, where Discord shows neither a server's roles nor a menu of them:
so roles and channels are named, and chosen from menus of our own.
"""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.domain.budgets import amount
from bot.domain.money import Usd
from bot.domain.welcome import LIMITS, Named, Server, Setup, offered, server
from cogs.ui import look
from cogs.ui.ahead import dollars
from cogs.ui.buttons.welcome import OTHER, Done, SetupMenu
from cogs.ui.channels import may_write

NONE = "none"

_TITLE = 80
_MENU = 90  # characters of a choice's label; Discord takes 100


def card(setup: Setup, guild: discord.Guild, person_id: int | None = None) -> look.Card:
    """The choices as they stand; to a person who is greeted, where one is given."""
    has = choices_of(guild)
    name = look.clean(has.name, _TITLE)
    if setup.elsewhere:
        return look.card(
            f"### Bellhop works for another server than {name}\n"
            "Whoever runs it has set DISCORD_GUILD_ID to that one, and what is set there wins: "
            "nothing is chosen here. Ask them to change it, or remove me again."
        )
    if setup.settled:
        return _settled(setup, has, name)
    return _asking(setup, has, name, person_id)


def choices_of(guild: discord.Guild) -> Server:
    """The roles that people have, highest first, and the channels in which we may write."""
    roles = [
        Named(role.id, role.name)
        for role in sorted(guild.roles, reverse=True)
        if not (role.is_default() or role.managed)
    ]
    channels = [Named(one.id, one.name) for one in guild.text_channels if may_write(one)]
    system = guild.system_channel
    return server(guild.name, roles, channels, system=system.id if system is not None else None)


def chosen(value: str) -> int | None:
    """A role's or a channel's number from a menu's value."""
    return None if value == NONE else int(value)


def limit(typed: str) -> Usd | None:
    """An amount of a menu, or one that was written. Raises BadInput."""
    return None if typed == NONE else amount(typed)


def _asking(setup: Setup, has: Server, name: str, person_id: int | None) -> look.Card:
    hello = f"Hello <@{person_id}>. " if person_id is not None else ""
    box: discord.ui.Container[look.Card] = discord.ui.Container(accent_colour=look.WORKING)
    box.add_item(
        discord.ui.TextDisplay(
            f"### Bellhop is in {name}\n"
            f"{hello}I rent GPU machines on Vast.ai for your team: their notebooks open from "
            "Discord, and a machine that nobody uses is asked about, archived and ended. Three "
            "choices, and it can begin. **Done** takes what stands here."
        )
    )
    for text, menu in (
        (_leads(setup, has), SetupMenu("leads", setup.guild_id, _roles(setup, has))),
        (_channel(setup, has), SetupMenu("channel", setup.guild_id, _channels(setup, has))),
        (_limit(setup), SetupMenu("limit", setup.guild_id, _limits(setup))),
    ):
        box.add_item(discord.ui.Separator())
        box.add_item(discord.ui.TextDisplay(text))
        box.add_item(discord.ui.ActionRow(menu))
    box.add_item(discord.ui.TextDisplay(look.lines(_named(setup), _LATER)))
    box.add_item(discord.ui.ActionRow(Done(str(setup.guild_id))))
    return look.Card(timeout=None).add_item(box)


_LATER = "-# All of it can be changed later: /settings and /budget set. Only leads may press here."


def _settled(setup: Setup, has: Server, name: str) -> look.Card:
    return look.card(
        f"### Bellhop is ready in {name}",
        look.lines(_leads(setup, has), _channel(setup, has), _limit(setup)),
        look.lines(
            "**To begin**",
            "In a channel of the server, /offers shows machines with their whole price, and /rent "
            "gets one. /help says what each person may do.",
            "Everything else has a default: /settings shows them, /budget set gives members and "
            "roles limits of their own.",
        ),
        _named(setup),
        colour=look.READY,
    )


def _leads(setup: Setup, has: Server) -> str:
    return look.lines(
        f"**1 · Leads: {_lead_role(setup, has)}**",
        "-# They set limits, answer requests for more money, and see what everybody rents.",
    )


def _lead_role(setup: Setup, has: Server) -> str:
    if setup.leads is None:
        return "whoever may manage the server"
    role = has.role(setup.leads)
    return (
        f"the role {look.clean(role.name, _TITLE)}"
        if role is not None
        else "a role that is not here"
    )


def _channel(setup: Setup, has: Server) -> str:
    channel_id = has.proposed(setup)
    found = has.channel(channel_id)
    where = "where a machine was rented"
    if channel_id is not None:
        where = f"#{look.clean(found.name, _TITLE)}" if found is not None else f"<#{channel_id}>"
    return look.lines(
        f"**2 · Channel: {where}**",
        "-# For warnings to the leads and the team's reports. A machine's card stands where it was "
        "rented.",
    )


def _limit(setup: Setup) -> str:
    limit = setup.monthly
    said = "no limit" if limit is None else f"{dollars(limit)} for the whole team"
    return look.lines(
        f"**3 · A month: {said}**",
        "-# Beyond it nothing new is rented without a lead's yes."
        if limit is not None
        else "-# Whatever is rented is paid, as far as the Vast credit reaches.",
    )


def _named(setup: Setup) -> str:
    return "-# DISCORD_GUILD_ID names this server; that setting wins." if setup.named else ""


def _roles(setup: Setup, has: Server) -> list[discord.SelectOption]:
    none = _option("Whoever may manage the server", NONE, setup.leads is None)
    return [none, *_named_options(offered(has.roles, setup.leads), setup.leads)]


def _channels(setup: Setup, has: Server) -> list[discord.SelectOption]:
    at = has.proposed(setup)
    none = _option("Where a machine was rented", NONE, at is None)
    return [*_named_options(offered(has.channels, at), at, mark="#"), none]


def _limits(setup: Setup) -> list[discord.SelectOption]:
    limit = setup.monthly
    amounts = sorted({*LIMITS, *([limit] if limit is not None else [])})
    return [
        *(_option(f"{dollars(one)} a month", str(one), one == limit) for one in amounts),
        _option("Another amount", OTHER),
        _option("No limit", NONE, limit is None),
    ]


def _named_options(
    found: Sequence[Named], at: int | None, *, mark: str = ""
) -> list[discord.SelectOption]:
    return [
        _option(f"{mark}{look.plain_line(one.name) or 'without a name'}", str(one.id), one.id == at)
        for one in found
    ]


def _option(label: str, value: str, default: bool = False) -> discord.SelectOption:
    return discord.SelectOption(label=label[:_MENU], value=value, default=default)
