"""The three answers of Discord's HTTP that `bellhop check` asks for, from a server of our own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
from aiohttp import web

from bot.adapters.discord.account import PERMISSIONS

TOKEN = "good.discord.token"
APPLICATION = 1098765432109870001
SERVER = 1098765432109876543

_APP: dict[str, Any] = {
    "id": str(APPLICATION),
    "name": "Bellhop",
    "icon": None,
    "description": "",
    "bot_public": True,
    "bot_require_code_grant": False,
    "verify_key": "0",
    "owner": {"id": "7", "username": "lea", "discriminator": "0", "avatar": None},
    "team": None,
}


@asynccontextmanager
async def discord_api(permissions: discord.Permissions = PERMISSIONS) -> AsyncIterator[str]:
    """Its address, as the library's base."""

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return _json({"message": "401: Unauthorized", "code": 0}, status=401)
        if request.path.endswith("/guilds"):
            row = {"id": str(SERVER), "name": "Team", "permissions": str(permissions.value)}
            return _json([row])
        if request.path.startswith("/oauth2"):
            return _json(_APP)
        return _json({**_APP["owner"], "bot": True})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _json(body: object, status: int = 200) -> web.Response:
    """With the bare content type: the library reads nothing else as JSON."""
    headers = {"Content-Type": "application/json"}
    return web.Response(body=json.dumps(body).encode(), status=status, headers=headers)
