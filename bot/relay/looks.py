"""The house's own look at a notebook, by the way a browser takes: in at the relay's front door.

Name, cookie and route are the same as a person's; only what comes before the relay (a proxy that
does TLS, the person's network) is not seen from here.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from bot.domain.rentals import RentalId
from bot.relay.hosts import Hosts
from bot.services.links import Links

TOTAL_S = 15.0
_HOPS = 4  # "/" leads to "/lab?", and that may lead on
_ANY = ("0.0.0.0", "::")


class Looks:
    """Asks the relay for notebooks' pages. `listening_at` says where it listens."""

    def __init__(self, *, links: Links, hosts: Hosts, cookie: str) -> None:
        self._links = links
        self._hosts = hosts
        self._cookie = cookie
        self._base = ""
        self._session: aiohttp.ClientSession | None = None

    def listening_at(self, address: Any) -> None:
        host, port = address[0], address[1]
        if host in _ANY:
            host = "127.0.0.1" if host == "0.0.0.0" else "::1"
        self._base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def close(self) -> None:
        self._base = ""
        if self._session is not None:
            await self._session.close()

    async def fault(self, rental_id: RentalId, path: str = "/") -> str:
        """Why a page does not come, in words for a card; empty when it does. Never raises."""
        if not self._base:
            return "The relay is not listening."
        try:
            async with asyncio.timeout(TOTAL_S):
                return await self._look(rental_id, path)
        except TimeoutError:
            return f"The notebook's page did not come within {TOTAL_S:.0f} s."
        except (aiohttp.ClientError, OSError):
            return "The relay broke off when it was asked for the notebook's page."
        except RuntimeError:
            if self._base:
                raise
            return "The relay is being stopped."  # in the middle of a look

    async def _look(self, rental_id: RentalId, path: str) -> str:
        kind = "text/html" if path == "/" else "application/json"
        for _ in range(_HOPS):
            async with self._client().get(
                self._base + path, headers=self._headers(rental_id), allow_redirects=False
            ) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    path = _path(urljoin(path, answer.headers.get("Location", "")))
                    continue
                if answer.status == 200 and answer.content_type == kind:
                    return ""
                return f"The notebook's page is answered with {answer.status}."
        return "The notebook's page leads round in a circle."

    def _headers(self, rental_id: RentalId) -> dict[str, str]:
        return {
            "Host": urlsplit(self._hosts.origin(rental_id)).netloc,
            "Cookie": f"{self._cookie}={self._links.own_pass(rental_id)}",
            "Accept": "text/html",
        }

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _path(url: str) -> str:
    """The path and query of an address, which is the relay's own or relative to it."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "") or "/"
