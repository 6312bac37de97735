"""Who may enter a notebook: one-use tickets, the sessions they become, and their end.

A ticket is handed out in chat, lives five minutes and is spent once; a session lives in a cookie
of that rental's own origin. Both are random and stored only as SHA-256, so neither the database
nor a copy of it opens anything, and looking one up by its hash tells nothing by its duration.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from bot.domain import access
from bot.domain.access import Action, Actor
from bot.domain.origins import Origin, demand_allowed
from bot.domain.rentals import Reason, Rental, RentalId, State
from bot.domain.shares import Share
from bot.errors import NotFound, NotReady, NotYours
from bot.ports.books import Addresses, Doors, Pass, Rentals
from bot.ports.clock import Clock

TICKET_LIFE = timedelta(minutes=5)
SESSION_LIFE = timedelta(hours=12)
CACHE_LIFE = timedelta(seconds=5)
"""How long a session is believed without asking the books, where another process revoked it."""

COOKIE_LENGTH = 43
OWN_PASS_LENGTH = 64
"""How many characters a session's cookie has, and the house's own."""

_CACHED = 10_000
_LONGEST = 128  # characters of a secret that came from outside; ours have 43


class Books(Doors, Rentals, Addresses, Protocol):
    """What is needed of the database."""


class Session(NamedTuple):
    """What a spent ticket became: the cookie's value, a secret, and how many seconds it lives."""

    value: str
    max_age: int


class Links:
    """Hands out the ways in, and takes them back.

    Every method but `address` may raise Store when the database is away.
    """

    def __init__(
        self, *, store: Books, clock: Clock, relay_url: str, own_secret: bytes | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._relay_url = relay_url
        self._cache: dict[str, tuple[Pass, datetime]] = {}
        self._at: dict[str, tuple[RentalId, datetime]] = {}
        self._revocations = 0
        self._watchers: list[Callable[[RentalId], None]] = []
        self._member_watchers: list[Callable[[RentalId, int], None]] = []
        self._own: dict[RentalId, str] = {}
        self._own_secret = own_secret or secrets.token_bytes(32)

    def own_pass(self, rental_id: RentalId) -> str:
        """The cookie's value with which the house itself looks whether a path works.

        Made from a secret of this process, or of all that are one house together; good for that one
        rental, and stored nowhere.
        """
        known = self._own.get(rental_id)
        if known is None:
            known = hmac.new(self._own_secret, rental_id.encode(), hashlib.sha256).hexdigest()
            if len(self._own) >= _CACHED:
                self._own.clear()
            self._own[rental_id] = known
        return known

    def is_own(self, rental_id: RentalId, cookie: str) -> bool:
        return hmac.compare_digest(self.own_pass(rental_id).encode(), cookie.encode())

    def address(self, name: str) -> str:
        """The origin under that name; a rental's is `Rental.host_name`."""
        return self._relay_url.replace("{rental}", name)

    async def at(self, name: str) -> RentalId | None:
        """The rental that answers under a name; believed for some seconds without asking again.

        A name goes over to another rental with a restore or a move. Sessions do not: whoever was
        in has to come in anew.
        """
        known = self._at.get(name)
        now = self._clock.now()
        if known is not None and now < known[1]:
            return known[0]
        found = await self._store.at(name)
        self._at.pop(name, None)
        if found is not None:
            if len(self._at) >= _CACHED:
                self._at.clear()
            self._at[name] = (found, now + CACHE_LIFE)
        return found

    def moved(self, name: str) -> None:
        """A name may lead to another rental from now on."""
        self._at.pop(name, None)

    async def issue(self, actor: Actor, rental_id: RentalId, *, port: int | None = None) -> str:
        """A personal address that opens the notebook, or another port of the machine, once.

        Raises NotFound, NotReady, BadInput for a port that is never opened, and NotYours unless the
        actor owns the rental or it is shared with them; to look at only, it has no other ports.
        """
        if port is not None:
            demand_allowed(port)
        rental, share = await self._openable(actor, rental_id)
        if port is not None and share is not None and share.view_only:
            raise NotYours(
                f"{actor.id} may only look at {rental_id}",
                public="This notebook is shared with you to look at, without its other ports.",
                hint="Its owner can share it anew, to work in.",
            )
        ticket = secrets.token_urlsafe(32)
        await self._store.add_ticket(
            Pass(
                digest=_digest(ticket),
                rental_id=rental.id,
                member_id=actor.id,
                expires_at=self._clock.now() + TICKET_LIFE,
                port=port,
                share_id=share.id if share is not None else None,
            )
        )
        return f"{self.address(Origin(rental.host_name, port).label)}/-/ticket/{ticket}"

    async def peek(self, rental_id: RentalId, ticket: str, *, port: int | None = None) -> bool:
        """Whether a ticket is good for this origin; spends nothing."""
        return await self._ticket(rental_id, ticket, port) is not None

    async def spend(
        self, rental_id: RentalId, ticket: str, *, port: int | None = None
    ) -> Session | None:
        """Exchange a ticket for a session; None when it is spent, expired or for another origin."""
        found = await self._ticket(rental_id, ticket, port)
        if found is None:
            return None
        now = self._clock.now()
        value = secrets.token_urlsafe(32)
        session = Pass(
            digest=_digest(value),
            rental_id=found.rental_id,
            member_id=found.member_id,
            expires_at=now + SESSION_LIFE,
            port=found.port,
            share_id=found.share_id,
            view_only=found.view_only,
        )
        if not await self._store.spend(found.digest, session, now):
            return None
        return Session(value, int(SESSION_LIFE.total_seconds()))

    async def enter(
        self, rental_id: RentalId, cookie: str, *, port: int | None = None
    ) -> Pass | None:
        """The session a cookie stands for, if it is good for this origin now."""
        if not 0 < len(cookie) <= _LONGEST:
            return None
        digest = _digest(cookie)
        session = self._cached(digest)
        if session is None:
            session = await self._session(digest)
        return session if session is not None and _is_for(session, rental_id, port) else None

    async def revoke(self, rental_id: RentalId) -> int:
        """End every session and ticket of a rental, at once; how many there were."""
        count = await self._store.revoke(rental_id, self._clock.now())
        self.revoked(rental_id)
        return count

    def revoked(self, rental_id: RentalId) -> None:
        """Everybody's sessions were ended in the books: what is open there ends now."""
        self._forget(rental_id)
        for watcher in self._watchers:
            watcher(rental_id)

    async def revoke_member(self, rental_id: RentalId, member_id: int) -> int:
        """The same for one member; the others stay in."""
        count = await self._store.revoke_member(rental_id, member_id, self._clock.now())
        self.let_go(rental_id, member_id)
        return count

    def let_go(self, rental_id: RentalId, member_id: int) -> None:
        """A member's sessions were ended in the books: what they have open ends now."""
        self._forget(rental_id)
        for watcher in self._member_watchers:
            watcher(rental_id, member_id)

    def watch(self, watcher: Callable[[RentalId], None]) -> None:
        """Call `watcher` with every rental whose sessions were revoked here."""
        self._watchers.append(watcher)

    def watch_members(self, watcher: Callable[[RentalId, int], None]) -> None:
        """Call `watcher` with every rental and member whose sessions there were revoked here."""
        self._member_watchers.append(watcher)

    async def holds(self, session: Pass) -> bool:
        """Whether a session is good now; the books are asked, however recently they were."""
        return await self._store.session(session.digest, self._clock.now()) is not None

    async def was_in(self, rental_id: RentalId, cookie: str) -> int | None:
        """Whose session a cookie of this rental was, whatever became of it."""
        session = await self._store.past_session(_digest(cookie))
        return session.member_id if session and session.rental_id == rental_id else None

    def _forget(self, rental_id: RentalId) -> None:
        self._revocations += 1
        self._cache = {
            digest: entry
            for digest, entry in self._cache.items()
            if entry[0].rental_id != rental_id
        }

    async def _openable(self, actor: Actor, rental_id: RentalId) -> tuple[Rental, Share | None]:
        """The rental, and the share by which somebody else than its owner enters."""
        rental = await self._store.rental(rental_id)
        if rental is None:
            raise NotFound(f"no rental {rental_id}")
        share = None
        if actor.guild_id == rental.guild_id and actor.id != rental.owner_id:
            share = await self._store.open_share(rental.id, actor.id, self._clock.now())
        if share is None:
            access.demand(actor, Action.OPEN, owner_id=rental.owner_id, guild_id=rental.guild_id)
        # While it is archived it is as open as before; a move's last copy is the end of it.
        saved = rental.state is State.ARCHIVING and rental.reason is not Reason.MOVED
        if rental.state is not State.READY and not saved:
            raise NotReady(f"{rental_id} is {rental.state}")
        self.moved(rental.host_name)
        if await self.at(rental.host_name) not in (rental.id, None):
            raise NotReady(
                f"{rental_id} has been moved",
                public="Its work is on another machine.",
                hint="/open leads to that one.",
            )
        return rental, share

    async def _ticket(self, rental_id: RentalId, ticket: str, port: int | None) -> Pass | None:
        if not 0 < len(ticket) <= _LONGEST:
            return None
        found = await self._store.ticket(_digest(ticket), self._clock.now())
        return found if found is not None and _is_for(found, rental_id, port) else None

    def _cached(self, digest: str) -> Pass | None:
        entry = self._cache.get(digest)
        if entry is None:
            return None
        session, until = entry
        return session if self._clock.now() < until else None

    async def _session(self, digest: str) -> Pass | None:
        while True:
            before = self._revocations
            now = self._clock.now()
            session = await self._store.session(digest, now)
            if before == self._revocations:
                break  # else it may have been read just before it was revoked: look again
        if session is None:
            self._cache.pop(digest, None)
            return None
        if len(self._cache) >= _CACHED:
            self._cache.clear()
        self._cache[digest] = (session, min(now + CACHE_LIFE, session.expires_at))
        return session


def _is_for(entry: Pass, rental_id: RentalId, port: int | None) -> bool:
    return entry.rental_id == rental_id and entry.port == port


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
