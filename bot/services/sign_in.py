"""Signing in with Discord, so that a notebook's bookmarked address alone is enough.

Discord says who somebody is, and nothing more is asked of it. Whether they may enter is decided as
for `/open`, and what they get is the same one-use ticket.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.access import Actor
from bot.domain.origins import Origin, origin_of
from bot.domain.rentals import Rental, State
from bot.errors import BotError, NotFound, NotYours, Refused
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.identities import Identities, Identity
from bot.ports.sharing import Members
from bot.services.links import Links

log = logging.getLogger(__name__)

LIFE = timedelta(minutes=10)
"""How long somebody may take to sign in."""
AT_MOST = 1000
"""Begun at a time; one more ends the oldest. Nobody can fill the memory by beginning."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the secret that ties what comes back to this browser."""

    url: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Way:
    """A notebook one may enter, and the address that lets in once."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    nonce: str  # hashed
    verifier: str
    label: str  # of the address to be entered; empty: whatever there is
    until: datetime


class SignIn:
    """What was begun is kept in memory: after a start of ours one presses the button again."""

    def __init__(
        self, *, identities: Identities, members: Members, links: Links, store: Store, clock: Clock
    ) -> None:
        self._identities = identities
        self._members = members
        self._links = links
        self._store = store
        self._clock = clock
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()

    def begin(self, label: str) -> Begun:
        """`label` is the first part of the host name to be entered, or empty."""
        state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        verifier = secrets.token_urlsafe(48)  # RFC 7636: 43 to 128 characters
        while len(self._waiting) >= AT_MOST:
            self._waiting.popitem(last=False)
        until = self._clock.now() + LIFE
        self._waiting[state] = _Waiting(_hash(nonce), verifier, label, until)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        url = self._identities.address(state=state, challenge=challenge.decode().rstrip("="))
        return Begun(url, nonce)

    async def finish(self, *, state: str, nonce: str, code: str) -> list[Way]:
        """Where somebody who came back may go; the one they wanted, or all there are.

        A state is good once, in the browser it was begun in. Raises Refused in plain words, and
        Unavailable where Discord does not answer.
        """
        waiting = self._waiting.pop(state, None)
        if (
            waiting is None
            or self._clock.now() >= waiting.until
            or not hmac.compare_digest(waiting.nonce, _hash(nonce))
        ):
            raise Refused(
                "a sign-in that was not begun here",
                public="This sign-in is too old, or was begun in another browser.",
                hint="Open your notebook's address again and sign in from there.",
            )
        person = await self._identities.identify(code=code, verifier=waiting.verifier)
        if person is None:
            raise Refused(
                "Discord did not take the code",
                public="Discord did not confirm who you are.",
                hint="Open your notebook's address again and sign in from there.",
            )
        if waiting.label:
            return [await self._one(person, origin_of(waiting.label))]
        return await self._all(person)

    async def _one(self, person: Identity, origin: Origin) -> Way:
        rental_id = await self._links.at(origin.name)
        rental = await self._store.rental(rental_id) if rental_id is not None else None
        if rental is None:
            raise NotFound("no rental at that address")
        return await self._way(person, rental, origin.port)

    async def _all(self, person: Identity) -> list[Way]:
        found = []
        for rental in await self._store.readable_rentals():
            if rental.state is State.READY and await self._concerns(person, rental):
                try:
                    found.append(await self._way(person, rental))
                except BotError as error:
                    log.info("not among those to enter: %s", error)
        if not found:
            raise NotFound(
                f"nothing to enter for {person.id}",
                public="You have no notebook that is ready.",
                hint="/status in Discord says how far your machines are; /rent gets one.",
            )
        return found

    async def _concerns(self, person: Identity, rental: Rental) -> bool:
        if rental.owner_id == person.id:
            return True
        now = self._clock.now()
        return await self._store.open_share(rental.id, person.id, now) is not None

    async def _way(self, person: Identity, rental: Rental, port: int | None = None) -> Way:
        """Asked of Discord each time: who has left the server has no way in."""
        member = await self._members.member(rental.guild_id, person.id)
        if member is None:
            raise NotYours(
                f"{person.id} is not in server {rental.guild_id}",
                public="This notebook belongs to a team you are not in.",
                hint="If you have another Discord account, sign in with that one.",
            )
        actor = Actor(id=person.id, guild_id=rental.guild_id, name=member.name)
        return Way(rental.title, await self._links.issue(actor, rental.id, port=port))


def _hash(nonce: str) -> str:
    return hashlib.sha256(nonce.encode(errors="replace")).hexdigest()
