"""Plain SSH beside the relay: people's own keys, and how to connect with them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.access import Actor
from bot.domain.rentals import Address, Rental, RentalId, State
from bot.domain.ssh_keys import MOST, OwnKey, PublicKey, fingerprint, lines_for, read
from bot.errors import BadInput, NotFound, NotReady, NotYours
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.sharing import KeyCheck
from bot.services.sharing import Sharing
from bot.tasks import Wake

log = logging.getLogger(__name__)

USER = "root"
FOLDER = "/workspace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How somebody connects: the address, the host key's fingerprint, their own keys."""

    rental: Rental
    address: Address
    fingerprint: str  # empty where no host key is pinned
    keys: tuple[OwnKey, ...]

    @property
    def command(self) -> str:
        return f"ssh -p {self.address.port} {USER}@{self.address.host}"

    @property
    def vscode(self) -> str:
        """VS Code's own kind of address: it opens the workspace over Remote-SSH."""
        host = self.address.host
        where = f"[{host}]" if ":" in host else host
        return f"vscode://vscode-remote/ssh-remote+{USER}@{where}:{self.address.port}{FOLDER}"


class Ssh:
    """`changed` is set when a key was added or removed: the machines are then put right."""

    def __init__(
        self, *, store: Store, sharing: Sharing, check: KeyCheck, clock: Clock, changed: Wake
    ) -> None:
        self._store = store
        self._sharing = sharing
        self._check = check
        self._clock = clock
        self._changed = changed

    async def access(self, actor: Actor, rental_id: str) -> Access:
        """Raises NotFound, NotYours, NotReady while there is nothing to connect to."""
        rental, share = await self._sharing.enterable(actor, rental_id)
        if share is not None and share.view_only:
            raise NotYours(
                f"{actor.id} may only look at {rental_id}",
                public="This notebook is shared with you to look at, without SSH.",
                hint="Its owner can share it anew, to work in.",
            )
        if rental.state not in (State.READY, State.ARCHIVING) or not rental.addresses:
            raise NotReady(f"{rental_id} is {rental.state}")
        return Access(
            rental=rental,
            address=rental.addresses[0],
            fingerprint=fingerprint(rental.host_key) if rental.host_key else "",
            keys=tuple(await self._store.keys_of([actor.id])),
        )

    async def add(self, actor: Actor, text: str) -> list[PublicKey]:
        """Add the keys in what was pasted; those one has already are passed over.

        Raises BadInput, which quotes nothing, NotYours for another person's, Limit.
        """
        keys = read(text)
        for key in keys:
            self._check(key.line)
        if len(keys) > MOST:
            raise BadInput(public=f"At most {MOST} keys can be added.")
        for key in keys:
            own = OwnKey(member_id=actor.id, key=key, added_at=self._clock.now())
            there = await self._store.add_key(own, most=MOST)
            if there is not None and there.member_id != actor.id:
                raise NotYours(
                    f"{actor.id} pasted a key of {there.member_id}",
                    public="That key is somebody else's here.",
                    hint="A key lets in one person. Make your own with ssh-keygen.",
                )
            if there is None:
                log.info("%s added an SSH key", actor.id)
        self._changed.set()
        return keys

    async def keys(self, actor: Actor) -> list[OwnKey]:
        return await self._store.keys_of([actor.id])

    async def remove(self, actor: Actor, named: str) -> OwnKey:
        """Remove an own key, by its fingerprint or the end of it. Raises NotFound, BadInput."""
        wanted = named.strip()
        keys = await self.keys(actor)
        meant = [one for one in keys if wanted in (one.key.fingerprint, one.key.fingerprint[:39])]
        if not meant:
            raise NotFound(
                "no such key", public="You have no such key.", hint="/sshkey list shows yours."
            )
        await self._store.remove_key(actor.id, meant[0].key.fingerprint)
        log.info("%s removed an SSH key", actor.id)
        self._changed.set()
        return meant[0]

    async def lines(self, rentals: Sequence[Rental]) -> dict[RentalId, tuple[str, ...]]:
        """Whose keys belong on each machine now: its owner's, and of those it is shared with to
        work in. Asked of the books once, however many machines there are."""
        guests = await self._sharing.guests(rentals)
        members = {
            rental.id: {
                rental.owner_id,
                *(one.member_id for one in guests[rental.id].shares if not one.view_only),
            }
            for rental in rentals
        }
        keys: dict[int, list[PublicKey]] = {}
        for own in await self._store.keys_of(sorted(set().union(*members.values()))):
            keys.setdefault(own.member_id, []).append(own.key)
        return {
            rental_id: lines_for([key for member in mine for key in keys.get(member, ())])
            for rental_id, mine in members.items()
        }
