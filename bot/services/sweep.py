"""The sweep: everything on the account that no open rental owns, and whoever must be told of it.

It trusts complete listings only, read before the rows, so that a machine that is being rented is
never a stray. Each look is like every other; a restart loses nothing but the time to the next.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain import sweep, sweep_words
from bot.domain.limits import Limits
from bot.domain.rentals import ContractId, Instance, Rental, RentalId
from bot.errors import BotError, Provider
from bot.ports.books import Store
from bot.ports.bulletins import Sighting
from bot.ports.chat import Home, Homes
from bot.ports.clock import Clock
from bot.ports.market import Market
from bot.services.account import AccountWatch
from bot.services.adopting import adopt
from bot.services.herald import Herald
from bot.services.policy import Policies
from bot.tasks import Wake

log = logging.getLogger(__name__)

INTERACTIONS_KEPT = timedelta(days=2)


class Sweep:
    """`wake` is its own tick; `moved` wakes the reconciler for a machine that was taken in."""

    def __init__(
        self,
        *,
        store: Store,
        market: Market,
        board: Homes,
        herald: Herald,
        account: AccountWatch,
        clock: Clock,
        policies: Policies,
        installation: str,
        mark: str,
        wake: Wake,
        moved: Wake,
        news: Wake,
        every: timedelta,
    ) -> None:
        self._store = store
        self._market = market
        self._board = board
        self._herald = herald
        self._account = account
        self._clock = clock
        self._policies = policies
        self._installation = installation
        self._mark = mark
        self._wake = wake
        self._moved = moved
        self._news = news
        self._every = every

    async def run(self) -> None:
        """A look at once, and one at each tick; for ever."""
        while True:
            await self.pass_once()
            await self._wake.wait(self._every.total_seconds() * 3)

    async def pass_once(self) -> None:
        """One look at the whole account, and what follows from it."""
        listing = await self._listing()
        rentals = await self._store.open_rentals()
        if listing is not None:
            await self._account_for(listing, rentals)
        await self._herald.tell(rentals)
        await self._store.forget_interactions(self._clock.now() - INTERACTIONS_KEPT)
        self._news.set()

    async def _listing(self) -> Sequence[Instance] | None:
        try:
            listing = await self._market.machines()
        except Provider as error:
            log.warning("the account could not be swept: %s", error)
            self._account.failed(error, self._clock.now())
            return None
        self._account.seen()
        return listing

    async def _account_for(self, listing: Sequence[Instance], rentals: Sequence[Rental]) -> None:
        now = self._clock.now()
        limits = self._policies.most_patient(await self._policies.values())
        strays = sweep.strays(rentals, listing, self._installation, limits)
        seen = await self._store.sightings([one.contract for one in strays], now)
        foreign, still, namesakes = [], [], []
        for machine in strays:
            try:
                verdict = await self._judged(machine, seen[machine.contract].first_seen_at, limits)
                if isinstance(verdict, sweep.Foreign):
                    foreign.append(machine)
                    namesakes += [machine] if verdict.same_name else []
                if isinstance(verdict, sweep.Hold) and sweep.stands_still(machine):
                    still.append(machine)
                await self._act(machine, verdict, seen[machine.contract], limits)
            except BotError as error:  # one that cannot be dealt with holds up no other
                log.warning("stray %s: %s", machine.contract, error)
        if namesakes:  # one message for all: it names the oldest, and is not edited by turns
            await self._store.tell(sweep_words.same_name(namesakes[0], self._installation))
        await self._see_gone(seen, listing, limits)
        await self._daily(listing, rentals, foreign, still)

    async def _judged(
        self, machine: Instance, first_seen: datetime, limits: Limits
    ) -> sweep.Verdict:
        named = sweep.rental_id(machine, self._installation)
        known = await self._store.rental(RentalId(named)) if named is not None else None
        return sweep.judge(
            machine,
            known,
            installation=self._installation,
            mark=self._mark,
            first_seen=first_seen,
            now=self._clock.now(),
            limits=limits,
        )

    async def _act(
        self, machine: Instance, verdict: sweep.Verdict, seen: Sighting, limits: Limits
    ) -> None:
        match verdict:
            case sweep.Remove(why):
                await self._remove(machine, why, seen, limits)
            case sweep.Adopt(known):
                await self._adopt(machine, known)
            case sweep.Hold(why):
                await self._store.tell(sweep_words.held(machine, why))
            case _:
                pass

    async def _remove(self, machine: Instance, why: str, seen: Sighting, limits: Limits) -> None:
        now = self._clock.now()
        sent_at = seen.destroy_sent_at
        if sent_at is not None and now - sent_at < limits.destroy_again:
            return
        if await self._market.machine(machine.contract) is None:
            log.warning("%s is listed, and by its number not there; left alone", machine.contract)
            await self._store.tell(sweep_words.contradicted(machine))
            return
        await self._store.tell(sweep_words.removed(machine, why))
        await self._store.destroy_sent(machine.contract, now)
        await self._market.destroy(machine.contract)
        log.warning("destroyed the stray %s (%s): %s", machine.contract, machine.label, why)

    async def _adopt(self, machine: Instance, known: Rental | None) -> None:
        rental = await adopt(
            self._store,
            machine,
            known,
            await self._home(),
            installation=self._installation,
            now=self._clock.now(),
        )
        if rental is None:
            log.warning("the stray %s cannot be taken in before Discord is there", machine.contract)
            return
        log.warning("took in the stray %s as rental %s", machine.contract, rental.id)
        await self._store.tell(sweep_words.adopted(machine, rental, owner_known=known is not None))
        await self._store.forget_sighting(machine.contract)
        self._moved.set()

    async def _home(self) -> Home | None:
        """Where the newest rental is, else where we may write."""
        home = await self._board.home()
        place = await self._store.leads_place()
        if home is None or place is None:
            return home
        return Home(guild_id=place[0], channel_id=place[1], own_id=home.own_id)

    async def _see_gone(
        self, seen: Mapping[ContractId, Sighting], listing: Sequence[Instance], limits: Limits
    ) -> None:
        """Confirm by number what is not listed any more."""
        present = {one.contract for one in listing}
        now = self._clock.now()
        for contract, sighting in seen.items():
            since = sighting.missing_since
            if contract in present or since is None:
                continue
            if sighting.destroy_sent_at is None and now - since < limits.missing:
                continue
            try:
                await self._gone(sighting, now)
            except Provider as error:  # asked again at the next look, and holds up nobody's news
                log.warning("whether the stray %s is gone is not known: %s", contract, error)

    async def _gone(self, sighting: Sighting, now: datetime) -> None:
        """Forget a machine that is not listed any more; one we destroyed is asked for first."""
        contract = sighting.contract
        if sighting.destroy_sent_at is not None:
            if await self._market.machine(contract) is not None:
                return
            if told := await self._store.bulletin(f"stray/{contract}"):
                await self._store.tell(sweep_words.removal_confirmed(told, now))
        await self._store.forget_sighting(contract)

    async def _daily(
        self,
        listing: Sequence[Instance],
        rentals: Sequence[Rental],
        foreign: Sequence[Instance],
        held: Sequence[Instance],
    ) -> None:
        """Once a day: what is not ours, and what stands still."""
        day = f"{self._clock.now():%Y-%m-%d}"
        owners = {one.contract: one for one in rentals if one.contract is not None}
        still: list[tuple[Instance, Rental | None]] = [(one, None) for one in held]
        still += [
            (one, owners[one.contract])
            for one in listing
            if one.contract in owners and sweep.stands_still(one)
        ]
        if (foreign or still) and await self._store.bulletin(f"account/{day}") is None:
            await self._store.tell(sweep_words.daily(day, foreign, still))
