"""Who is a member, asked without a gateway session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import discord.http
import pytest
from aiohttp import web

from bot.adapters.discord.by_rest import ServersByRest
from bot.adapters.discord.members import DiscordMembers
from bot.errors import Unavailable
from tests.relay.conftest import until

SERVER, ROLE, ADA, OWN = 900000000000000001, 900000000000000005, 30, 900000000000000003
_USER = {"username": "u", "discriminator": "0", "global_name": None, "avatar": None}


def _role(number: int, name: str) -> dict[str, Any]:
    colours = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    facts = {"color": 0, "colors": colours, "hoist": False, "managed": False, "flags": 0}
    return facts | {
        "id": str(number),
        "name": name,
        "position": 1,
        "permissions": "0",
        "mentionable": False,
    }


def _say(body: object, status: int = 200) -> web.Response:
    """The library reads JSON of exactly this type only."""
    headers = {"content-type": "application/json"}
    return web.Response(body=json.dumps(body).encode(), status=status, headers=headers)


@pytest.fixture
async def discord_at(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """As much of Discord's REST as is asked."""
    own = _USER | {"id": str(OWN), "bot": True}
    application = {"id": str(OWN), "name": "b", "description": "", "icon": None, "flags": 0}
    application |= {"bot_public": False, "bot_require_code_grant": False, "verify_key": ""}
    application |= {"owner": _USER | {"id": "31"}, "rpc_origins": []}
    roles = [_role(SERVER, "@everyone"), _role(ROLE, "leads")]
    server = {"id": str(SERVER), "name": "Course", "owner_id": "31", "roles": roles}
    lists = ("emojis", "stickers", "features")
    server |= {name: [] for name in lists} | {"verification_level": 0, "nsfw_level": 0}
    server |= {"default_message_notifications": 0, "explicit_content_filter": 0}
    server |= {"mfa_level": 0, "premium_tier": 0, "preferred_locale": "en-GB"}
    server |= {"system_channel_flags": 0}
    ada = {"user": _USER | {"id": str(ADA)}, "roles": [str(ROLE)], "nick": "Ada", "flags": 0}
    ada |= {"joined_at": "2024-01-01T00:00:00+00:00", "deaf": False, "mute": False}

    async def answer(request: web.Request) -> web.Response:
        match [part for part in request.path.split("/") if part]:
            case ["users", "@me"]:
                return _say(own)
            case ["oauth2", "applications", "@me"]:
                return _say(application)
            case ["guilds", number] if number == str(SERVER):
                return _say(server)
            case ["guilds", _, "members", number] if number == str(ADA):
                return _say(ada)
            case _:
                return _say({"code": 10007, "message": "Unknown"}, status=404)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setattr(discord.http.Route, "BASE", f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield
    await runner.cleanup()


async def test_members_and_their_roles_are_known_without_a_session(discord_at: None) -> None:
    """Before the first look nothing is known, which is not the same as nobody."""

    async def ids() -> list[int]:
        return [SERVER]

    servers = ServersByRest(token="token", server_ids=ids)
    members = DiscordMembers(client=servers, lead_role=lambda: ROLE)
    with pytest.raises(Unavailable):
        await members.member(SERVER, ADA)

    running = asyncio.ensure_future(servers.run())
    try:
        await until(lambda: running.done() or servers.get_guild(SERVER) is not None, within_s=30)
        assert not running.done(), running.exception()
        ada = await members.member(SERVER, ADA)
        gone = await members.member(SERVER, 77)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await servers.close()

    assert ada is not None
    assert (ada.id, ada.name, ada.lead) == (ADA, "Ada", True)
    assert gone is None


async def test_a_server_we_were_removed_from_holds_up_no_other(discord_at: None) -> None:
    """Its rentals may still be open; whoever is in another server can be looked up."""

    async def ids() -> list[int]:
        return [SERVER - 1, SERVER]

    servers = ServersByRest(token="token", server_ids=ids)
    running = asyncio.ensure_future(servers.run())
    try:
        await until(lambda: running.done() or servers.get_guild(SERVER) is not None, within_s=30)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await servers.close()

    assert servers.get_guild(SERVER) is not None
    assert servers.get_guild(SERVER - 1) is None
