"""A house with its sweep, over a market that can be made to lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from bot.domain.access import Actor
from bot.domain.bulletins import Bulletin
from bot.domain.letters import Place as MessagePlace
from bot.domain.offers import Offer, Wish
from bot.domain.rentals import ContractId, Instance, Rental, State, mark_of
from bot.errors import Provider
from bot.ports.books import Store
from bot.ports.bulletins import Posting
from bot.ports.chat import Desired, Home
from bot.services.account import AccountWatch
from bot.services.desk import Place
from bot.services.herald import Herald
from bot.services.sweep import Sweep
from bot.tasks import Wake
from tests.builders import CHANNEL, GUILD, OWNER, SetClock
from tests.services.worlds import DictMarket, House

ADA = Actor(id=OWNER, guild_id=GUILD, name="ada")


@dataclass
class Liar(DictMarket):
    """A market with machines that do not die, and answers that exclude each other."""

    immortal: set[ContractId] = field(default_factory=set)
    denied_by_number: set[ContractId] = field(default_factory=set)
    list_errors: list[Provider] = field(default_factory=list)
    number_error: Provider | None = None

    async def machines(self) -> list[Instance]:
        if self.list_errors:
            raise self.list_errors.pop(0)
        return await super().machines()

    async def machine(self, contract: ContractId) -> Instance | None:
        if self.number_error is not None:
            raise self.number_error
        if contract in self.denied_by_number:
            return None
        return await super().machine(contract)

    async def destroy(self, contract: ContractId) -> None:
        self.destroyed.append(contract)
        if contract not in self.immortal:
            self.alive.pop(contract, None)


class Wall:
    """A board on which everything can be put up."""

    async def post(
        self, posting: Posting, desired: Desired, *, picture: bytes | None = None
    ) -> MessagePlace:
        return MessagePlace(desired.channel_id or CHANNEL, 1)

    async def home(self) -> Home | None:
        return Home(guild_id=GUILD, channel_id=CHANNEL, own_id=77)


@dataclass
class Swept:
    store: Store
    clock: SetClock
    market: Liar
    house: House
    sweep: Sweep
    account: AccountWatch
    ada: Actor = ADA

    @classmethod
    def over(cls, store: Store, clock: SetClock, *, offers: list[Offer]) -> Self:
        market = Liar(offers=offers)
        house = House(store=store, market=market, clock=clock)
        account = AccountWatch()
        sweep = Sweep(
            store=store,
            market=market,
            board=Wall(),
            herald=Herald(store=store, market=market, account=account, clock=clock),
            account=account,
            clock=clock,
            policies=house.policies,
            installation="bellhop",
            mark=mark_of("ssh-ed25519 OURS"),
            wake=Wake(),
            moved=house.wake,
            news=house.news,
            every=timedelta(seconds=60),
        )
        return cls(store, clock, market, house, sweep, account)

    async def look(self, *, later: timedelta = timedelta()) -> None:
        """One pass of the sweep, so much later."""
        self.clock.turn(later)
        await self.sweep.pass_once()

    async def told(self, key: str) -> Bulletin:
        found = await self.store.bulletin(key)
        assert found is not None, [one.key for one in await self.store.bulletins("")]
        return found

    async def row(self, rental: Rental) -> Rental:
        found = await self.store.rental(rental.id)
        assert found is not None
        return found


async def ready_rental(house: House) -> Rental:
    """Ada's machine, ready."""
    quote = await house.desk.quote(ADA, Place(GUILD, CHANNEL), Wish())
    rental = await house.desk.rent(ADA, quote.id)
    await house.passes(2)
    row = await house.store.rental(rental.id)
    assert row is not None
    assert row.state is State.READY
    return row
