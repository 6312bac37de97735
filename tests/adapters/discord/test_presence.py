"""Whether somebody is in a server: yes, no, or not known."""

from __future__ import annotations

import pytest

from bot.adapters.discord.presence import DiscordPresence
from bot.errors import Unavailable
from tests.adapters.discord.conftest import Town


@pytest.fixture
def presence(town: Town) -> DiscordPresence:
    """Asks through the town's own client."""
    return DiscordPresence(client=town.client)


async def test_a_member_is_found_and_a_stranger_is_not(
    town: Town, presence: DiscordPresence
) -> None:
    """Only Discord's own word for it is an absence."""
    member = town.guild.add_member(town.env.create_user("ana"))

    found = await presence.member(town.guild.id, member.user.id)

    assert found is not None
    assert found.id == member.user.id
    assert await presence.member(town.guild.id, 4711) is None


@pytest.mark.parametrize(("status", "code"), [(503, 0), (403, 50001), (404, 10004)])
async def test_anything_else_is_not_known(
    town: Town, presence: DiscordPresence, status: int, code: int
) -> None:
    """Discord is away, refuses us, or does not know the server: nobody has left by that."""
    town.env.inject_error("GET", f"/guilds/{town.guild.id}/members*", status=status, code=code)

    with pytest.raises(Unavailable):
        await presence.member(town.guild.id, 4711)


async def test_a_server_that_we_are_not_in_is_not_known(presence: DiscordPresence) -> None:
    """The bot was removed there, or is not connected."""
    with pytest.raises(Unavailable):
        await presence.member(4711, 1)
