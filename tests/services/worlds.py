"""The smallest worlds for services: a market in a dict, machines that always or never answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast

from bot.domain.archive_costs import Caps
from bot.domain.archives import Archive, ArchiveId, ArchiveState, Failure, Proof, Report, Restored
from bot.domain.bills import Charge
from bot.domain.idle import Active, Judgement, Release
from bot.domain.idle_memory import Asking, Question, begin
from bot.domain.lifecycle import Limits
from bot.domain.money import Usd
from bot.domain.offers import Offer, Wish
from bot.domain.rentals import Address, ContractId, Instance, Rental, RentalId, Status
from bot.domain.samples import Sample
from bot.errors import BotError, Down, Unreachable
from bot.ports.books import Store
from bot.ports.machines import NotebookAt, Ran
from bot.ports.market import Account, Order
from bot.services.archives import Archives
from bot.services.bookkeeper import Bookkeeper
from bot.services.budgets import Budgets
from bot.services.desk import Desk
from bot.services.idle import IdleWatch, Judged
from bot.services.links import Links
from bot.services.moves import Moves
from bot.services.offers import Offers
from bot.services.policy import Policies
from bot.services.reconciler import Reconciler
from bot.services.replacing import Replacing
from bot.services.routes import Routes, Traffic
from bot.services.shelf import Shelf as Shelves
from bot.services.steps import Steps
from bot.tasks import Tasks, Wake
from tests.builders import NOW, SetClock, an_instance


@dataclass
class DictMarket:
    """Vast as a dict. `rent_errors` are raised by the next renting calls, in order."""

    offers: list[Offer]
    status: Status = Status.UP
    credit: Usd = field(default_factory=lambda: Usd.of(25))
    alive: dict[ContractId, Instance] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    destroyed: list[ContractId] = field(default_factory=list)
    rent_errors: list[BotError] = field(default_factory=list)
    rents_though_it_fails: bool = False
    unlisted: bool = False
    keys: list[str] = field(default_factory=list)
    team_key: bool = False
    attached: list[ContractId] = field(default_factory=list)
    bad_machines: set[int] = field(default_factory=set)  # whose containers never start
    log: list[str] | BotError = field(default_factory=list)
    billed: list[Charge] = field(default_factory=list)

    async def search(self, wish: Wish, *, max_compute_cap: int | None = None) -> list[Offer]:
        return list(self.offers)

    async def gpu_names(self) -> list[str]:
        return sorted({offer.gpu_name for offer in self.offers})

    async def machines(self) -> list[Instance]:
        if self.unlisted:
            raise Down("the list failed")
        return list(self.alive.values())

    async def machine(self, contract: ContractId) -> Instance | None:
        return self.alive.get(contract)

    async def rent(self, order: Order) -> ContractId:
        self.orders.append(order)
        error = self.rent_errors.pop(0) if self.rent_errors else None
        if error is None or self.rents_though_it_fails:
            contract = self._make(order)
        if error is not None:
            raise error
        return contract

    def _make(self, order: Order) -> ContractId:
        offer = next(one for one in self.offers if one.id == order.offer_id)
        contract = ContractId(9000 + len(self.orders))
        self.alive[contract] = an_instance(
            contract=contract,
            label=order.label,
            rates=offer.rates,
            machine_id=offer.machine_id,
            status=Status.FAILED if offer.machine_id in self.bad_machines else self.status,
            addresses=(Address("127.0.0.1", 2222),),
        )
        return contract

    async def destroy(self, contract: ContractId) -> None:
        self.destroyed.append(contract)
        self.alive.pop(contract, None)

    async def logs(self, contract: ContractId, *, tail: int, daemon: bool = False) -> list[str]:
        if isinstance(self.log, BotError):
            raise self.log
        return self.log[-tail:]

    async def account(self) -> Account:
        return Account(credit=self.credit)

    async def charges(self, *, since: datetime, until: datetime) -> list[Charge]:
        return list(self.billed)

    async def register_key(self, public_key: str) -> bool:
        self.keys.append(public_key)
        return not self.team_key

    async def attach_key(self, contract: ContractId, public_key: str) -> None:
        self.attached.append(contract)

    def turn(self, status: Status) -> None:
        """Let every machine be in this state from now on."""
        self.status = status
        self.alive = {key: replace(one, status=status) for key, one in self.alive.items()}


class Quiet:
    """A shell in which every command succeeds and says nothing."""

    async def run(self, script: str, *, timeout_s: float = 30, check: bool = True) -> Ran:
        return Ran(status=0, stdout="", stderr="")


@dataclass
class Wires:
    """Tunnels that connect at once, or never."""

    refused: bool = False
    up: set[RentalId] = field(default_factory=set)

    async def connect(
        self,
        rental_id: RentalId,
        addresses: Sequence[Address],
        *,
        host_key: str | None,
        patience_s: float,
    ) -> str:
        if self.refused:
            raise Unreachable("refused")
        self.up.add(rental_id)
        return "ssh-ed25519 AAAA"

    def connected(self, rental_id: RentalId) -> bool:
        return rental_id in self.up

    def shell(self, rental_id: RentalId) -> Quiet:
        return Quiet()

    async def forward(self, rental_id: RentalId, notebook: NotebookAt) -> str:
        return f"/run/{rental_id}.sock"

    async def close(self, rental_id: RentalId) -> None:
        self.up.discard(rental_id)


@dataclass
class Books:
    """Notebooks that are there at once."""

    silent: bool = False
    dead: bool = False  # Jupyter does not run, so that it is started anew
    broken: BotError | None = None

    async def ensure(
        self, shell: object, *, packages: Sequence[str], course: str | None
    ) -> NotebookAt:
        if self.broken is not None:
            raise self.broken
        started, self.dead = self.dead, False
        return NotebookAt(
            socket="/root/j.sock", port=None, token="t" * 20, root="/workspace", started=started
        )

    async def answers(self, socket_path: str, token: str) -> bool:
        return not self.silent


@dataclass
class Way:
    """The relay's path: whole, or broken for a reason."""

    trouble: str = ""

    async def fault(self, rental_id: RentalId, *, page: bool = True) -> str:
        return self.trouble


@dataclass
class Shelf:
    """Archives that are proven at once, or not at all for a reason."""

    clock: SetClock
    failures: list[Failure] = field(default_factory=list)
    ran_for: list[RentalId] = field(default_factory=list)
    loses_work: bool = False
    report: Report = field(default_factory=Report)
    restored: list[str] = field(default_factory=list)
    restore_error: BotError | None = None
    changes: list[str] = field(default_factory=list)
    caps: list[Caps] = field(default_factory=list)
    proofs: list[Archive] = field(default_factory=list)

    async def save(
        self, rental: Rental, shell: object, *, caps: Caps, **_: object
    ) -> Proof | Failure:
        self.caps.append(caps)
        if self.failures:
            return self.failures.pop(0)
        self.ran_for.append(rental.id)
        archive = Archive(
            id=ArchiveId(f"{rental.id}-{len(self.ran_for)}"),
            rental_id=rental.id,
            guild_id=rental.guild_id,
            owner_id=rental.owner_id,
            name=rental.title,
            state=ArchiveState.COMMITTED,
            root="/workspace",
            started_at=self.clock.now(),
            touched_at=self.clock.now(),
            proven_at=self.clock.now(),
            loses_work=self.loses_work,
        )
        self.proofs.append(archive)
        return Proof(archive=archive, report=self.report)

    async def changed(self, archive_id: ArchiveId, shell: object) -> list[str]:
        return self.changes

    async def saved(self, *, guild_id: int, owner_id: int | None = None) -> list[Archive]:
        return [one for one in self.proofs if owner_id in (None, one.owner_id)]

    async def restore(self, archive_id: ArchiveId, shell: object, **_: object) -> Restored:
        if self.restore_error is not None:
            raise self.restore_error
        self.restored.append(archive_id)
        return cast(Restored, SimpleNamespace(warnings=()))


@dataclass
class Verdicts:
    """An idle watch that says what it is told to."""

    alive: bool = False

    async def look_anew(self, rental: Rental) -> Judged:
        question = Question(kind=Asking.IDLE, asked_at=NOW)
        verdict = Active(()) if self.alive else Release(question, ())
        memory = begin(NOW)
        return Judged(rental, Sample(at=NOW), Judgement(memory, verdict))

    def forget(self, rental_id: RentalId) -> None:
        pass


@dataclass
class House:
    """The services over a real store and a pretend outside."""

    store: Store
    market: DictMarket
    clock: SetClock
    wires: Wires = field(default_factory=Wires)
    books: Books = field(default_factory=Books)
    verdicts: Verdicts = field(default_factory=Verdicts)
    way: Way = field(default_factory=Way)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.clock)
        self.tasks, self.wake, self.news = Tasks(), Wake(), Wake()
        self.routes = Routes()
        self.links = Links(
            store=self.store, clock=self.clock, relay_url="http://{rental}.localhost:8642"
        )
        self.policies = Policies(store=self.store, limits=self.limits)
        self.offers = Offers(
            market=self.market, grudges=self.store, clock=self.clock, policies=self.policies
        )
        self.budgets = Budgets(store=self.store, clock=self.clock, wake=self.wake, news=self.news)
        self.desk = Desk(
            store=self.store,
            market=self.market,
            offers=self.offers,
            shelf=Shelves(archives=cast(Archives, self.shelf)),
            budgets=self.budgets,
            clock=self.clock,
            wake=self.wake,
            news=self.news,
            limits=self.limits,
        )
        self.moves = Moves(
            store=self.store,
            desk=self.desk,
            offers=self.offers,
            measure=self.measure,
            clock=self.clock,
        )
        self.start()

    async def measure(self, rental: Rental) -> int:
        return 10_000_000_000

    def start(self) -> None:
        """A process begins: nothing in memory, the same rows."""
        self.wires.up.clear()
        self.routes = Routes()
        steps = Steps(
            market=self.market,
            tunnels=self.wires,
            notebooks=self.books,
            archives=cast(Archives, self.shelf),
            idle=cast(IdleWatch, self.verdicts),
            replacing=Replacing(
                market=self.market,
                grudges=self.store,
                clock=self.clock,
                policies=self.policies,
            ),
            paths=self.way,
            routes=self.routes,
            traffic=Traffic(),
            policies=self.policies,
            links=self.links,
            clock=self.clock,
            installation="bellhop",
            public_key="ssh-ed25519 OURS",
        )
        self.reconciler = Reconciler(
            store=self.store,
            market=self.market,
            steps=steps,
            bookkeeper=Bookkeeper(store=self.store, billing=Wake()),
            tasks=self.tasks,
            wake=self.wake,
            news=self.news,
            clock=self.clock,
            policies=self.policies,
            installation="bellhop",
            poll=timedelta(seconds=15),
        )

    async def passes(self, count: int = 1, *, apart: timedelta = timedelta(seconds=5)) -> None:
        """So many passes of the reconciler, each run to its end."""
        for _ in range(count):
            await self.reconciler.pass_once()
            await self.tasks.quiet()
            self.clock.turn(apart)
