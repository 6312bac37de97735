"""The house's own look at a notebook through relays that are other processes.

As one who comes from outside meets any of them, a path is well when one of them leads to it. Where
none can be asked, nothing is known, and nothing is concluded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.domain.rentals import RentalId
from bot.errors import Store
from bot.relay import headers
from bot.relay.hosts import Hosts
from bot.relay.looks import Looks
from bot.services.links import Links
from bot.services.roll import RELAY, Roll

log = logging.getLogger(__name__)

WITHIN_S = 12.0
"""A relay has just heard of the way, and makes its own connection first."""
_AGAIN_S = 0.5


class FarLooks:
    """`ports.Paths`. `ready` is awaited before a look: what the relays need is written by then."""

    def __init__(
        self, *, links: Links, hosts: Hosts, roll: Roll, ready: Callable[[], Awaitable[None]]
    ) -> None:
        self._links = links
        self._hosts = hosts
        self._roll = roll
        self._ready = ready
        self._looks: dict[str, Looks] = {}

    async def close(self) -> None:
        for looks in self._looks.values():
            await looks.close()

    async def fault(self, rental_id: RentalId, *, page: bool = True) -> str:
        """As the port says."""
        path = "/" if page else "/api/status"
        now = asyncio.get_running_loop().time
        until = now() + WITHIN_S
        while True:
            try:
                await self._ready()
                there = await self._roll.there(RELAY)
            except Store as error:
                log.warning("the relays were not asked for a page: %s", error)
                return ""
            addresses = [one.address for one in there if one.address]
            if not addresses:
                log.warning("no relay is there: nobody can enter a notebook")
                return ""
            faults = [await self._at(one).fault(rental_id, path) for one in addresses]
            if not all(faults):
                return ""
            if now() >= until:
                return faults[0]
            await asyncio.sleep(_AGAIN_S)

    def _at(self, address: str) -> Looks:
        looks = self._looks.get(address)
        if looks is None:
            host, _, port = address.rpartition(":")
            cookie = headers.cookie_name(secure=self._hosts.secure)
            looks = self._looks[address] = Looks(
                links=self._links, hosts=self._hosts, cookie=cookie
            )
            looks.listening_at((host, int(port)))
        return looks
