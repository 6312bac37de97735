"""A Discord for whole programs: REST and gateway on loopback, alive while the bot dies.

As little of Discord as `bellhop run` needs, but that as Discord does it: a nonce is honoured, an
interaction's token outlives the process, a message is there once it was taken, whether or not the
answer was heard. The bot runs unchanged; only the address of the API is another (`service.py`
beside this, `bellhop`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from aiohttp import WSMsgType, web

GUILD, CHANNEL, BOT, ADA = 900000000000000001, 900000000000000002, 900000000000000003, 30
_EPOCH_MS = 1420070400000
_OK = {"content-type": "application/json"}

Part = dict[str, Any]
Writing = Literal["message", "edit"]


@dataclass(slots=True)
class Doom:
    """What happens to the bot's next message of a kind: `spring` is called before it is there, or
    when it is there and nobody has been told; no answer is heard in either case."""

    writing: Writing
    taken: bool
    spring: Callable[[], None]
    sprung: bool = False


@dataclass(slots=True)
class Asked:
    """A command or a press, and what was answered: nothing, a promise, or components."""

    token: str
    acknowledged: bool = False
    components: list[Part] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Chat:
    """The pretend Discord: one server, one channel, Ada, and the bot."""

    def __init__(self) -> None:
        self.url = ""
        self.messages: dict[int, Part] = {}
        self.commands: dict[str, Part] = {}
        self.lost_answers = 0  # so many new messages are taken, and the answer is not heard
        self.token_reset = False
        self.dooms: list[Doom] = []
        self.refused_posts = 0  # so many new messages are answered with 429
        self.sessions_left, self.sessions_reset_s = 1000, 86400.0
        self._asked: dict[str, Asked] = {}
        self._numbers = itertools.count(1)
        self._sequence = itertools.count(1)
        self._socket: web.WebSocketResponse | None = None
        self._here = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # --- What Ada does ---

    async def online(self, within_s: float) -> None:
        """Wait until the bot holds a gateway connection."""
        async with asyncio.timeout(within_s):
            await self._here.wait()

    def gone(self) -> None:
        """The process was killed: do not wait for TCP to say so."""
        self._here.clear()
        self._socket = None

    async def reset_token(self) -> None:
        """As in the portal: the gateway ends the session, and the token opens none again."""
        self.token_reset = True
        if self._socket is not None:
            await self._socket.close(code=4004, message=b"Authentication failed.")

    async def command(self, name: str, **options: object) -> list[Part]:
        """Run a slash command; the components of its answer. Raises TimeoutError for none."""
        chosen = [{"name": key, "type": _kind(one), "value": one} for key, one in options.items()]
        data = {"id": self.commands[name]["id"], "name": name, "type": 1, "options": chosen}
        return await self._ask({"type": 2, "data": data})

    async def press(self, shown: list[Part], prefix: str) -> list[Part]:
        """Press the button that begins like that below what is shown; what is answered."""
        data = {"custom_id": button(shown, prefix), "component_type": 2}
        message = self._message(shown, flags=32768 | 64)
        return await self._ask({"type": 3, "data": data, "message": message})

    def cards(self, rental_id: str) -> list[Part]:
        """The messages that are the rental's card: its last line ends with the rental's id.

        A receipt names the rental as well, and comes here where no direct message can be sent.
        """
        last = re.compile(rf"^-# <@.*· {rental_id}$", re.MULTILINE)
        return [one for one in self.messages.values() if last.search(words(one["components"]))]

    async def _ask(self, interaction: Part) -> list[Part]:
        number = str(self._snowflake())
        asked = self._asked[number] = Asked(f"token{number}")
        await self._dispatch(
            "INTERACTION_CREATE",
            interaction
            | {
                "id": number,
                "application_id": str(BOT),
                "token": asked.token,
                "version": 1,
                "guild_id": str(GUILD),
                "channel_id": str(CHANNEL),
                "channel": _channel(),
                "member": _member(),
                "app_permissions": str(2**50 - 1),
                "attachment_size_limit": 10_000_000,
                "locale": "en-GB",
                "entitlements": [],
                "authorizing_integration_owners": {},
            },
        )
        async with asyncio.timeout(20):
            while not asked.components:
                await asked.changed.wait()
                asked.changed.clear()
        return asked.components

    # --- What the bot sees ---

    async def _dispatch(self, event: str, data: object) -> None:
        if self._socket is None:
            raise TimeoutError("the bot is not connected")
        packet = {"op": 0, "s": next(self._sequence), "t": event, "d": data}
        with contextlib.suppress(ConnectionError):
            await self._socket.send_str(json.dumps(packet))

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"op": 10, "d": {"heartbeat_interval": 41000}}))
        async for packet in socket:
            if packet.type is not WSMsgType.TEXT:
                break
            said = json.loads(packet.data)
            if said["op"] == 1:
                await socket.send_str(json.dumps({"op": 11}))
            elif said["op"] in (2, 6) and self.token_reset:
                await socket.close(code=4004, message=b"Authentication failed.")
            elif said["op"] in (2, 6):
                self._socket = socket
                await self._welcome(request)
                self._here.set()
        if self._socket is socket:
            self.gone()
        return socket

    async def _welcome(self, request: web.Request) -> None:
        ready = {
            "v": 10,
            "user": _bot(),
            "session_id": "s",
            "resume_gateway_url": f"ws://{request.host}/gateway",
            "guilds": [{"id": str(GUILD), "unavailable": True}],
            "application": {"id": str(BOT), "flags": 0},
        }
        guild = {
            "id": str(GUILD),
            "name": "Course",
            "owner_id": "31",
            "roles": [_everyone()],
            "channels": [_channel()],
            "members": [_member() | {"user": _bot()}],  # of all members Discord tells us ourselves
            "member_count": 2,
            "emojis": [],
            "stickers": [],
            "threads": [],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "features": [],
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "preferred_locale": "en-GB",
            "system_channel_flags": 0,
        }
        await self._dispatch("READY", ready)
        await self._dispatch("GUILD_CREATE", guild)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = [part for part in request.path.split("/") if part]
        if path == ["gateway"]:
            return await self._gateway(request)
        body = await request.json() if request.can_read_body else {}
        match request.method, *path:
            case _ if self.token_reset:
                return _say({"message": "401: Unauthorized", "code": 0}, status=401)
            case "GET", "users", "@me":
                return _say(_bot())
            case "GET", "gateway", "bot":
                return _say(self._gateway_for_bots())
            case "GET", "oauth2", "applications", "@me":
                return _say(_application())
            case "PUT", "applications", _, "commands":
                return _say(self._register(body))
            case "POST", "interactions", number, _, "callback":
                return _say(self._acknowledge(number, body))
            case _, "webhooks", _, token, "messages", "@original":
                return self._original(request.method, token, body)
            case "POST", "webhooks", _, token:
                return self._original("PATCH", token, body)
            case "POST", "users", "@me", "channels":
                return _say({"id": str(CHANNEL + 7), "type": 1, "recipients": [_ada()]})
            case "POST", "channels", _, "messages" if self.refused_posts:
                self.refused_posts -= 1
                return _slow_down()
            case "POST", "channels", channel, "messages":
                return self._written(
                    request, "message", lambda: self._post(request, int(channel), body)
                )
            case "GET", "channels", channel, "messages":
                mine = [m for m in self.messages.values() if m["channel_id"] == channel]
                return _say(sorted(mine, key=lambda one: -int(one["id"]))[:50])
            case "PATCH", "channels", _, "messages", number if int(number) in self.messages:
                return self._written(request, "edit", lambda: self._edit(int(number), body))
        return _say({"code": 10008, "message": "Unknown"}, 404)

    def _written(
        self, request: web.Request, writing: Writing, take: Callable[[], web.Response]
    ) -> web.Response:
        """Take a message or an edit, unless a doom lies in wait for it."""
        doom = next((one for one in self.dooms if one.writing == writing and not one.sprung), None)
        if doom is None:
            return take()
        doom.sprung = True
        if doom.taken:
            take()
        doom.spring()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _edit(self, number: int, body: Part) -> web.Response:
        self.messages[number] |= {"components": body["components"]}
        return _say(self.messages[number])

    def _gateway_for_bots(self) -> Part:
        limit = {"total": 1000, "remaining": self.sessions_left, "max_concurrency": 1}
        limit["reset_after"] = round(self.sessions_reset_s * 1000)
        return {"url": self.url, "shards": 1, "session_start_limit": limit}

    def _register(self, body: list[Part]) -> list[Part]:
        self.commands = {
            one["name"]: one | {"id": str(self._snowflake()), "application_id": str(BOT)}
            for one in body
        }
        return list(self.commands.values())

    def _acknowledge(self, number: str, body: Part) -> Part:
        asked = self._asked[number]
        asked.acknowledged = True
        self._note(asked, (body.get("data") or {}).get("components") or [])
        return {"interaction": {"id": number, "type": 2}}

    def _original(self, method: str, token: str, body: Part) -> web.Response:
        asked = next((one for one in self._asked.values() if one.token == token), None)
        if asked is None or not asked.acknowledged:
            return _say({"code": 10015, "message": "Unknown Webhook"}, 404)
        if method == "PATCH":
            self._note(asked, body.get("components") or [])
        return _say(self._message(asked.components, flags=32768 | 64))

    def _note(self, asked: Asked, components: list[Part]) -> None:
        if components:
            asked.components = components
            asked.changed.set()

    def _post(self, request: web.Request, channel: int, body: Part) -> web.Response:
        for one in self.messages.values():
            if body.get("enforce_nonce") and one["nonce"] == body.get("nonce"):
                return _say(one)
        message = self._message(body.get("components") or [], channel=channel)
        message["nonce"] = body.get("nonce")
        self.messages[int(message["id"])] = message
        if self.lost_answers and request.transport is not None:
            self.lost_answers -= 1
            request.transport.abort()
        return _say(message)

    def _message(
        self, components: list[Part], *, channel: int = CHANNEL, flags: int = 32768
    ) -> Part:
        return {
            "id": str(self._snowflake()),
            "channel_id": str(channel),
            "author": _bot(),
            "content": "",
            "timestamp": datetime.now(UTC).isoformat(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "pinned": False,
            "type": 0,
            "flags": flags,
            "components": components,
        }

    def _snowflake(self) -> int:
        return ((int(time.time() * 1000) - _EPOCH_MS) << 22) + next(self._numbers)


def walk(parts: list[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from walk(part.get("components") or [])


def words(parts: list[Part]) -> str:
    return "\n".join(str(part["content"]) for part in walk(parts) if part.get("content"))


def button(parts: list[Part], prefix: str) -> str:
    """The custom id of the button that begins like that."""
    for part in walk(parts):
        if str(part.get("custom_id", "")).startswith(prefix):
            return str(part["custom_id"])
    raise AssertionError(f"no button {prefix}: {words(parts)}")


def _say(body: object, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, headers=_OK)


def _slow_down() -> web.Response:
    """As Discord says it; without `Via` its library takes it for a ban by somebody else."""
    said = {"message": "You are being rate limited.", "retry_after": 1.0, "global": False}
    headers = {**_OK, "Via": "1.1 discord", "Retry-After": "1"}
    return web.Response(body=json.dumps(said).encode(), status=429, headers=headers)


def _kind(value: object) -> int:
    return 5 if isinstance(value, bool) else 4 if isinstance(value, int) else 3


def _bot() -> Part:
    named = {"username": "bellhop", "discriminator": "0", "global_name": None, "avatar": None}
    return named | {"id": str(BOT), "bot": True}


def _ada() -> Part:
    named = {"username": "ada", "discriminator": "0", "global_name": "Ada", "avatar": None}
    return named | {"id": str(ADA)}


def _member() -> Part:
    return {
        "user": _ada(),
        "nick": None,
        "roles": [],
        "joined_at": "2024-01-01T00:00:00+00:00",
        "deaf": False,
        "mute": False,
        "flags": 0,
        "permissions": "2147483648",
    }


def _application() -> Part:
    return {
        "id": str(BOT),
        "name": "bellhop",
        "description": "",
        "icon": None,
        "bot_public": False,
        "bot_require_code_grant": False,
        "owner": _ada(),
        "verify_key": "",
        "rpc_origins": [],
        "flags": 0,
    }


def _everyone() -> Part:
    return {
        "id": str(GUILD),
        "name": "@everyone",
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": 0,
        "permissions": "8",
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def _channel() -> Part:
    return {
        "id": str(CHANNEL),
        "type": 0,
        "guild_id": str(GUILD),
        "name": "gpu",
        "position": 0,
        "permission_overwrites": [],
        "nsfw": False,
        "parent_id": None,
    }
