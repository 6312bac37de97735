"""The relay: a small web server that lets people into their notebooks and nobody else.

Here it is put together, started and stopped, and told to let go of somebody. What a request is
answered is in `reception.py`, how it goes on to the notebook in `passage.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Iterable

from aiohttp import web

from bot.domain.rentals import RentalId
from bot.ports.books import Rentals
from bot.ports.clock import Clock
from bot.ports.machines import Lanes
from bot.ports.vitals import Carried
from bot.relay.condition import Condition, Health, Metrics, Notes
from bot.relay.curfew import SESSION_OVER, WAY_GONE, Curfew
from bot.relay.direct import MAX_FIELD, MAX_LINE
from bot.relay.doors import Doors
from bot.relay.downloads import DownloadDoor
from bot.relay.ears import Ear
from bot.relay.exchanges import Exchanges
from bot.relay.hosts import Hosts
from bot.relay.http import Proxy
from bot.relay.kept import TAB_S, Kept
from bot.relay.looks import Looks
from bot.relay.passage import Passage
from bot.relay.ports import PortDoor
from bot.relay.pseudonyms import Pseudonyms
from bot.relay.reception import Reception
from bot.relay.server import Server
from bot.relay.signing_in import SignInDoor
from bot.relay.sockets import Joined, Sockets
from bot.relay.tally import Tally
from bot.relay.telling import Telling
from bot.relay.upstreams import Upstreams
from bot.relay.watching import Watching
from bot.services.downloads import Downloads
from bot.services.links import Links
from bot.services.outputs import Outputs
from bot.services.ports import Ports
from bot.services.recordings import Restored
from bot.services.routes import Routes, Traffic
from bot.services.sign_in import SignIn

CLOSE_S = 1.5
"""How long open requests may take to end when we stop; aiohttp waits it twice at worst."""

_IDLE_S = 75  # an unused browser connection is kept so long, and a half-sent request
_LINGER_S = 2  # how long the rest of a refused upload is read, so that the answer is seen

log = logging.getLogger(__name__)


class Relay:
    """The browser's door. `start` and `close` once each; `drop` ends a rental's connections."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        relay_url: str,
        links: Links,
        routes: Routes,
        traffic: Traffic,
        rentals: Rentals,
        health: Health,
        clock: Clock,
        notes: Notes | None = None,
        outputs: Outputs | None = None,
        lanes: Lanes | None = None,
        downloads: Downloads | None = None,
        metrics: Metrics | None = None,
        secret: str = "",
        ports: Ports | None = None,
        sign_in: SignIn | None = None,
        joined: Joined | None = None,
    ) -> None:
        self._listen = (host, port)
        self._traffic = traffic
        self._clock = clock
        self._tally = Tally()
        self._exchanges = Exchanges()
        self._upstreams = Upstreams(lanes=lanes)
        # The house's own looks are nobody's work: what they carry is not counted.
        self._own_upstreams = Upstreams()
        self._kept = Kept(upstreams=self._upstreams, routes=routes)
        hosts = Hosts(relay_url=relay_url, port=port)
        doors = Doors(links=links, hosts=hosts)
        self._looks = Looks(links=links, hosts=hosts, cookie=doors.cookie)
        self._curfew = Curfew(exchanges=self._exchanges, links=links, clock=clock)
        self._ports = (
            PortDoor(ports=ports, traffic=traffic, clock=clock, secure=hosts.secure)
            if ports is not None
            else None
        )
        proxy = Proxy(upstreams=self._upstreams, traffic=traffic, clock=clock)
        telling = Telling(outputs=outputs) if outputs is not None else None
        self._passage = Passage(
            proxy=proxy,
            sockets=Sockets(
                proxy=proxy,
                kept=self._kept,
                traffic=traffic,
                clock=clock,
                outputs=outputs,
                joined=joined,
            ),
            watching=Watching(upstreams=self._upstreams, kept=self._kept, traffic=traffic),
            telling=telling,
            exchanges=self._exchanges,
            pseudonyms=Pseudonyms(secret=secret or secrets.token_hex(16)),
            clock=clock,
        )
        self._reception = Reception(
            hosts=hosts,
            links=links,
            routes=routes,
            rentals=rentals,
            doors=doors,
            condition=Condition(health=health, metrics=metrics, notes=notes),
            exchanges=self._exchanges,
            passage=self._passage,
            quiet=Proxy(upstreams=self._own_upstreams, traffic=Traffic(), clock=clock),
            tally=self._tally,
            telling=telling,
            downloads=DownloadDoor(downloads=downloads, origin=hosts.bare) if downloads else None,
            ports=self._ports,
            sign_in=SignInDoor(sign_in=sign_in, hosts=hosts) if sign_in is not None else None,
        )
        self._runner: web.ServerRunner | None = None
        routes.watch(self.drop)
        links.watch(self._revoked)
        links.watch_members(self.drop_member)

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        server = Server(
            self._reception.answer,
            keepalive_timeout=_IDLE_S,
            lingering_time=_LINGER_S,
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=CLOSE_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, *self._listen)
        await site.start()
        self._looks.listening_at(self._runner.addresses[0])
        log.info("relay listening on %s:%s", *self._listen)

    @property
    def port(self) -> int | None:
        """Where it listens; None before it does, and when it takes no connections any more."""
        if self._runner is None or not self._runner.addresses:
            return None
        return int(self._runner.addresses[0][1])

    async def drain(self, within_s: float) -> None:
        """Take no new connections, and return when the last request and WebSocket has ended.

        Or when the time is over. Who looks whether we are ready is told that we are not.
        """
        self._reception.leaving = True
        assert self._runner is not None
        for site in list(self._runner.sites):
            await site.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._exchanges.quiet()
        requests, sockets = self._exchanges.kinds()
        log.info("ending with %s requests and %s WebSockets open", requests, sockets)

    async def close(self) -> None:
        """Stop listening, end every connection; done within 5 s."""
        self._exchanges.end_sockets()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._kept.aclose()
        await self._upstreams.close()
        await self._own_upstreams.close()
        if self._ports is not None:
            await self._ports.close()
        await self._looks.close()

    def resume(self, sessions: Iterable[Restored]) -> None:
        """Take up the conversations whose runs went on while we were not there, oldest first.

        A tab that was there to the last comes back by itself, and Jupyter repeats to it what was
        said meanwhile; only when it does not, we do.
        """
        for one in sessions:
            ear = Ear(talk=one.talk, human=lambda: None, clock=self._clock)
            key = (one.rental_id, one.kernel_id, one.talk.session_id)
            self._kept.resume(key, ear, after_s=TAB_S if one.tab else 0.0)

    async def fault(self, rental_id: RentalId, *, page: bool = True) -> str:
        """What keeps a notebook from answering through us; see `ports.Paths`."""
        return await self._looks.fault(rental_id, "/" if page else "/api/status")

    def drop(self, rental_id: RentalId) -> None:
        """End a rental's connections: it is gone or has moved."""
        self._exchanges.end(rental_id, WAY_GONE)
        self._upstreams.drop(rental_id)
        self._own_upstreams.drop(rental_id)
        if self._ports is not None:
            self._ports.drop(rental_id)
        self._passage.forget(rental_id)

    def drop_member(self, rental_id: RentalId, member_id: int) -> None:
        """End what one member has open there: their sessions were revoked."""
        self._exchanges.end_member(rental_id, member_id, SESSION_OVER)

    async def keep_curfew(self) -> None:
        """End what goes on under sessions that are over; for ever."""
        await self._curfew.run()

    async def close_time(self) -> None:
        """The same, once and now."""
        await self._curfew.look()

    async def keep_joined(self) -> None:
        """Stay with cells that run on without a tab, however often the way to them breaks."""
        await self._kept.run()

    async def rejoin(self) -> None:
        """The same, once and now."""
        await self._kept.rejoin()

    def let_join(self, rental_id: RentalId, kernel_id: str, session_id: str) -> None:
        """Another relay carries this session now: it is not kept here any more."""
        self._kept.drop(rental_id, kernel_id, session_id)

    def busy(self, rental_id: RentalId) -> int:
        """How many requests and WebSockets of a rental are going on."""
        return self._exchanges.count(rental_id)

    def carried(self) -> Carried:
        """What it has answered, and what is going on."""
        requests, sockets = self._exchanges.kinds()
        return Carried(
            requests=self._tally.counts(),
            bytes=self._traffic.total,
            open_requests=requests,
            open_sockets=sockets,
        )

    def _revoked(self, rental_id: RentalId) -> None:
        self._exchanges.end(rental_id, SESSION_OVER)
        self.drop(rental_id)
