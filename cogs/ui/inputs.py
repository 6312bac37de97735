"""From what a person typed, and who they are, to what the services take."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Sequence

import aiohttp
import discord

from bot.client import Bellhop
from bot.domain.access import Actor, is_lead
from bot.domain.money import Usd
from bot.domain.rentals import Rental
from bot.errors import BadInput, NotFound, NotHere, NotYours, Refused, Unavailable, Undeliverable
from bot.services.desk import Place

Interaction = discord.Interaction[Bellhop]

_ANSWER_S = 10

_DOLLARS = re.compile(
    r"\$?\s*([0-9]{1,4}(?:\.[0-9]{0,6})?|\.[0-9]{1,6})\s*(?:\$|usd)?\s*(?:/\s*h)?"
)


def actor(interaction: Interaction) -> Actor:
    """Who acts, and whether they are a lead. Raises Refused outside a server."""
    if interaction.guild_id is None:
        raise NotHere("used outside a server")
    return _actor(
        interaction.client,
        interaction.user,
        interaction.guild_id,
        manages=interaction.permissions.manage_guild,
    )


async def caller(press: Interaction, home: Awaitable[int]) -> Actor:
    """Who presses, perhaps in a direct message: there they count as in the subject's own server.

    `home` is that server. Raises Refused for who has left it, Unavailable where Discord does not
    say.
    """
    server = await home
    if press.guild_id is not None:
        return actor(press)
    guild = press.client.get_guild(server)
    if guild is None:
        raise Refused(
            f"not in server {server}",
            public="I am not in that server any more.",
            hint="Somebody who manages it can invite me again.",
        )
    try:
        async with asyncio.timeout(_ANSWER_S):
            member = await guild.fetch_member(press.user.id)
    except discord.NotFound as error:
        raise Refused(
            f"{press.user.id} has left server {server}",
            public="You are not in that server any more.",
            hint="Its leads can do this.",
        ) from error
    except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable(f"no member: {error}", hint="Try again in a minute.") from error
    manages = member.guild_permissions.manage_guild
    return _actor(press.client, member, guild.id, manages=manages)


def place(interaction: Interaction, *, what: str = "the machine's card") -> Place:
    """Where the rental's card, or something else, will stand.

    Commands work where the bot may not write, so that is looked at before anything is rented:
    raises Undeliverable there, and Refused outside a server.
    """
    if interaction.guild_id is None or interaction.channel_id is None:
        raise NotHere("used outside a server")
    may = interaction.app_permissions
    in_thread = isinstance(interaction.channel, discord.Thread)
    writes = may.send_messages_in_threads if in_thread else may.send_messages
    if not (may.view_channel and writes):
        raise Undeliverable(
            f"no right to write in channel {interaction.channel_id}",
            public=f"I may not write in this channel, so {what} could not appear here.",
            hint="Ask in another channel, or ask a lead to give me View Channel and Send Messages.",
        )
    return Place(guild_id=interaction.guild_id, channel_id=interaction.channel_id)


def may_ask_about(actor: Actor, member: discord.User | discord.Member | None) -> None:
    """Raise NotYours for somebody else's affairs, unless a lead asks."""
    if member is not None and member.id != actor.id and not actor.lead:
        raise NotYours(
            f"{actor.id} asked about {member.id}",
            public="Only leads see other people's machines and spending.",
            hint="/settings says who the leads are.",
        )


def dollars(typed: str | None) -> Usd | None:
    """A price like `0.40`, `$0.40` or `$.4/h`. Raises BadInput for anything else."""
    if typed is None or not typed.strip():
        return None
    match = _DOLLARS.fullmatch(typed.strip().lower())
    if match is None or not (price := Usd.of(match[1])).micros:
        raise BadInput(
            f"no price: {typed[:40]!r}",
            public="That is not a price.",
            hint="Write dollars an hour with a point, like 0.40.",
        )
    return price


def offer_number(typed: str | None) -> int | None:
    """An offer's number at Vast. Raises BadInput."""
    if typed is None or not typed.strip():
        return None
    digits = typed.strip().removeprefix("#")
    if not re.fullmatch(r"[0-9]{1,15}", digits):
        raise BadInput(
            f"no offer number: {typed[:40]!r}",
            public="That is not the number of an offer.",
            hint="Choose one of those that appear as you type, or use /offers.",
        )
    return int(digits)


def region(typed: str | None) -> str | None:
    """A country's two letters, also as the end of “Sweden, SE”; checked by the services."""
    if typed is None or not typed.strip():
        return None
    return typed.rsplit(",", 1)[-1].strip().upper()


def pick(rentals: Sequence[Rental], typed: str | None) -> str | list[Rental]:
    """The id of the rental meant: by its id or name, or the only one when nothing was typed.

    Those that may be meant, where there are several. What matches none of them is taken for an
    id, and the services say whether there is such a rental and whose it is. Raises NotFound.
    """
    wanted = (typed or "").strip().lower()
    if wanted:
        meant = [one for one in rentals if wanted in (one.id, one.title.lower())]
        if len(meant) > 1:
            return meant
        return meant[0].id if meant else wanted
    if not rentals:
        raise NotFound("no rentals", public="You have no machine.", hint="Rent one with /rent.")
    return rentals[0].id if len(rentals) == 1 else list(rentals)


def one(rentals: Sequence[Rental], typed: str) -> str:
    """The same where one must be meant. Raises NotFound, BadInput."""
    found = pick(rentals, typed)
    if isinstance(found, str):
        return found
    raise BadInput(
        f"{len(found)} rentals are called that",
        public="Several machines have that name.",
        hint="Choose one of those that appear as you type.",
    )


def _actor(
    client: Bellhop, person: discord.User | discord.Member, guild_id: int, *, manages: bool
) -> Actor:
    """A person in a server, with the leads' role as the policy has it.

    Where that role is another server's, nobody here is a lead: a stranger may have invited us.
    """
    role_id = client.services.policies.lead_role
    guilds = client.guilds
    known = all(not guild.unavailable for guild in guilds)
    anywhere = {role.id for guild in guilds for role in guild.roles} if known else None
    elsewhere = role_id is not None and (anywhere is None or role_id in anywhere)
    guild = client.get_guild(guild_id)
    here = guild is not None and role_id is not None and guild.get_role(role_id) is not None
    held = isinstance(person, discord.Member) and person.get_role(role_id or 0) is not None
    roles = person.roles if isinstance(person, discord.Member) else ()
    return Actor(
        id=person.id,
        guild_id=guild_id,
        name=person.display_name,
        lead=is_lead(
            role_id=role_id,
            server_roles=anywhere,
            own_roles={role_id} if held and role_id else (),
            manages=manages,
        ),
        manager=manages and (here or not elsewhere),
        role_ids=tuple(role.id for role in roles if not role.is_default()),
    )
