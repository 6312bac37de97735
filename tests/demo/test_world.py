"""The pretend server has what the story needs."""

from __future__ import annotations

from io import BytesIO

import discord
from PIL import Image

from bot.demo import faces
from bot.demo.live import LiveEnv
from bot.demo.stand_in import Demo
from bot.demo.world import GUILD_ID, build_world
from tests.demo.porter import Porter


async def test_the_bot_knows_its_server(porter: Porter, demo: Demo) -> None:
    """The server has the fixed id that settings name, and the channels are open to all."""
    guild = porter.get_guild(GUILD_ID)

    assert guild is not None
    assert {channel.name for channel in guild.text_channels} == {"gpu", "general"}
    assert porter.user is not None
    assert porter.user.name == "Bellhop"


async def test_only_the_lead_manages_the_server(porter: Porter, demo: Demo) -> None:
    """Grace has the role and the permission that make a lead; the learners have neither."""
    guild = porter.get_guild(GUILD_ID)
    assert guild is not None
    leads = set()

    for person in demo.world.people.values():
        member = await guild.fetch_member(person.user.id)
        if member.guild_permissions.manage_guild:
            assert demo.world.lead_role.id in {role.id for role in member.roles}
            leads.add(person.key)

    assert leads == {"grace"}


async def test_everybody_is_the_same_person_after_a_restart(porter: Porter, demo: Demo) -> None:
    """Another program's world has the same people: who rented before it is still a member."""
    before = {key: person.user.id for key, person in demo.world.people.items()}
    other = build_world(LiveEnv(Porter()))

    assert {key: person.user.id for key, person in other.people.items()} == before
    guild = porter.get_guild(GUILD_ID)
    assert guild is not None
    assert {(await guild.fetch_member(id)).id for id in before.values()} == set(before.values())


async def test_a_newcomer_finds_a_conversation(demo: Demo) -> None:
    """Nothing is empty: the first message says what to type."""
    assert isinstance(demo.world.gpu.last_message, discord.Message)
    assert "/help" in demo.world.gpu.last_message.content


def test_faces_are_pictures_of_the_right_size() -> None:
    """Discord's pictures are square."""
    for png in (faces.letter("A", "#2d7d46"), faces.bell("#5865f2")):
        assert Image.open(BytesIO(png)).size == (faces.SIZE, faces.SIZE)
