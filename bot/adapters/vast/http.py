"""HTTP with Vast: one session, one deadline a request, and no request ever sent twice unasked.

Only a GET is tried again, and only here, where it can be seen. aiohttp by itself sends PUT and
DELETE a second time when a connection breaks (aiohttp 3.14, `ClientSession._request`), and renting
is a PUT: `no_resend` turns those two errors into one it does not repeat, redirects (which it would
follow with method and body) are not followed, and connections are not kept, so a request is not
lost on one that Vast has closed meanwhile.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp

from bot.adapters.vast import answers
from bot.adapters.vast.answers import Answer
from bot.adapters.vast.pacing import Endpoint, Pacing, Timer
from bot.errors import Down, Nonsense, RateLimited
from bot.ports.clock import Clock

log = logging.getLogger(__name__)

CONNECT_S = 10.0
TOTAL_S = 30.0
PATIENCE_S = 30.0  # waiting for our turn
READ_S = 45.0  # a GET with all its tries and waits
TRIES = 3
FETCH_AGAIN_S = 0.5  # between two looks for a log that is being uploaded


class Unsure(Exception):
    """The request left, or may have, and no whole answer came back. Never leaves this folder."""


class Cut(aiohttp.ClientConnectionError):
    """A connection that broke under a request; of a class that aiohttp does not repeat."""


async def no_resend(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A client middleware: what is lost stays lost (aiohttp issue 10790: no switch for it)."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # never sent, and never repeated
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Cut(f"{type(error).__name__}: {error}") from error


class Http:
    """The session. Made inside a running loop, closed with `close()`."""

    def __init__(
        self, *, url: str, api_key: str, clock: Clock, timer: Timer, pacing: Pacing
    ) -> None:
        self._url = url.rstrip("/")
        self._secrets = (api_key,)
        self._clock = clock
        self._timer = timer
        self._pacing = pacing
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Authorization": f"Bearer {api_key}", "User-Agent": "bellhop"},
            middlewares=(no_resend,),
        )

    async def close(self) -> None:
        await self._session.close()

    async def read(
        self, endpoint: Endpoint, path: str, *, query: Mapping[str, str] | None = None
    ) -> Answer:
        """GET, tried up to three times while Vast is down or asks us to slow down.

        Raises Down and RateLimited; any other fault is in the answer.
        """
        deadline = self._timer.monotonic() + READ_S
        for left in reversed(range(TRIES)):
            try:
                return await self._read_once(endpoint, path, query, deadline)
            except (Down, RateLimited) as error:
                pause_s = 0.5 * 2 ** (TRIES - 1 - left) * random.uniform(1.0, 1.5)
                if isinstance(error, RateLimited) and error.retry_after is not None:
                    pause_s = max(pause_s, error.retry_after.total_seconds())
                if not left or self._timer.monotonic() + pause_s > deadline:
                    raise
                log.info("read failed, trying again in %.1f s: %s", pause_s, error)
                await self._timer.sleep(pause_s)
        raise AssertionError("unreachable")

    async def send(
        self, endpoint: Endpoint, method: str, path: str, body: Mapping[str, object]
    ) -> Answer:
        """A request that changes something and may be repeated later by who asked for it.

        Sent once. Raises Down where no answer came, RateLimited where it was not our turn.
        """
        try:
            return await self.attempt(endpoint, method, path, body=body)
        except Unsure as error:
            raise Down(str(error)) from error

    async def attempt(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
        total_s: float = TOTAL_S,
        patience_s: float = PATIENCE_S,
    ) -> Answer:
        """One request, sent at most once, and its answer, whatever that says.

        Raises Down and RateLimited when it never left, Unsure when nobody knows what became of it.
        """
        await self._pacing.turn(endpoint, patience_s=patience_s)
        answer = await self._exchange(method, path, body, query, total_s)
        if answer.status == 429:
            why = answer.error()
            self._pacing.slow_down(
                endpoint, answer.retry_after, why if isinstance(why, RateLimited) else None
            )
            log.info("asked to slow down: %s, for %s", answer.what, answer.retry_after or "a while")
        else:
            self._pacing.served(endpoint)
        return answer

    def closed(self, endpoint: Endpoint) -> str:
        """Why nothing can be asked there for a good while, in words; empty where it can."""
        return self._pacing.closed(endpoint, longer_than_s=PATIENCE_S)

    async def fetch(self, url: str, *, total_s: float, most_bytes: int) -> str:
        """A text that is being uploaded elsewhere, asked for until it is there.

        Without our key: the address is not Vast's API. Raises Down when it does not come in time,
        Nonsense for an address that is none.
        """
        if urlsplit(url).scheme not in ("http", "https"):
            raise Nonsense("the address of a log is not one of the web")
        deadline = self._timer.monotonic() + total_s
        timeout = aiohttp.ClientTimeout(total=total_s, connect=CONNECT_S)
        said = "no answer"
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while self._timer.monotonic() < deadline:
                try:
                    async with session.get(url, allow_redirects=False) as response:
                        if response.status == 200:
                            raw = await response.content.read(most_bytes)
                            return raw.decode(errors="replace")
                        said = str(response.status)
                except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                    said = type(error).__name__
                await self._timer.sleep(FETCH_AGAIN_S)
        raise Down(f"a log did not come within {total_s:.0f} s: {said}")

    async def _read_once(
        self, endpoint: Endpoint, path: str, query: Mapping[str, str] | None, deadline: float
    ) -> Answer:
        left_s = max(0.001, deadline - self._timer.monotonic())
        try:
            answer = await self.attempt(
                endpoint,
                "GET",
                path,
                query=query,
                total_s=min(TOTAL_S, left_s),
                patience_s=left_s,
            )
        except Unsure as error:
            raise Down(str(error)) from error
        fault = answer.error()
        if isinstance(fault, Down | RateLimited):
            raise fault
        return answer

    async def _exchange(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        query: Mapping[str, str] | None,
        total_s: float,
    ) -> Answer:
        what = f"{method} {path}"
        try:
            async with self._session.request(
                method,
                self._url + path,
                json=body,
                params=query,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=total_s, connect=CONNECT_S),
            ) as response:
                raw = await response.read()
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.InvalidURL,
        ) as error:
            raise Down(f"{what}: not sent: {type(error).__name__}: {error}") from error
        except aiohttp.ClientResponseError as error:
            # Without its cause: that one carries the request's headers, and the key among them.
            raise Unsure(f"{what}: {error.status} {error.message}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unsure(f"{what}: {type(error).__name__}: {error}".rstrip(": ")) from error
        return answers.read(
            what,
            response.status,
            response.headers,
            raw,
            now=self._clock.now(),
            secrets=self._secrets,
        )
