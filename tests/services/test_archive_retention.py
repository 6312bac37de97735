"""Archives come to their end: warned of once a day they end on, kept longer, or deleted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from bot.domain.archives import Archive, ArchiveId, ArchiveState
from bot.domain.letters import Kind, Place
from bot.domain.rentals import Rental, State
from bot.errors import BadInput
from bot.ports.books import Store
from bot.services.archive_retention import Retention
from bot.services.archives import Archives
from bot.services.policy import Policies
from bot.tasks import Wake
from tests.builders import SetClock, a_quote, a_rental
from tests.domain.test_archives import an_archive

DAY = timedelta(days=1)


class Vault:
    """A place in which nothing lies."""

    async def revoke(self, archive_id: ArchiveId) -> None:
        pass

    async def held(self) -> list[Any]:
        return []

    async def free(self, parts: object) -> None:
        pass

    async def tidy(self, older_than: object) -> int:
        return 0


@dataclass
class Library:
    """Archives of rentals that are over, and whoever looks after them."""

    store: Store
    clock: SetClock
    made: int = field(default=0)

    def __post_init__(self) -> None:
        self.archives = Archives(
            books=self.store,
            vault=cast(Any, Vault()),
            workspaces=cast(Any, None),
            clock=self.clock,
        )
        self.policies = Policies(store=self.store)
        self.retention = Retention(
            store=self.store,
            archives=self.archives,
            policies=self.policies,
            news=Wake(),
            clock=self.clock,
        )

    async def add(self, *, running: bool = False) -> tuple[Rental, Archive]:
        self.made += 1
        quote = replace(a_quote(), id=f"q{self.made}")
        await self.store.add_quote(quote)
        rental = await self.store.begin(a_rental(quote), quote_id=quote.id)
        if not running:
            await self.store.apply(_over(rental, self.clock), event="over")
        row = replace(
            an_archive(f"a{self.made}"), rental_id=rental.id, guild_id=rental.guild_id,
            owner_id=rental.owner_id, started_at=self.clock.now(), proven_at=self.clock.now(),
        )  # fmt: skip
        await self.store.begin_archive(replace(row, state=ArchiveState.RUNNING))
        await self.store.keep_archive(row)
        return rental, row

    async def days(self, count: int, *, deliver: bool = True) -> None:
        for _ in range(count):
            self.clock.turn(DAY)
            await self.retention.tick()
            for letter in await self.store.unfinished_letters(self.clock.now()):
                if deliver:
                    await self.store.letter_shown(
                        letter, self.clock.now(), place=Place(1, 2), shown="", done=True
                    )

    async def letters(self, *rentals: Rental) -> list[Kind]:
        return [one.kind for rental in rentals for one in await self.store.letters_of(rental.id)]

    async def left(self) -> list[str]:
        return sorted(one.id for one in await self.store.archives() if one.restorable)


def _over(rental: Rental, clock: SetClock) -> Rental:
    return replace(rental, state=State.CLOSED, closed_at=clock.now())


@pytest.fixture
def library(store: Store, clock: SetClock) -> Library:
    return Library(store, clock)


async def test_owners_are_warned_twice_in_one_letter_for_all(library: Library) -> None:
    """A week before and a day before; then they are deleted."""
    one, _ = await library.add()
    two, _ = await library.add()

    await library.days(82)
    assert await library.letters(one, two) == []
    await library.days(1)
    assert await library.letters(one, two) == [Kind.EXPIRES]
    await library.days(6)
    assert await library.letters(one, two) == [Kind.EXPIRES, Kind.EXPIRES_SOON]
    assert await library.left() == ["a1", "a2"]
    await library.days(1)

    assert await library.left() == []


async def test_what_is_kept_longer_is_kept_with_all_of_that_day(library: Library) -> None:
    _, first = await library.add()
    await library.add()
    library.clock.turn(2 * DAY)
    _, later = await library.add()
    await library.days(85)

    until = await library.retention.keep_longer(first)
    await library.days(15)

    assert until > library.clock.now() + 60 * DAY
    assert await library.left() == ["a1", "a2"]
    assert later.id == "a3"


async def test_nothing_is_deleted_whose_owner_was_not_warned(library: Library) -> None:
    """Discord was away, or we were: it waits for a day after the word, a week at most."""
    await library.add()
    library.clock.turn(89 * DAY)

    await library.days(3, deliver=False)
    assert await library.left() == ["a1"]
    await library.days(1)
    assert await library.left() == ["a1"]
    await library.days(1)

    assert await library.left() == []


async def test_the_team_says_how_long(library: Library) -> None:
    """Within bounds; a slip in a setting deletes nothing."""
    await library.add()
    with pytest.raises(BadInput):
        await library.policies.change(None, {"archive_days": "1d"})
    await library.days(30)
    assert await library.left() == ["a1"]

    await library.policies.change(None, {"archive_days": "20d"})
    await library.days(2)

    assert await library.left() == []


async def test_the_archive_of_a_machine_that_runs_has_no_end(library: Library) -> None:
    rental, _ = await library.add(running=True)

    await library.days(120)

    assert await library.left() == ["a1"]
    assert await library.letters(rental) == []


async def test_the_last_archive_of_a_machine_that_vanished_has_its_whole_time(
    library: Library,
) -> None:
    """However old it is: it is all there is now, and its owner has just learned of that."""
    rental, _ = await library.add(running=True)
    await library.days(120)
    await library.store.apply(_over(rental, library.clock), event="vanished")

    await library.days(82)
    assert await library.letters(rental) == []
    await library.days(9)

    assert await library.letters(rental) == [Kind.EXPIRES, Kind.EXPIRES_SOON]
    assert await library.left() == []


async def test_what_is_on_its_way_onto_a_machine_is_not_deleted(library: Library) -> None:
    """Restored on its last day, and the machine takes an hour to start."""
    _, archive = await library.add()
    await library.days(89)
    other, _ = await library.add(running=True)
    await library.store.apply(replace(other, restore_id=archive.id), event="restore")

    await library.days(3)

    assert await library.left() == ["a1", "a2"]
