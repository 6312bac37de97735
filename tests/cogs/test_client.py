"""The client's start and end: what is loaded, what is told to Discord, and what stops it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import discord
import pytest
import simcord
from aiohttp import web

from bot import client
from bot.client import Bellhop, Services
from bot.errors import Config, Unavailable

COMMANDS = [
    *("archives", "board", "budget", "destroy", "help", "keep", "offers", "open", "rent", "save"),
    *("settings", "share", "spend", "ssh", "sshkey", "status", "unshare"),
]


@pytest.fixture
async def discord_says(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Awaitable]]:
    """Point the library at a server of our own that answers everything with one status."""
    runners: list[web.AppRunner] = []

    async def start(status: int) -> None:
        async def answer(_: web.Request) -> web.Response:
            return web.json_response({"message": "no", "code": 0}, status=status)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        monkeypatch.setattr(discord.http.Route, "BASE", f"http://{host}:{port}")

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_every_command_is_told_to_discord_and_to_the_one_server(services: Services) -> None:
    """Globally, and in DISCORD_GUILD_ID, where they show at once."""
    bot = Bellhop(services=services, guild_id=1_310_000_000_000_000_000)
    env = simcord.Env(bot)
    env.create_guild("Team", id=1_310_000_000_000_000_000)
    await env.start()
    everywhere = await bot.tree.fetch_commands()
    here = await bot.tree.fetch_commands(guild=discord.Object(1_310_000_000_000_000_000))
    await env.shutdown()
    await bot.close()

    assert sorted(one.name for one in everywhere) == COMMANDS
    assert sorted(one.name for one in here) == COMMANDS


async def test_a_server_without_the_bot_does_not_stop_it(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    """DISCORD_GUILD_ID may be set before the bot is invited; the log names it."""
    bot = Bellhop(services=services, guild_id=7)
    env = simcord.Env(bot)
    env.inject_error("PUT", "/applications/*/guilds/7/commands", status=403, code=50001)
    await env.start()
    await env.shutdown()
    await bot.close()

    assert "DISCORD_GUILD_ID" in caplog.text


async def test_a_cog_that_fails_stops_the_start(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a bot is worse than none."""
    monkeypatch.setattr(client, "EXTENSIONS", (*client.EXTENSIONS, "cogs.nosuch"))
    bot = Bellhop(services=services)
    env = simcord.Env(bot)

    with pytest.raises(discord.ext.commands.ExtensionError):
        await env.start()
    await bot.close()


async def test_no_privileged_intent_is_asked_for(services: Services) -> None:
    """Neither messages nor members are read."""
    bot = Bellhop(services=services)

    assert bot.intents == discord.Intents(guilds=True)
    await bot.close()


async def test_a_refused_token_is_a_setting_that_is_wrong(
    services: Services, discord_says: Callable[..., Awaitable]
) -> None:
    """The line names the setting; the token is not in it."""
    await discord_says(401)
    bot = Bellhop(services=services)

    with pytest.raises(Config) as error:
        await bot.log_in("MTA.secret.token")

    assert str(error.value).startswith("DISCORD_TOKEN: is refused by Discord.")
    assert "secret" not in str(error.value)
    await bot.close()


async def test_a_discord_that_cannot_be_reached_is_said(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens there."""
    monkeypatch.setattr(discord.http.Route, "BASE", "http://127.0.0.1:9")
    bot = Bellhop(services=services)

    with pytest.raises(Unavailable) as error:
        await bot.log_in("MTA.secret.token")

    assert error.value.public == "Discord cannot be reached."
    assert "secret" not in str(error.value)
    await bot.close()
