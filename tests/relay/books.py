"""What the relay's tests stand on: a rental, a clock one can turn, and books in memory.

`Books` does what `ports.Doors` and `ports.Rentals` say and no more; any real store can take its
place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.access import Actor
from bot.domain.images import DEFAULT
from bot.domain.ledger import Entry
from bot.domain.money import Usd
from bot.domain.offers import Offer, Rates, Wish
from bot.domain.rentals import Rental, RentalId, State
from bot.domain.shares import Share
from bot.ports.books import Pass

OWNER = Actor(id=100, guild_id=1, name="ana")
OTHER = Actor(id=200, guild_id=1, name="ben")
LEAD = Actor(id=300, guild_id=1, name="lea", lead=True)
RENTAL = RentalId("bc2345")
SIBLING = RentalId("df6789")


class Hands:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def turn(self, by: timedelta) -> None:
        self._now += by


def rental(rental_id: RentalId = RENTAL, **changes: object) -> Rental:
    """A ready machine of OWNER."""
    rates = Rates(
        gpu_per_hour=Usd(297_000),
        storage_per_gb_month=Usd(499_680),
        upload_per_gb=Usd(20_000),
        download_per_gb=Usd(20_000),
    )
    offer = Offer(
        id=1,
        machine_id=2,
        host_id=3,
        gpu_name="RTX 4090",
        gpus=1,
        vram_mb=24564,
        rates=rates,
        disk_free_gb=500,
        cpu_cores=Decimal(16),
        ram_mb=64000,
        upload_mbps=Decimal(500),
        download_mbps=Decimal(500),
        reliability=Decimal("0.99"),
        dlperf=Decimal(80),
        region="Sweden, SE",
        compute_cap=890,
        available_until=None,
        verified=True,
        datacenter=False,
    )
    base = Rental(
        id=rental_id,
        version=1,
        state=State.READY,
        guild_id=OWNER.guild_id,
        channel_id=10,
        message_id=None,
        owner_id=OWNER.id,
        owner_name=OWNER.name,
        name="secret plans",
        wish=Wish(),
        image=DEFAULT,
        offer=offer,
        agreed_per_hour=rates.per_hour(30),
        hours=None,
        requested_at=datetime(2026, 3, 1, 11, tzinfo=UTC),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


class Books:
    """Rentals, tickets and sessions in dictionaries; `asked` counts the looks at sessions."""

    def __init__(self, *rentals: Rental) -> None:
        self.rentals = {entry.id: entry for entry in rentals}
        self.tickets: dict[str, Pass] = {}
        self.sessions: dict[str, Pass] = {}
        self.over: dict[str, Pass] = {}
        self.shares: dict[str, Share] = {}
        self.asked = 0

    async def rental(self, rental_id: RentalId) -> Rental | None:
        return self.rentals.get(rental_id)

    async def at(self, name: str) -> RentalId | None:
        found = [one for one in self.rentals.values() if one.host_name == name]
        return found[-1].id if found else None

    async def begin(self, rental: Rental, *, quote_id: str) -> Rental:
        return self.rentals.setdefault(rental.id, rental)

    async def open_rentals(self) -> list[Rental]:
        return [entry for entry in self.rentals.values() if entry.open]

    async def rentals_of(
        self,
        guild_id: int,
        owner_id: int | None,
        *,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Rental]:
        return [
            entry
            for entry in self.rentals.values()
            if entry.guild_id == guild_id and owner_id in (None, entry.owner_id)
        ][:limit]

    async def apply(
        self, after: Rental, *, event: str, entries: Sequence[Entry] = (), notify: bool = True
    ) -> Rental:
        self.rentals[after.id] = replace(after, version=after.version + 1)
        return self.rentals[after.id]

    async def card_posted(self, rental_id: RentalId, message_id: int) -> None:
        self.rentals[rental_id] = replace(self.rentals[rental_id], message_id=message_id)

    async def add_ticket(self, ticket: Pass) -> None:
        self.tickets[ticket.digest] = ticket

    async def ticket(self, digest: str, now: datetime) -> Pass | None:
        return self._good(self.tickets.get(digest), now)

    async def spend(self, digest: str, session: Pass, now: datetime) -> bool:
        if self._good(self.tickets.pop(digest, None), now) is None:
            return False
        self.sessions[session.digest] = session
        return True

    async def session(self, digest: str, now: datetime) -> Pass | None:
        self.asked += 1
        return self._good(self.sessions.get(digest), now)

    async def open_share(self, rental_id: RentalId, member_id: int, now: datetime) -> Share | None:
        held = [one for one in self.shares.values() if one.member_id == member_id]
        return next((one for one in held if one.rental_id == rental_id and one.open(now)), None)

    def share(self, member_id: int, *, view_only: bool = False, hours: int = 8) -> Share:
        """Let somebody into RENTAL from now on."""
        made = datetime(2026, 3, 1, 12, tzinfo=UTC)
        share = Share(
            id=f"share{len(self.shares)}",
            rental_id=RENTAL,
            guild_id=OWNER.guild_id,
            member_id=member_id,
            member_name="ben",
            by_id=OWNER.id,
            view_only=view_only,
            made_at=made,
            until=made + timedelta(hours=hours),
        )
        self.shares[share.id] = share
        return share

    async def revoke_member(self, rental_id: RentalId, member_id: int, now: datetime) -> int:
        return self._end(lambda one: (one.rental_id, one.member_id) == (rental_id, member_id))

    async def past_session(self, digest: str) -> Pass | None:
        return self.sessions.get(digest) or self.over.get(digest)

    async def living_sessions(self, now: datetime) -> list[Pass]:
        return [entry for entry in self.sessions.values() if self._good(entry, now)]

    async def revoke(self, rental_id: RentalId, now: datetime) -> int:
        return self._end(lambda entry: entry.rental_id == rental_id)

    def _end(self, which: Callable[[Pass], bool]) -> int:
        count = 0
        for passes in (self.tickets, self.sessions):
            for digest, entry in list(passes.items()):
                if which(entry):
                    self.over[digest] = passes.pop(digest)
                    count += 1
        return count

    def _good(self, entry: Pass | None, now: datetime) -> Pass | None:
        """With what its share says, as the real books tell it."""
        if entry is None or now >= entry.expires_at:
            return None
        if entry.share_id is None:
            return entry
        share = self.shares[entry.share_id]
        return replace(entry, view_only=share.view_only) if share.open(now) else None
