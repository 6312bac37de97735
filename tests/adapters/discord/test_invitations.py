"""Letters about shares on Discord: each of the two people gets theirs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.adapters.discord.invitations import DiscordInvitations
from bot.domain.shares import Share
from bot.errors import Undeliverable
from cogs.ui import sharing
from tests.adapters.discord.conftest import Town
from tests.builders import NOW


async def test_an_owner_is_told_though_the_member_cannot_be(town: Town) -> None:
    """A lead lets somebody in who takes no messages, on a machine whose channel is closed to us."""
    ada = town.guild.add_member(town.env.create_user("ada"))
    ben = town.guild.add_member(town.env.create_user("ben"))
    rental = town.rental(owner_id=ada.id)
    share = Share(
        id="shr",
        rental_id=rental.id,
        guild_id=town.guild.id,
        member_id=ben.id,
        member_name="Ben",
        by_id=4711,
        view_only=False,
        made_at=NOW,
        until=NOW + timedelta(hours=1),
    )
    closed = f"/channels/{ben.user.dm_channel.id}/messages"
    town.env.inject_error("POST", closed, status=403, code=50007)
    town.refuse(403, 50013)
    letters = DiscordInvitations(client=town.client, render=sharing.letter)

    with pytest.raises(Undeliverable):
        await letters.tell(share, rental)

    assert len(ada.user.dm_channel.history()) == 1
