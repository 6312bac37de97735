"""The relay's login page on its bare address: to Discord and back, and on to the notebook.

The browser that comes back must be the one that went, which a cookie of the bare address tells.
Where it goes on to is made of our own address and a name that leads to a rental, never of what was
asked for.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web

from bot.errors import BotError, Refused
from bot.relay import headers, pages, sheets
from bot.relay.hosts import Hosts
from bot.relay.sheets import Link, Page
from bot.services.sign_in import LIFE, SignIn

SIGN_IN_PATH = "/-/login"
BACK_PATH = "/-/login/back"

_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LONGEST = 512  # characters of a code or a state; Discord's have some dozens


class SignInDoor:
    def __init__(self, *, sign_in: SignIn, hosts: Hosts) -> None:
        self._sign_in = sign_in
        self._hosts = hosts
        self._cookie = "__Host-bellhop-login" if hosts.secure else "bellhop-login"

    def link(self, label: str) -> Link:
        """The button that leads here; `label` is the first part of the host name to be entered."""
        to = f"?to={quote(label)}" if label else ""
        return Link("Sign in with Discord", f"{self._hosts.bare}{SIGN_IN_PATH}{to}")

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse | Page:
        if request.method not in ("GET", "HEAD"):
            return pages.malformed()
        try:
            match request.path:
                case "/-/login":
                    return self._begin(request)
                case "/-/login/back":
                    return await self._finish(request)
                case _:
                    return pages.unknown_address()
        except Refused as error:
            return pages.not_signed_in(error, self.link(""))
        except BotError as error:
            return pages.failed(error)

    def _begin(self, request: web.BaseRequest) -> web.StreamResponse | Page:
        label = request.query.get("to", "")
        if label and not _LABEL.fullmatch(label):
            return pages.unknown_address()
        if request.method == "HEAD":
            return pages.bare()  # nothing is begun for a look
        begun = self._sign_in.begin(label)
        response = _to(begun.url)
        response.set_cookie(
            self._cookie,
            begun.nonce,
            max_age=int(LIFE.total_seconds()),
            path="/",
            httponly=True,
            samesite="Lax",  # it comes back from another site, by a link
            secure=self._hosts.secure,
        )
        return response

    async def _finish(self, request: web.BaseRequest) -> web.StreamResponse | Page:
        state, code = request.query.get("state", ""), request.query.get("code", "")
        nonces = headers.cookies(request.headers, self._cookie)
        if request.method == "HEAD" or max(map(len, (state, code, *nonces))) > _LONGEST:
            return pages.malformed()
        if not code:
            return pages.not_signed_in(_declined(), self.link(""))
        ways = await self._sign_in.finish(state=state, nonce=nonces[0] if nonces else "", code=code)
        answer: web.StreamResponse
        if len(ways) == 1:
            answer = _to(ways[0].url)
        else:
            shown = pages.notebooks([Link(way.title, way.url) for way in ways])
            answer = sheets.answer(shown, html=True)
        answer.del_cookie(self._cookie, path="/", secure=self._hosts.secure, httponly=True)
        return answer


def _declined() -> Refused:
    return Refused(
        "the person said no at Discord",
        public="You did not sign in.",
        hint="Nothing was passed on. /open in Discord lets you in as well.",
    )


def _to(url: str) -> web.Response:
    return web.Response(
        status=HTTPStatus.SEE_OTHER,
        headers={
            "Location": url,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "Server": headers.SERVER,
        },
    )
