"""Looks at what is not ours: Vast, Discord, the relay's address and its name."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from bot.adapters.discord import account
from bot.adapters.vast.client import Vast
from bot.app.parts import SystemClock
from bot.config import Settings
from bot.domain.offers import Wish
from bot.domain.rentals import mark_of
from bot.errors import Denied, system_reason
from bot.tasks import aside
from bot.verbs.check_house import own_key
from bot.verbs.lines import Line, fault, note, ok

_HTTP_S = 5.0
_LITTLE_CREDIT = 1


async def vast(settings: Settings) -> Sequence[Line]:
    """The key, what it may read, and the credit. What it may change shows only when it does."""
    market = Vast(url=settings.vast_url, api_key=settings.vast_api_key, clock=SystemClock())
    rivals: list[Line] = []
    try:
        owner = await market.account()
        lacking = [right for right in _rights(market) if await _denied(right.call)]
        if not lacking:
            rivals = await _rivals(settings, market)
    except Denied as error:
        return [fault("Vast key", "Refused by Vast.", _key_advice(error))]
    finally:
        await market.close()
    credit = f"The account has {owner.credit}."
    empty = owner.credit.dollars < _LITTLE_CREDIT
    return [
        fault(
            "Vast key",
            f"It may not {' nor '.join(one.what for one in lacking)}.",
            f"Give it {', '.join(one.name for one in lacking)} in the Vast console (Keys), or "
            "make a new one.",
        )
        if lacking
        else ok("Vast key", "Good; machines, offers and charges can be read."),
        note("Vast credit", credit, "Add some before you rent.")
        if empty
        else ok("Vast credit", credit),
        *rivals,
    ]


async def chat(settings: Settings) -> Sequence[Line]:
    """The token, the intents, the servers, and the link that lets the bot in."""
    found = await account.look(settings.discord_token)
    lines = [
        ok("Discord token", f"Good; it is {found.name}'s. No privileged intent is needed."),
        ok("Discord invite", found.invite),
    ]
    if found.public:
        lines.append(
            note(
                "Discord bot",
                "Anybody may invite it into a server of theirs, and rent there.",
                "Switch Public Bot off in the Discord developer portal (Bot).",
            )
        )
    lines += [
        note(
            "Discord server",
            f"In {one.name} it lacks {', '.join(one.missing).replace('_', ' ')}.",
            "Give its role these, or use the invite link again.",
        )
        if one.missing
        else ok("Discord server", f"In {one.name}, with every permission it needs.")
        for one in found.servers
    ]
    ids = {one.id for one in found.servers}
    if not ids:
        lines.append(note("Discord server", "It is in none.", "Use the invite link."))
    elif settings.guild_id is not None and settings.guild_id not in ids:
        lines.append(
            note("DISCORD_GUILD_ID", "The bot is not in that server.", "Use the invite link.")
        )
    return lines


async def relay(settings: Settings) -> Sequence[Line]:
    """The address it listens on: free, or answered by our own relay."""
    where = f"{settings.relay_host}:{settings.relay_port}"
    try:
        await aside(lambda: _bind(settings.relay_host, settings.relay_port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE and await _is_ours(settings):
            return [ok("relay", f"{where} is answered by a running Bellhop.")]
        return [
            fault(
                "relay",
                f"{where} cannot be used ({system_reason(error)}).",
                "Stop what uses it, or set BELLHOP_RELAY_LISTEN to another address.",
            )
        ]
    return [ok("relay", f"{where} is free.")]


async def name(settings: Settings) -> Sequence[Line]:
    """Whether a rental's own name leads anywhere."""
    host = urlsplit(settings.relay_url.replace("{rental}", f"check{secrets.token_hex(3)}")).hostname
    host = host or ""
    if host == "localhost" or host.endswith(".localhost"):
        said = f"{host.partition('.')[2]} opens in browsers on this computer only."
        return [note("relay name", said, "Set BELLHOP_RELAY_URL for others to open notebooks.")]
    try:
        found = await aside(lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except OSError as error:
        return [
            fault(
                "relay name",
                f"{host} is not known ({system_reason(error)}).",
                f"Add a wildcard record *.{host.partition('.')[2]} to the DNS.",
            )
        ]
    said = f"{host} leads to {found[0][4][0]}."
    if not settings.relay_url.startswith("https://"):
        return [note("relay name", said, "Notebooks travel unencrypted; use https://.")]
    return [ok("relay name", said)]


@dataclass(frozen=True, slots=True)
class _Right:
    """Something that the key is needed for, and what Vast calls the right to it."""

    what: str
    name: str
    call: Callable[[], Awaitable[object]]


def _rights(market: Vast) -> list[_Right]:
    """Those that can be tried without changing anything; renting needs instance_write as well."""
    now = SystemClock().now()
    return [
        _Right("list machines", "instance_read", market.machines),
        _Right("search offers", "misc", lambda: market.search(Wish())),
        _Right("read charges", "billing_read", lambda: market.charges(since=now, until=now)),
    ]


async def _rivals(settings: Settings, market: Vast) -> list[Line]:
    """Machines with our name and another Bellhop's key; nothing to say before there is our own."""
    key = await own_key(settings)
    if key is None:
        return []
    own = mark_of(key.public_line())
    label = f"{settings.installation}/"
    theirs = [
        one
        for one in await market.machines()
        if one.label.startswith(label) and one.mark and one.mark != own
    ]
    if not theirs:
        return []
    count = f"{len(theirs)} machine{'s' if len(theirs) > 1 else ''}"
    return [
        note(
            "Vast account",
            f"{count} of another Bellhop that is named {settings.installation}, too.",
            "Give one of the two another BELLHOP_INSTALLATION.",
        )
    ]


async def _denied(call: Callable[[], Awaitable[object]]) -> bool:
    try:
        await call()
    except Denied:
        return True
    return False


def _key_advice(error: Denied) -> str:
    """A second factor and a missing right say so themselves; else the key is no key."""
    if error.hint != Denied.hint:
        return error.hint
    return "VAST_API_KEY is wrong or was revoked: put a key from the Vast console (Keys) there."


def _bind(host: str, port: int) -> None:
    """Raises OSError unless the address can be listened on, as the relay does it."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()


async def _is_ours(settings: Settings) -> bool:
    """Whether what listens there answers as a relay of this program does."""
    everywhere = settings.relay_host in ("0.0.0.0", "::", "")
    host = "127.0.0.1" if everywhere else settings.relay_host
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.relay_port}/-/healthz"
    bare = urlsplit(settings.relay_url.replace("{rental}.", "")).netloc
    timeout = aiohttp.ClientTimeout(total=_HTTP_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers={"Host": bare}, allow_redirects=False) as answer,
        ):
            return answer.status == 200 and await answer.json(content_type=None) == {"ok": True}
    except (aiohttp.ClientError, ValueError, OSError, TimeoutError):
        return False
