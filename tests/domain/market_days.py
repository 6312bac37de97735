"""Lives of one machine on the simulated market, looked at as the reconciler does, and killed.

The market bills by itself, to the second, and shares no code with our books.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.adapters.vast import values, wire
from bot.domain import tabs
from bot.domain.bills import Bill, Charge, Parts, Patience, reckon
from bot.domain.ledger import Entry, Kind
from bot.domain.money import Usd
from bot.domain.rentals import ContractId
from bot.domain.tabs import Tab
from bot.sandbox.catalog import draw_market
from bot.sandbox.contracts import Ask, Contract
from bot.sandbox.faults import Faults
from bot.sandbox.life import Timing
from bot.sandbox.world import World
from tests.domain.facts import rental

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OFFER = 6_995_713
AT_ONCE = Timing(load_s=40, ssh_s=0, list_lag_s=0, stop_s=0, start_s=0)


@dataclass
class Day:
    """A machine, and our books of it. What is `stored` survives a kill, `held` does not."""

    timing: Timing = AT_ONCE
    at: datetime = START
    books: dict[tuple[Kind, datetime], Entry] = field(default_factory=dict)
    bill: Bill | None = None

    def __post_init__(self) -> None:
        self.world = World(
            now=lambda: self.at,
            offers=draw_market(1, self.at),
            timing=self.timing,
            faults=Faults(),
            credit=10_000_000_000,
        )
        ask = Ask(offer_id=OFFER, image="pytorch:1", disk_gb=10.0, label="bellhop/b2k7xq")
        self.contract: Contract = self.world.rent(ask)
        self.stored: Tab | None = None
        self.held: Tab | None = None

    def turn(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.world.advance()

    def look(self, *, late: float = 0, stored: bool = True) -> None:
        """One look; `late` seconds behind the market's clock; not `stored`: killed before that."""
        self.world.advance()
        at = self.at - timedelta(seconds=late)
        row = values.parse(json.dumps(self.contract.row(self.world.at)).encode())
        seen = wire.instance(row, self.at)
        tab = self.held or tabs.opened(rental(requested_at=START), seen.contract, seen, at)
        tab, entries = tabs.read(tab, seen, at)
        self._keep(tab, entries, stored=stored)

    def kill(self) -> None:
        self.held = self.stored

    def destroy(self) -> None:
        """Destroyed, and missing from the next complete list."""
        self.world.destroy(self.contract.id)
        assert self.held is not None
        self._keep(tabs.destroyed(self.held, self.at), [], stored=True)
        self.end()

    def end(self) -> None:
        assert self.held is not None
        gone_at = self.held.destroyed_at or self.held.read_until
        self._keep(*tabs.end(self.held, gone_at), stored=True)

    def reconcile(self, *, less: int = 0, patience: Patience | None = None) -> list[Entry]:
        """Hold the books against Vast's charge as it is now, `less` so many micro-dollars."""
        assert self.held is not None
        self.bill, entries = reckon(
            self.held,
            self.sums(),
            self.bill,
            self.charge(less=less),
            patience=patience or Patience(),
            now=self.at,
        )
        self._write(entries)
        return entries

    def charge(self, *, less: int = 0) -> Charge:
        """Rounded to a thousandth of a dollar, as Vast does."""
        billed = self.billed()
        parts = [billed["gpu"], billed["storage"], billed["download"], billed["upload"]]
        return Charge(
            contract=ContractId(self.contract.id),
            label=self.contract.label or "",
            start=self.contract.created_at,
            end=self.at,
            total=_thousandths(sum(parts) - less),
            parts=Parts(*(_thousandths(max(part - less, 0)) for part in parts)),
        )

    def billed(self) -> dict[str, int]:
        self.world.advance()
        self.contract.meter.run(self.world.at)
        return dict(self.contract.meter.billed())

    def sums(self) -> dict[Kind, Usd]:
        found: dict[Kind, Usd] = {}
        for entry in self.books.values():
            found[entry.kind] = found.get(entry.kind, Usd()) + entry.amount
        return found

    def total(self) -> int:
        return Usd.sum(self.sums().values()).micros

    def _keep(self, tab: Tab, entries: list[Entry], *, stored: bool) -> None:
        if not stored:
            return  # the tab and its entries are one transaction
        self.held = self.stored = tab
        self._write(entries)

    def _write(self, entries: list[Entry]) -> None:
        for entry in entries:
            self.books.setdefault((entry.kind, entry.period_start), entry)


def _thousandths(micros: int) -> Usd:
    return Usd(round(micros / 1000) * 1000)
