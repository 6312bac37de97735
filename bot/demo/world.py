"""The pretend server of the demo: a course with two channels, two learners and a lead.

Only facts that people see. The identifiers of the server and its people are fixed: settings (the
server's id) can be made before the world exists, and whoever rented before a restart is the same
person after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import discord
from simcord import ChannelHandle, GuildHandle, MemberActor, RoleHandle, UserHandle
from simcord.backend.cdn import CDN_BASE

from bot.demo import faces
from bot.demo.live import LiveEnv

GUILD_ID = 1_310_000_000_000_000_000  # a snowflake of late 2024
BOT_NAME = "Bellhop"
LEAD_ROLE = "Lead"

_PEOPLE = (("ada", "Ada", "#2d7d46"), ("linus", "Linus", "#a8590e"), ("grace", "Grace", "#a12d6f"))
_PICTURE = "0" * 32  # Discord names a picture by its hash; which one is of no consequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whose eyes the viewer may borrow."""

    key: str  # in addresses
    name: str  # as shown
    role: str  # in a word
    user: UserHandle
    member: MemberActor

    @property
    def inbox(self) -> ChannelHandle:
        """Their direct messages with the bot."""
        return self.user.dm_channel


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    guild: GuildHandle
    channels: Mapping[str, ChannelHandle]  # by name: gpu, general
    people: Mapping[str, Person]  # by key: ada, linus, grace
    lead_role: RoleHandle
    pictures: Mapping[str, bytes]  # PNGs, by the address under which Discord would have them

    @property
    def gpu(self) -> ChannelHandle:
        return self.channels["gpu"]


def build_world(env: LiveEnv) -> World:
    """Make the server and everybody in it; to be called before `env.start()`."""
    bot_user = env.backend.bot_user
    bot_user.name = BOT_NAME
    bot_user.avatar = _PICTURE
    users = {
        key: env.create_person(key, id=GUILD_ID + number, global_name=name, avatar=_PICTURE)
        for number, (key, name, _) in enumerate(_PEOPLE, start=1)
    }
    guild = env.create_guild(
        "Deep Learning Course",
        id=GUILD_ID,
        owner=users["grace"],
        description="Practical deep learning, together",
    )
    lead = guild.create_role(
        LEAD_ROLE,
        permissions=discord.Permissions(manage_guild=True),
        color=0xF0B232,
        hoist=True,
    )
    people = {
        key: Person(
            key=key,
            name=user.global_name or key,
            role="lead" if key == "grace" else "learner",
            user=user,
            member=guild.add_member(user, roles=[lead] if key == "grace" else []),
        )
        for key, user in users.items()
    }
    channels = {
        "gpu": guild.create_text_channel("gpu", topic="Rent a GPU, open a notebook, give it back"),
        "general": guild.create_text_channel("general", topic="Everything else"),
    }
    pictures = {_picture_url(bot_user.id): faces.bell("#5865f2")} | {
        _picture_url(users[key].id): faces.letter(name[0], colour) for key, name, colour in _PEOPLE
    }
    return World(guild=guild, channels=channels, people=people, lead_role=lead, pictures=pictures)


async def greet(world: World) -> None:
    """The conversation that a newcomer finds; to be called once the bot is ready."""
    ada, linus, grace = (world.people[key].member for key in ("ada", "linus", "grace"))
    await grace.send(
        world.gpu,
        "GPUs for the course are rented here. Type `/` to see what Bellhop can do, "
        "and `/help` if you are new.",
    )
    general = world.channels["general"]
    await grace.send(general, "Lesson 1 is up. You will want a machine with at least 16 GB.")
    await linus.send(general, "Where do I get one?")
    await ada.send(general, f"In {world.gpu.mention}. It takes a minute.")


def _picture_url(user_id: int) -> str:
    return f"{CDN_BASE}/avatars/{user_id}/{_PICTURE}.png"
