"""Where machines are rented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.bills import Charge
from bot.domain.money import Usd
from bot.domain.offers import Offer, Wish
from bot.domain.rentals import ContractId, Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is sent to rent a machine."""

    offer_id: int
    image: str
    disk_gb: int
    label: str
    mark: str = ""  # by which our own machines are told from those of another Bellhop


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    credit: Usd
    email: str = ""


class Market(Protocol):
    async def search(self, wish: Wish, *, max_compute_cap: int | None = None) -> list[Offer]:
        """Offers priced at the wish's disk, as Vast filters them (re-check with `offers.rank`).

        Cached for some seconds per query. Raises Down, RateLimited, Denied, Nonsense.
        """
        ...

    async def gpu_names(self) -> list[str]:
        """Every model on the market, as Vast writes it; cached for hours."""
        ...

    async def machines(self) -> list[Instance]:
        """Every instance on the account, from a complete listing through all its pages.

        Raises rather than return a part: an error is never "no machines".
        """
        ...

    async def machine(self, contract: ContractId) -> Instance | None:
        """One instance by its number; None only where Vast definitely says that there is none."""
        ...

    async def rent(self, order: Order) -> ContractId:
        """Rent, sent exactly once whatever happens.

        Raises OfferGone, LowCredit, Denied, RateLimited or Refused for a definite no, and
        MayHaveRented for everything that is neither a yes nor a no.
        """
        ...

    async def destroy(self, contract: ContractId) -> None:
        """Ask for the end of an instance; one that is unknown to Vast is no error."""
        ...

    async def logs(self, contract: ContractId, *, tail: int, daemon: bool = False) -> list[str]:
        """The last lines of a machine's own log, or of its host's daemon; empty ones left out.

        Takes some seconds, for the host uploads them first. Raises Provider where they do not come.
        """
        ...

    async def account(self) -> Account: ...

    async def charges(self, *, since: datetime, until: datetime) -> list[Charge]:
        """What Vast charged for machines on the UTC days of that span, through all pages.

        It comes late, and lines may come twice (`bills.summed`). Raises rather than return a part.
        """
        ...

    async def register_key(self, public_key: str) -> bool:
        """Put a public key on the account, once. False where a team key forbids it: attach then."""
        ...

    async def attach_key(self, contract: ContractId, public_key: str) -> None:
        """Put a public key on one instance."""
        ...
