"""The part of Discord that signs people in, from a server of our own.

It checks what Discord checks: the client, the redirect, the scope, PKCE, and that a code and a
token are used in time and once.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode

from aiohttp import BasicAuth, web

CLIENT_ID = "1098765432109870001"
CLIENT_SECRET = "the-clients-secret"


@dataclass
class OAuthServer:
    """`person` is who sits at the browser; None says no. `fault` comes in place of a token."""

    back: str
    person: int | None = 100
    fault: int | None = None
    tokens: set[str] = field(default_factory=set)
    given_back: list[str] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    _codes: dict[str, str] = field(default_factory=dict)
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/oauth2/authorize", self._authorize)
        app.router.add_post("/api/v10/oauth2/token", self._token)
        app.router.add_post("/api/v10/oauth2/token/revoke", self._revoke)
        app.router.add_get("/api/v10/users/@me", self._me)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self.asked.append(asked)
        fits = (
            asked["response_type"] == "code"
            and asked["client_id"] == CLIENT_ID
            and asked["redirect_uri"] == self.back
            and asked["scope"] == "identify"
            and asked["code_challenge_method"] == "S256"
        )
        if not fits:
            return web.Response(status=400)
        said = {"state": asked["state"], "error": "access_denied"}
        if self.person is not None:
            code = secrets.token_urlsafe(16)
            self._codes[code] = asked["code_challenge"]
            said = {"state": asked["state"], "code": code}
        raise web.HTTPFound(f"{self.back}?{urlencode(said)}")

    async def _token(self, request: web.Request) -> web.Response:
        if self.fault is not None:
            return web.json_response({"error": "invalid_client"}, status=self.fault)
        if not _ours(request):
            return web.json_response({"error": "invalid_client"}, status=401)
        form = await request.post()
        challenge = self._codes.pop(str(form["code"]), "")
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        proven = base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
        if not proven or form["redirect_uri"] != self.back:
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = secrets.token_urlsafe(16)
        self.tokens.add(token)
        return web.json_response(
            {"access_token": token, "token_type": "Bearer", "scope": "identify"}
        )

    async def _me(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return web.json_response({}, status=401)
        return web.json_response({"id": str(self.person), "username": "ana", "global_name": "Ana"})

    async def _revoke(self, request: web.Request) -> web.Response:
        token = str((await request.post())["token"])
        self.tokens.discard(token)
        self.given_back.append(token)
        return web.json_response({})


def _ours(request: web.Request) -> bool:
    try:
        auth = BasicAuth.decode(request.headers.get("Authorization", ""))
    except ValueError:
        return False
    return (auth.login, auth.password) == (CLIENT_ID, CLIENT_SECRET)
