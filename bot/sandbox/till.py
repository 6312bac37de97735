"""The market's till: what all contracts burn together, what was spent, and when credit runs out.

Sums are exact (in grains, see `meter.py`); what people are shown is each contract's bill, rounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bot.sandbox import meter
from bot.sandbox.account import Account
from bot.sandbox.contracts import Contract
from bot.sandbox.meter import GRAINS


class Till:
    """Bills contracts as time moves. Every change of a contract's rates must pass `rebill`."""

    def __init__(self, account: Account, at: datetime) -> None:
        self._account = account
        self._burn = 0  # grains a microsecond, of all contracts together
        self._spent = 0  # grains
        self._closed = 0  # micro-dollars billed by contracts that are gone
        self.at = at

    def move_to(self, at: datetime) -> None:
        self._spent += self._burn * meter.micros(at - self.at)
        self.at = at

    def empty_at(self, until: datetime) -> datetime | None:
        """When, by `until`, the credit is used up at the present rates."""
        left = self._left()
        if left > self._burn * meter.micros(until - self.at):
            return None
        return meter.after(self.at, -(-left // self._burn)) if left > 0 else self.at

    @property
    def empty(self) -> bool:
        return self._left() <= 0

    def credit(self, alive: Iterable[Contract]) -> int:
        """Micro-dollars left: what was paid in less every contract's bill, each rounded."""
        return self._account.paid_in - self._closed - sum(map(self._billed, alive))

    def rebill(self, contract: Contract) -> None:
        """Bill the time so far at the old rates; the contract's present ones hold from now on."""
        self._burn -= contract.meter.burn()
        contract.meter.run(self.at)
        contract.meter.burning = contract.burning()
        self._burn += contract.meter.burn()

    def close(self, contract: Contract) -> None:
        """A contract is gone: its bill does not change any more."""
        self._closed += self._billed(contract)

    def carry(self, contract: Contract, up: int, down: int) -> None:
        """Bill bytes: sent by the machine and received by it."""
        sent = meter.transfer(contract.offer.upload_rate, up)
        received = meter.transfer(contract.offer.download_rate, down)
        contract.meter.run(self.at)
        contract.meter.add("upload", sent)
        contract.meter.add("download", received)
        self._spent += sent + received

    def _left(self) -> int:
        return self._account.paid_in * GRAINS - self._spent

    def _billed(self, contract: Contract) -> int:
        contract.meter.run(self.at)
        return sum(contract.meter.billed().values())
