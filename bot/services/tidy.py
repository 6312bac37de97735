"""`bellhop sweep`: the account by hand, beside a service that may be running.

It lists what no open rental owns, and with the flag destroys what bears our label, whatever is on
it: whoever passes the flag has read the list. Rows are read after the listing, and again before
each destroy, so that what the service rents or takes in meanwhile is never a stray.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.domain import sweep
from bot.domain.limits import Limits
from bot.domain.money import hourly
from bot.domain.rentals import ContractId, Instance
from bot.errors import Down, Provider, RateLimited
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.market import Market

log = logging.getLogger(__name__)

CONFIRM_WITHIN = timedelta(seconds=90)
DESTROY_AGAIN = timedelta(seconds=10)
_LOOK_S = 2.0
_HEADS = ("machine", "label", "GPU", "state", "age", "costs", "is")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A machine that no open rental owns. `ours`: with our label, and no other Bellhop's mark."""

    machine: Instance
    ours: bool
    why: str


class Tidy:
    def __init__(
        self,
        *,
        store: Store,
        market: Market,
        clock: Clock,
        installation: str,
        mark: str,
        limits: Limits,
    ) -> None:
        self._store = store
        self._market = market
        self._clock = clock
        self._installation = installation
        self._mark = mark
        self._limits = limits

    async def find(self) -> list[Found]:
        """Everything on the account that no open rental owns. Raises Provider, Store."""
        listing = await self._market.machines()
        rentals = await self._store.open_rentals()
        strays = sweep.strays(rentals, listing, self._installation, self._limits)
        return [self._found(one) for one in strays]

    async def destroy(self, found: Sequence[Found]) -> dict[ContractId, bool]:
        """Destroy those that are ours; for each whether it was seen gone within the time.

        Seen gone is: not in a complete listing, and not there by its number.
        """
        wanted = {one.machine.contract for one in found if one.ours}
        gone = dict.fromkeys(wanted, False)
        until = self._clock.now() + CONFIRM_WITHIN
        sent_at = None
        while not all(gone.values()) and self._clock.now() < until:
            now = self._clock.now()
            left = [one for one in wanted if not gone[one]]
            if sent_at is None or now - sent_at >= DESTROY_AGAIN:
                left = await self._send(left)
                sent_at = now
            await asyncio.sleep(_LOOK_S if left else 0)
            for contract in await self._absent(left):
                gone[contract] = True
            wanted = {one for one in wanted if one in left or gone[one]}
            gone = {one: seen for one, seen in gone.items() if one in wanted}
        return gone

    async def _send(self, contracts: Sequence[ContractId]) -> list[ContractId]:
        """Send the destroy of each that is still nobody's; those it was meant for."""
        strays = {one.machine.contract: one for one in await self.find()}
        listed = {one.contract for one in await self._market.machines()}
        meant = []
        for contract in contracts:
            if contract in strays and strays[contract].ours:
                await self._patiently(contract)
            elif contract in listed:
                log.warning("%s belongs to a rental by now and is left alone", contract)
                continue
            meant.append(contract)
        return meant

    async def _patiently(self, contract: ContractId) -> None:
        try:
            await self._market.destroy(contract)
        except RateLimited as error:
            await asyncio.sleep(min((error.retry_after or timedelta(seconds=3)).seconds, 30))
        except Down as error:
            log.warning("the destroy of %s may not have arrived: %s", contract, error)

    async def _absent(self, contracts: Sequence[ContractId]) -> list[ContractId]:
        try:
            listed = {one.contract for one in await self._market.machines()}
            return [
                one
                for one in contracts
                if one not in listed and await self._market.machine(one) is None
            ]
        except Provider as error:
            log.warning("not confirmed yet: %s", error)
            return []

    def _found(self, machine: Instance) -> Found:
        if sweep.rental_id(machine, self._installation) is None:
            return Found(machine=machine, ours=False, why="not ours")
        if machine.mark and machine.mark != self._mark:
            return Found(machine=machine, ours=False, why="another Bellhop's, with our name")
        age = self._clock.now() - (machine.created_at or self._clock.now())
        if machine.mark and machine.untouched and age < self._limits.doubt:
            return Found(machine=machine, ours=False, why="ours, perhaps just being rented")
        why = "ours, never ran" if machine.untouched else "ours, may hold work"
        return Found(machine=machine, ours=True, why=why)

    def table(self, found: Sequence[Found]) -> str:
        """The list as a person reads it in a terminal."""
        rows = [_HEADS, *(self._row(one) for one in found)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def _row(self, found: Found) -> tuple[str, ...]:
        machine = found.machine
        return (
            str(machine.contract),
            _clean(machine.label) or "-",
            _clean(machine.gpu_name) or "-",
            machine.status.value,
            self._age(machine),
            _cost(machine),
            found.why,
        )

    def _age(self, machine: Instance) -> str:
        if machine.created_at is None:
            return "-"
        minutes = max(int((self._clock.now() - machine.created_at).total_seconds() // 60), 0)
        return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def _cost(machine: Instance) -> str:
    if machine.rates is None:
        return "unknown"
    if sweep.stands_still(machine):
        return f"{sweep.per_day(machine)}/day"
    return hourly(machine.rates.per_hour(machine.disk_gb))


def _clean(text: str) -> str:
    """Text that others wrote, fit for a terminal."""
    return "".join(char for char in text if char.isprintable())[:40]
