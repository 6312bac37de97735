"""The bot's account, looked at over real HTTP with the real library."""

from __future__ import annotations

import discord
import pytest
from discord.http import Route

from bot.adapters.discord.account import PERMISSIONS, look
from bot.errors import Config, Unavailable
from tests.verbs.discord_api import APPLICATION, TOKEN, discord_api


async def test_a_good_token_names_its_bot_and_gives_the_invite(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The link asks for exactly what is needed, and for the commands."""
    async with discord_api() as base:
        monkeypatch.setattr(Route, "BASE", base)

        found = await look(TOKEN)

    assert found.name == "Bellhop"
    assert f"client_id={APPLICATION}" in found.invite
    assert f"permissions={PERMISSIONS.value}" in found.invite
    assert "bot+applications.commands" in found.invite
    assert [(one.name, one.missing) for one in found.servers] == [("Team", ())]


async def test_missing_permissions_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An administrator lacks none."""
    held = discord.Permissions(PERMISSIONS.value)
    held.update(attach_files=False, read_message_history=False)
    async with discord_api(held) as base:
        monkeypatch.setattr(Route, "BASE", base)
        (server,) = (await look(TOKEN)).servers
    async with discord_api(discord.Permissions(administrator=True)) as base:
        monkeypatch.setattr(Route, "BASE", base)
        (administered,) = (await look(TOKEN)).servers

    assert set(server.missing) == {"attach_files", "read_message_history"}
    assert administered.missing == ()


async def test_a_refused_token_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the token."""
    async with discord_api() as base:
        monkeypatch.setattr(Route, "BASE", base)
        with pytest.raises(Config) as refused:
            await look("bad.discord.token")

    assert refused.value.name == "DISCORD_TOKEN"
    assert "bad.discord" not in str(refused.value)


async def test_without_discord_nothing_is_concluded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token may be good."""
    monkeypatch.setattr(Route, "BASE", "http://127.0.0.1:9")

    with pytest.raises(Unavailable):
        await look(TOKEN)
