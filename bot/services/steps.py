"""Carrying out a step: the one outside call it makes, and what its ending means.

Every effect here is safe to repeat except the renting call, whose trace is on the row before.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Protocol

from bot.domain.archive_words import lacking, unreadable
from bot.domain.archives import ArchiveId, Failure
from bot.domain.archives import Trouble as ArchiveTrouble
from bot.domain.idle import Release as Idle
from bot.domain.rentals import ContractId, Rental, RentalId, mark_of
from bot.domain.retries import measure
from bot.domain.steps import (
    Absent,
    Alive,
    Connect,
    Connected,
    Create,
    Declined,
    Destroy,
    Done,
    Failed,
    Freeze,
    GiveUp,
    InDoubt,
    Look,
    OfferTaken,
    Outcome,
    Present,
    Probe,
    Recheck,
    Rehearse,
    Remove,
    Rented,
    Restore,
    Save,
    Saved,
    Seek,
    Serve,
    Started,
    Step,
    TooLarge,
    Trouble,
)
from bot.errors import (
    BotError,
    Busy,
    Denied,
    Down,
    HostKeyChanged,
    LowCredit,
    Machine,
    MayHaveRented,
    NotebookFailed,
    OfferGone,
    Place,
    PlaceDown,
    Provider,
    RateLimited,
    Refused,
    Unreachable,
)
from bot.ports.clock import Clock
from bot.ports.machines import NotebookAt, Notebooks, Paths, Tunnels
from bot.ports.market import Market, Order
from bot.services.archives import Archives
from bot.services.idle import IdleWatch
from bot.services.links import Links
from bot.services.policy import Policies
from bot.services.replacing import Replacing
from bot.services.routes import Route, Routes, Traffic

log = logging.getLogger(__name__)

CONNECT_PATIENCE_S = 4.0
"""How long one step keeps trying; then the account is looked at again, for addresses change."""


LATE = timedelta(seconds=20)
"""How long after its trace was stored a renting call may still leave: whether it was carried out is
judged by that moment, and it may wait for its turn besides."""


SAVE_TRIES = 3
"""How often a save that broke off is begun again before people are told that it does not work."""


_NAMED = "Vast refused, and made a machine all the same."
_RESTARTED = (
    "Jupyter had stopped and was started again: what was in its kernels' memory is lost, the files "
    "are as they were."
)


class Forgetful(Protocol):
    def forget(self, rental_id: RentalId) -> None:
        """Let go of what is kept of a rental."""
        ...


class Steps:
    """The hands of the reconciler."""

    def __init__(
        self,
        *,
        market: Market,
        tunnels: Tunnels,
        notebooks: Notebooks,
        archives: Archives,
        idle: IdleWatch,
        replacing: Replacing,
        paths: Paths,
        routes: Routes,
        traffic: Traffic,
        policies: Policies,
        links: Links,
        clock: Clock,
        installation: str,
        public_key: str,
        outputs: Forgetful | None = None,
    ) -> None:
        self._market = market
        self._tunnels = tunnels
        self._notebooks = notebooks
        self._archives = archives
        self._idle = idle
        self._replacing = replacing
        self._paths = paths
        self._routes = routes
        self._traffic = traffic
        self._policies = policies
        self._clock = clock
        self._links = links
        self._installation = installation
        self._public_key = public_key
        self._outputs = outputs
        self._key_on_account: bool | None = None
        self._putting_key = asyncio.Lock()
        self._keyed: set[ContractId] = set()  # machines that have our key

    def connected(self, rental: Rental) -> bool:
        return self._tunnels.connected(rental.id)

    def served(self, rental: Rental) -> bool:
        return self.connected(rental) and self._routes.get(rental.id) is not None

    async def take(self, rental: Rental, step: Step) -> Outcome:
        """Carry a step out. Errors of the house become outcomes; others are ours and pass."""
        try:
            match step:
                case Create():
                    return await self._create(rental)
                case Connect():
                    return await self._connect(rental)
                case Serve():
                    return await self._serve(rental)
                case Rehearse():
                    return await self._rehearse(rental)
                case Freeze():
                    self._routes.drop(rental.id)  # whoever is in is let go of: the copy is the last
                    return Done()
                case Recheck(archive_id):
                    return await self._recheck(rental, archive_id)
                case Restore(archive_id):
                    return await self._restore(rental, archive_id)
                case Save():
                    return await self._save(rental)
                case Probe():
                    return await self._probe(rental)
                case Seek():
                    return await self._replacing.seek(rental)
                case GiveUp(reason):
                    return await self._replacing.explain(rental, reason)
                case Destroy(contract) | Remove(contract):
                    return await self._destroy(contract)
                case Look(contract):
                    found = await self._market.machine(contract)
                    return Present() if found else Absent()
                case _:
                    return Done()
        except RateLimited as error:
            return Trouble(error.public, error.retry_after)
        except (Provider, Machine, PlaceDown, Busy) as error:
            log.warning("%s did not work: %s", type(step).__name__, error)
            return Trouble(_words(error))

    async def forget(self, rental: Rental) -> None:
        """Let go of everything held for a rental that ends: nobody gets in any more."""
        await self._links.revoke(rental.id)
        self._idle.forget(rental.id)
        if rental.contract is not None:
            self._keyed.discard(rental.contract)
        if self._outputs is not None:
            self._outputs.forget(rental.id)
        self._routes.drop(rental.id)
        await self._tunnels.close(rental.id)

    async def _create(self, rental: Rental) -> Outcome:
        order = Order(
            offer_id=rental.offer.id,
            image=rental.image.reference,
            disk_gb=rental.wish.disk_gb,
            label=rental.label(self._installation),
            mark=mark_of(self._public_key),
        )
        try:
            await self._put_key()
        except (RateLimited, Down) as error:
            return Trouble(error.public)  # nothing was sent yet
        if rental.sent_at is not None and self._clock.now() - rental.sent_at > LATE:
            return Trouble("Vast.ai took long to answer; the order is sent anew.")
        try:
            contract = await self._market.rent(order)
        except OfferGone:
            return OfferTaken()
        except MayHaveRented as error:
            log.warning("in doubt whether it was rented: %s", error)
            contract_told = ContractId(error.contract) if error.contract else None
            return InDoubt(contract_told, _NAMED if contract_told else "")
        except (LowCredit, Denied) as error:
            log.warning("Vast declined: %s", error)
            return Declined(f"{error.public} {error.hint}".strip())
        except Refused as error:
            log.warning("Vast declined this offer: %s", error)
            return OfferTaken(_words(error))
        log.info("rented %s as %s", rental.offer.title, contract)
        return Rented(contract)

    async def _put_key(self) -> None:
        """Our public key is on the account before the first machine is made."""
        async with self._putting_key:  # many ask at once after a start, and Vast is paced
            if self._key_on_account is None:
                self._key_on_account = await self._market.register_key(self._public_key)

    async def _connect(self, rental: Rental) -> Outcome:
        await self._bring_key(rental)
        try:
            host_key = await self._tunnels.connect(
                rental.id,
                rental.addresses,
                host_key=rental.host_key,
                patience_s=CONNECT_PATIENCE_S,
            )
        except Unreachable as error:
            log.warning("no connection: %s", error)
            return Trouble(f"SSH: {error}.")
        except HostKeyChanged:
            self._routes.drop(rental.id)  # nobody is led to another machine
            raise
        log.info("connected")
        return Connected(host_key)

    async def _bring_key(self, rental: Rental) -> None:
        """Put our key onto a machine that lacks it; what fails is tried again with the connection.

        One that has let us in has it, and is reached again even while Vast is away.
        """
        contract = rental.contract
        let_in = rental.host_key is not None and (rental.adopted_at is None or rental.fails > 0)
        if contract is None or let_in or contract in self._keyed:
            return
        try:
            if rental.adopted_at is not None or not await self._account_key():
                await self._market.attach_key(contract, self._public_key)
        except Provider as error:
            log.warning("our key could not be put onto %s: %s", contract, error)
        else:
            self._keyed.add(contract)

    async def _account_key(self) -> bool:
        await self._put_key()
        return bool(self._key_on_account)

    async def _serve(self, rental: Rental) -> Outcome:
        """Jupyter runs, and its own page comes through the relay: then it is ready."""
        notebook, route = await self._jupyter(rental)
        if route is None:
            return Started("Jupyter was started and does not answer yet.")
        self._routes.set(rental.id, route)
        if fault := await self._paths.fault(rental.id):
            log.warning("the notebook's page does not come: %s", fault)
            self._routes.drop(rental.id)
            return Started(fault)
        log.info("notebook reachable")
        died = notebook.started and rental.ready_at is not None
        return Done(_RESTARTED if died else "")

    async def _rehearse(self, rental: Rental) -> Outcome:
        """Jupyter runs, while the address still leads to another machine."""
        _, route = await self._jupyter(rental)
        return Done() if route else Trouble("Jupyter was started and does not answer yet.")

    async def _jupyter(self, rental: Rental) -> tuple[NotebookAt, Route | None]:
        """Our Jupyter on the machine, and the way to it where it answers."""
        notebook = await self._notebooks.ensure(
            self._tunnels.shell(rental.id),
            packages=rental.image.packages,
            course=rental.image.course,
        )
        socket_path = await self._tunnels.forward(rental.id, notebook)
        if not await self._notebooks.answers(socket_path, notebook.token):
            return notebook, None
        target = notebook.socket or str(notebook.port)
        return notebook, Route(socket_path=socket_path, token=notebook.token, target=target)

    async def _recheck(self, rental: Rental, archive_id: str) -> Outcome:
        """Whether an old machine is as its last archive, now that another one holds that."""
        shell = self._tunnels.shell(rental.id)
        try:
            names = await self._archives.changed(ArchiveId(archive_id), shell)
        except (Unreachable, PlaceDown):
            raise
        except (Refused, Machine, Place) as error:
            return Failed(_words(error))
        if not names:
            return Done()
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return Failed(
            f"Not moved: {names[0]}{more} went on changing on the old machine while it was copied, "
            "so it stays. Stop what writes there, then move again."
        )

    async def _restore(self, rental: Rental, archive_id: str) -> Outcome:
        """The workspace as it was archived, compared with its manifest; safe to repeat."""
        shell = self._tunnels.shell(rental.id)
        try:
            restored = await self._archives.restore(
                ArchiveId(archive_id),
                shell,
                overwrite=True,
                instead_of=_held(rental),
                tell=self._traffic.teller(rental.id),
            )
        except (Unreachable, PlaceDown):
            raise
        except (Refused, Machine, Place) as error:
            log.error("not restored: %s", error)
            return Failed(_words(error))
        return Done("; ".join(restored.warnings[:3]))

    async def _save(self, rental: Rental) -> Outcome:
        """An archive that was proven against the machine, or why there is none."""
        began = self._clock.now()
        shell = self._tunnels.shell(rental.id)
        result = await self._archives.save(
            rental,
            shell,
            caps=await self._policies.caps(rental),
            tell=self._traffic.teller(rental.id),
        )
        if isinstance(result, Failure):
            log.warning("not archived: %s", result.words)
            if result.trouble is ArchiveTrouble.TOO_LARGE and result.estimate is not None:
                return TooLarge(measure(result.estimate))
            passing = result.trouble in (ArchiveTrouble.MACHINE, ArchiveTrouble.PLACE)
            if passing and rental.fails < SAVE_TRIES:
                return Trouble(result.words)
            return Failed(_not_saved(result))
        archive = result.archive
        if archive.loses_work and rental.released_at is not None:
            names = unreadable(result.report) or "something"
            return Failed(
                f"The archive is complete but for {names}, which cannot be archived, so the "
                "machine stays."
            )
        log.info("archived and proven as %s", archive.id)
        note = f"{result.unwritten} {lacking(result.report)}".strip()
        return Saved(archive.id, archive.proven_at or began, note)

    async def _probe(self, rental: Rental) -> Outcome:
        """The last look before nobody's asking ends it: anything but Release means life."""
        judged = await self._idle.look_anew(rental)
        if judged is not None and isinstance(judged.judgement.verdict, Idle):
            return Done()
        return Alive("There was life on the machine after it had been archived, so it stays.")

    async def _destroy(self, contract: ContractId) -> Outcome:
        await self._market.destroy(contract)
        log.info("destroy of %s taken by Vast", contract)
        return Done()


def _held(rental: Rental) -> ArchiveId | None:
    """The archive that is on a machine already, where a move brings a second one."""
    return ArchiveId(rental.restore_id) if rental.restore_id and rental.restored_at else None


def _not_saved(failure: Failure) -> str:
    names = ", ".join(failure.names[:3])
    words = f"Not archived: {failure.words}{f' ({names})' if names else ''}"
    return f"{words} {failure.unwritten}".strip()


def _words(error: BotError) -> str:
    if isinstance(error, NotebookFailed):
        told = [line.strip() for line in str(error).splitlines() if line.strip()]
        return " ".join(dict.fromkeys((error.public, *told[:1], *told[-1:])))[:400]
    if isinstance(error, HostKeyChanged):
        return f"{error.public} {error.hint}"
    return error.public
