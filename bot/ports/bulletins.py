"""What is told beside the cards, what the sweep remembers, and which interactions were taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.bulletins import Bulletin
from bot.domain.letters import Place
from bot.domain.rentals import ContractId


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A bulletin on its way, or one that stands there and says something older."""

    id: str  # 25 characters at most: it is Discord's nonce
    bulletin: Bulletin
    version: int
    tries: int = 0
    place: Place | None = None


class Bulletins(Protocol):
    async def tell(self, bulletin: Bulletin) -> bool:
        """Have it told, once; with other words than before, have its message edited.

        Returns whether there is anything new to say.
        """
        ...

    async def bulletin(self, key: str) -> Bulletin | None: ...

    async def bulletins(self, prefix: str) -> list[Bulletin]:
        """Those whose keys begin so, as they were last told."""
        ...

    async def bulletin_shown_at(self, key: str) -> datetime | None:
        """When its newest words came to stand somewhere; None while they have reached nobody."""
        ...

    async def due_bulletins(self, now: datetime, *, limit: int = 20) -> list[Posting]: ...

    async def bulletin_tried(self, posting: Posting) -> None:
        """Note, before the call, that delivery is being tried."""
        ...

    async def bulletin_shown(self, posting: Posting, now: datetime, place: Place | None) -> None:
        """It stands there and says that; None: it reached nobody, and nobody tries again."""
        ...

    async def bulletin_waits(self, posting: Posting, *, next_at: datetime, error: str) -> None: ...

    async def leads_place(self, guild_id: int | None = None) -> tuple[int, int] | None:
        """Server and channel of the newest rental, of any server or that one; None before it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A machine on the account that no open rental owns, as the sweep remembers it."""

    contract: ContractId
    first_seen_at: datetime
    missing_since: datetime | None = None
    destroy_sent_at: datetime | None = None


class Sightings(Protocol):
    async def sightings(
        self, present: Collection[ContractId], now: datetime
    ) -> Mapping[ContractId, Sighting]:
        """Note that these, and no others, were seen in a complete listing.

        Those that are not present any more stay, with the time since when; see `forget_sighting`.
        """
        ...

    async def destroy_sent(self, contract: ContractId, now: datetime) -> None: ...

    async def forget_sighting(self, contract: ContractId) -> None: ...


class Interactions(Protocol):
    async def take_interaction(self, interaction_id: int, now: datetime) -> bool:
        """Whether this is the first time that this interaction is carried out."""
        ...

    async def forget_interactions(self, before: datetime) -> int:
        """Delete those taken before then; how many there were."""
        ...
