"""The simulated market as a whole: offers, contracts, credit, and a clock that others turn.

Pure: no HTTP, no tasks, no machines. Every call first brings the world up to now, step by step in
the order in which things fall due, so that a clock turned by a day gives the same bill as a day.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from bot.sandbox.account import Account
from bot.sandbox.agenda import Agenda
from bot.sandbox.contracts import Ask, Contract
from bot.sandbox.faults import Faults
from bot.sandbox.life import Errand, Life, Timing
from bot.sandbox.meter import Meter
from bot.sandbox.offers import Offer
from bot.sandbox.refusal import Refusal, invalid, no_instance, no_offer
from bot.sandbox.till import Till

MIN_DISK_GB = 8.0
_NO_CREDIT = "Your account lacks credit; see the billing page."


class World:
    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        offers: Iterable[Offer],
        timing: Timing,
        faults: Faults,
        credit: int,
        seed: int = 1,
    ) -> None:
        at = now()
        self._now = now
        self._timing = timing
        self._faults = faults
        self._dice = random.Random(seed)
        # From the time, so that a sandbox started anew gives no number a second time.
        self._ids = itertools.count(int(at.timestamp() - 1_700_000_000) * 10)
        self._agenda = Agenda()
        self._life = Life(timing=timing, faults=faults, agenda=self._agenda, changed=self._changed)
        self._holders: dict[int, Contract] = {}  # by offer
        self._lists: dict[int, Contract] = {}  # alive, or gone so lately that lists still show it
        self.offers = {offer.id: offer for offer in offers}
        self.taken: set[int] = set()  # offers whose GPUs other people use
        self.contracts: dict[int, Contract] = {}
        self.account = Account(credit, at)
        self._till = Till(self.account, at)

    # --- Time -------------------------------------------------------------------------------

    @property
    def at(self) -> datetime:
        """The time up to which everything has happened."""
        return self._till.at

    def advance(self) -> None:
        """Let everything happen that is due by now, and run out of credit where it runs out."""
        now = max(self.at, self._now())
        while True:
            due = self._agenda.due()
            until = now if due is None else max(self.at, min(due, now))
            if (stop_at := self._stop_at(until)) is not None:
                self._till.move_to(stop_at)
                self._stop_all()
                continue
            self._till.move_to(until)
            if due is None or due > now:
                return
            self._agenda.run_next()

    def errands(self) -> list[Errand]:
        """What must be done in the yard since the last call, in order."""
        errands, self._life.errands = self._life.errands, []
        return errands

    # --- Offers -----------------------------------------------------------------------------

    def is_taken(self, offer_id: int) -> bool:
        return offer_id in self._holders or offer_id in self.taken

    def rent(self, ask: Ask) -> Contract:
        """A new contract. Raises Refusal for every reason that Vast has to say no."""
        self.advance()
        offer = self.offers.get(ask.offer_id)
        if offer is None or self.is_taken(ask.offer_id):
            raise no_offer(ask.offer_id)
        self._refuse(ask, offer)
        contract = self._contract(ask, offer)
        self._life.expect_end(contract, self.at)
        low = self._faults.take("bid_too_low", contract.facts()) is not None
        if low or (ask.bid is not None and ask.bid < offer.min_bid):
            self._life.halt(contract, self.at)
            raise Refusal(
                400, "invalid_args", "error 400/3620: bid is too low", new_contract=contract.id
            )
        if ask.start:
            self._life.begin(contract, self.at)
        else:
            self._life.halt(contract, self.at)
        return contract

    # --- Contracts --------------------------------------------------------------------------

    def listed(self) -> list[Contract]:
        """What a list shows: new ones a little late, destroyed ones a little longer."""
        self.advance()
        lag = timedelta(seconds=self._timing.list_lag_s)
        for contract in [*self._lists.values()]:
            if contract.destroyed_at is not None and contract.destroyed_at + lag <= self.at:
                del self._lists[contract.id]
        return [each for each in self._lists.values() if each.visible_at <= self.at]

    def contract(self, contract_id: int) -> Contract:
        """A contract that is alive. Raises Refusal."""
        self.advance()
        contract = self.contracts.get(contract_id)
        if contract is None or not contract.alive:
            raise no_instance(contract_id)
        return contract

    def start(self, contract_id: int) -> None:
        """Raises Refusal, also where the start is merely queued behind a taken GPU."""
        contract = self.contract(contract_id)
        if contract.cur != "stopped":
            return
        if self._till.empty:
            raise Refusal(400, "missing_billing", _NO_CREDIT)
        if self.is_taken(contract.offer.id):
            self._life.wait_for_gpu(contract, self.at)
            raise Refusal(
                200,
                "resources_unavailable",
                "Required resources are currently unavailable, state change queued.",
            )
        self._life.restart(contract, self.at)

    def stop(self, contract_id: int) -> None:
        contract = self.contract(contract_id)
        if contract.intended != "stopped":
            self._life.stop(contract, self.at)

    def reboot(self, contract_id: int, *, wipe: bool = False) -> None:
        """Down and up again; with `wipe` as a new container. Raises Refusal unless it runs."""
        contract = self.contract(contract_id)
        if not contract.up:
            raise invalid(f"instance {contract_id} is not running")
        (self._life.recycle if wipe else self._life.reboot)(contract, self.at)

    def destroy(self, contract_id: int) -> None:
        contract = self.contract(contract_id)
        self._life.destroy(contract, self.at)
        self._till.close(contract)

    def destroy_later(self, contract_id: int, in_s: float) -> None:
        """Vast says yes at once, and does it later."""

        def end(contract: Contract, at: datetime) -> None:
            if contract.alive:
                self._life.destroy(contract, at)
                self._till.close(contract)

        self._agenda.plan(self.contract(contract_id), self.at, in_s, end, lasting=True)

    def outbid(self, contract_id: int) -> None:
        """Somebody bid more for an interruptible machine: it is paused."""
        contract = self.contract(contract_id)
        contract.ask = replace(contract.ask, bid=contract.ask.bid or contract.gpu_rate)
        contract.fixed = {}
        self._life.halt(contract, self.at)

    def reprice(self, contract_id: int, rate: int) -> None:
        """The contract costs that from now on, micro-dollars an hour for its GPUs."""
        contract = self.contract(contract_id)
        contract.gpu_rate, contract.fixed = rate, {}
        self._changed(contract)

    def end_offer(self, contract_id: int, in_s: float) -> None:
        """The host takes its machine back then: Vast stops it."""
        contract = self.contract(contract_id)
        ends_at = self.at + timedelta(seconds=in_s)
        contract.offer = replace(contract.offer, ends_at=ends_at)
        contract.fixed = {}
        self._life.expect_end(contract, self.at)

    def rename(self, contract_id: int, label: str) -> None:
        if len(label) > 1024:
            raise Refusal(400, "label_too_long", "The label is longer than 1024 characters.")
        self.contract(contract_id).label = label

    def bid(self, contract_id: int, price: int) -> None:
        """Another bid, micro-dollars an hour; below the floor the machine is paused."""
        contract = self.contract(contract_id)
        if contract.ask.bid is None or price < 1000:
            raise invalid(f"a bid of {price} micro-dollars for instance {contract_id}")
        contract.gpu_rate, contract.fixed = price, {}
        self._changed(contract)
        if price < contract.offer.min_bid:
            self.stop(contract_id)

    def become(self, contract_id: int, state: str) -> None:
        """What a host could bring about: another `actual_status`, without anybody's wish."""
        self._life.become(self.contract(contract_id), self.at, state=state)

    def disturb_ssh(self, contract_id: int, *, do: Literal["cut", "hang"], for_s: float) -> None:
        self._life.disturb(self.contract(contract_id), self.at, do=do, ssh_after_s=for_s)

    def end_jupyter(self, contract_id: int) -> None:
        self._life.disturb(self.contract(contract_id), self.at, do="jupyter")

    def end_kernels(self, contract_id: int) -> None:
        self._life.disturb(self.contract(contract_id), self.at, do="kernels")

    def set_gpu(self, contract_id: int, *, util: float | None, vram_mb: int | None) -> None:
        contract = self.contract(contract_id)
        contract.gpu_util = contract.gpu_util if util is None else util
        contract.vram_mb = contract.vram_mb if vram_mb is None else vram_mb
        self._life.errands.append(Errand("gpu", contract))

    def set_keys(self, contract: Contract, keys: dict[int, str]) -> None:
        contract.keys = keys
        self._life.errands.append(Errand("keys", contract))

    def carried(self, contract: Contract, up: int, down: int) -> None:
        """Bill what the machine sent and received: bytes since its creation."""
        old_up, old_down = contract.traffic
        if (up, down) == (old_up, old_down) or not contract.alive:
            return
        new_up = up - old_up if up >= old_up else up  # a recycled machine counts from zero
        new_down = down - old_down if down >= old_down else down
        contract.traffic = (up, down)
        self._till.carry(contract, new_up, new_down)

    # --- Money ------------------------------------------------------------------------------

    def credit(self) -> int:
        """Micro-dollars left; may be below zero, since disks go on billing."""
        return self._till.credit(self.alive())

    def set_credit(self, micro: int) -> None:
        self.advance()
        self.account.pay_in(micro - self.credit(), self.at)

    def alive(self) -> Sequence[Contract]:
        return [each for each in self._lists.values() if each.alive]

    def _stop_at(self, until: datetime) -> datetime | None:
        """When, by `until`, the credit is used up while something still runs or loads."""
        empty_at = self._till.empty_at(until)
        if empty_at is None or not any(each.intended == "running" for each in self.alive()):
            return None
        return empty_at

    def _stop_all(self) -> None:
        for contract in self.alive():
            if contract.intended == "running":
                self._life.halt(contract, self.at)

    def _changed(self, contract: Contract) -> None:
        """What a contract bills or holds is another from now on."""
        self._till.rebill(contract)
        offer_id = contract.offer.id
        if contract.holds_gpu:
            self._holders[offer_id] = contract
        elif self._holders.get(offer_id) is contract:
            del self._holders[offer_id]
            self._hand_over(offer_id)

    def _hand_over(self, offer_id: int) -> None:
        """A GPU is free: the first start that waits for it goes ahead."""
        for contract in self.alive():
            waits = contract.intended == "running" and contract.cur == "stopped"
            if waits and contract.offer.id == offer_id and not self.is_taken(offer_id):
                self._life.restart(contract, self.at)

    # --- Renting ----------------------------------------------------------------------------

    def _refuse(self, ask: Ask, offer: Offer) -> None:
        facts = {
            "label": ask.label,
            "machine_id": offer.machine_id,
            "gpu_name": offer.model.name,
            "offer_id": offer.id,
        }
        if self._faults.take("offer_gone", facts) is not None:
            raise no_offer(offer.id)
        if self._faults.take("offer_gone_410", facts) is not None:
            text = f"error 410/3907: no_such_ask Instance type {offer.id} is no longer available."
            raise Refusal(410, "no_such_ask", text, ask_id=offer.id)
        if self._till.empty or self._faults.take("low_credit", facts) is not None:
            raise Refusal(400, "insufficient_credit", _NO_CREDIT)
        if not MIN_DISK_GB <= ask.disk_gb <= offer.disk_gb:
            raise invalid(f"disk {ask.disk_gb} GB; between {MIN_DISK_GB:.0f} and {offer.disk_gb}")

    def _contract(self, ask: Ask, offer: Offer) -> Contract:
        contract = Contract(
            id=next(self._ids),
            ask=ask,
            offer=offer,
            gpu_rate=offer.gpu_rate if ask.bid is None else ask.bid,
            label=ask.label,
            created_at=self.at,
            visible_at=self.at + timedelta(seconds=self._timing.list_lag_s),
            keys={key.id: key.text for key in self.account.keys.values()},
            meter=Meter(self.at),
            jupyter_token=f"{self._dice.getrandbits(256):064x}",
        )
        facts = contract.facts()
        if (change := self._faults.take("price_changed", facts)) is not None:
            contract.gpu_rate = round(contract.gpu_rate * float(change["factor"]))
        if (late := self._faults.take("late_list", facts)) is not None:
            contract.visible_at = self.at + timedelta(seconds=float(late["seconds"]))
        contract.keys_arrive = self._faults.take("no_keys", facts) is None
        self.contracts[contract.id] = self._lists[contract.id] = contract
        self._changed(contract)
        return contract
