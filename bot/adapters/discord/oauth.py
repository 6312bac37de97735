"""Discord's OAuth2, the part that says who somebody is: authorize, token, users/@me.

Scope `identify` only, with PKCE (RFC 7636). The access token lives for the length of one call of
ours, is used once, and is given back (docs.discord.com, Topics, OAuth2; read in November 2026).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.errors import Unavailable
from bot.ports.identities import Identity

BASE = "https://discord.com"
DEADLINE_S = 15.0

log = logging.getLogger(__name__)


class DiscordIdentities:
    """`ports.Identities`. `base` is another server's only in tests."""

    def __init__(self, *, client_id: str, client_secret: str, back: str, base: str = BASE) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._back = back
        self._base = base

    def address(self, *, state: str, challenge: str) -> str:
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "scope": "identify",
            "redirect_uri": self._back,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "prompt": "none",
        }
        return f"{self._base}/oauth2/authorize?{urlencode(asked)}"

    async def identify(self, *, code: str, verifier: str) -> Identity | None:
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            ):
                token = await self._token(session, code, verifier)
                if token is None:
                    return None
                try:
                    return await self._me(session, token)
                finally:
                    await self._give_back(session, token)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Unavailable(
                f"no answer to a sign-in: {type(error).__name__}",
                public="Discord does not answer right now.",
                hint="Try again in a minute, or use /open in Discord.",
            ) from error

    async def _token(self, session: aiohttp.ClientSession, code: str, verifier: str) -> str | None:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": verifier,
        }
        async with session.post(
            f"{self._base}/api/v10/oauth2/token",
            data=asked,
            headers=self._auth,
            allow_redirects=False,
        ) as answer:
            said = await answer.json(content_type=None)
            if answer.status == 401 or said.get("error") == "invalid_client":
                log.error("Discord refuses DISCORD_CLIENT_ID with DISCORD_CLIENT_SECRET")
                raise Unavailable(
                    "the client is refused",
                    public="Signing in is not set up right.",
                    hint="Whoever runs this bot must look at it; /open in Discord lets you in.",
                )
            if 400 <= answer.status < 429:
                return None
            answer.raise_for_status()
        return _word(said, "access_token")

    async def _me(self, session: aiohttp.ClientSession, token: str) -> Identity:
        headers = {"Authorization": f"Bearer {token}"}
        async with session.get(
            f"{self._base}/api/v10/users/@me", headers=headers, allow_redirects=False
        ) as answer:
            answer.raise_for_status()
            said = await answer.json(content_type=None)
        return Identity(int(_word(said, "id")), str(said.get("global_name") or said["username"]))

    async def _give_back(self, session: aiohttp.ClientSession, token: str) -> None:
        """Nobody can use it any more; where that fails it runs out by itself."""
        asked = {"token": token, "token_type_hint": "access_token"}
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with session.post(
                f"{self._base}/api/v10/oauth2/token/revoke", data=asked, headers=self._auth
            ):
                pass

    @property
    def _auth(self) -> dict[str, str]:
        return {"Authorization": aiohttp.encode_basic_auth(self._client_id, self._client_secret)}


def _word(said: Any, name: str) -> str:
    found = said.get(name) if isinstance(said, dict) else None
    if not isinstance(found, str) or not found:
        raise ValueError(f"no {name} in Discord's answer")
    return found
