"""The sweep over both databases: strays, machines of others, and who is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.bulletins import Audience, Tone
from bot.domain.rentals import ContractId, Instance, Reason, State, Status, mark_of
from bot.errors import Denied, Down, Nonsense
from bot.ports.books import Store
from tests.builders import NOW, SetClock, an_instance, an_offer, some_rates
from tests.services.sweeping import Swept, ready_rental

PATIENCE = timedelta(seconds=130)


@pytest.fixture
def town(store: Store, clock: SetClock) -> Swept:
    return Swept.over(store, clock, offers=[an_offer(id=1), an_offer(id=2)])


def put(town: Swept, **changes: object) -> Instance:
    """A machine on the account that we did not rent."""
    machine = an_instance(**{"label": "bellhop/zzk7m2", **changes})
    town.market.alive[machine.contract] = machine
    return machine


async def test_a_stray_that_never_ran_is_destroyed_and_told(town: Swept) -> None:
    """After the grace, not before; the message says when it was seen gone."""
    machine = put(town, status=Status.STARTING, untouched=True, running_since=None)
    await town.look()
    assert town.market.destroyed == []

    await town.look(later=PATIENCE)

    assert town.market.destroyed == [machine.contract]
    told = await town.told(f"stray/{machine.contract}")
    assert "not yet confirmed" in told.text

    await town.look(later=timedelta(seconds=5))

    told = await town.told(f"stray/{machine.contract}")
    assert told.tone is Tone.OVER
    assert "Seen gone" in told.text
    assert town.market.destroyed == [machine.contract]


async def test_a_stray_that_stays_in_the_list_is_destroyed_again(town: Swept) -> None:
    """A destroy that Vast took is no end."""
    machine = put(town, status=Status.STARTING, untouched=True)
    town.market.immortal.add(machine.contract)
    await town.look()

    await town.look(later=PATIENCE)
    await town.look(later=timedelta(seconds=5))
    await town.look(later=timedelta(seconds=25))

    assert town.market.destroyed == [machine.contract] * 2
    assert (await town.told(f"stray/{machine.contract}")).tone is Tone.TROUBLE


async def test_a_stray_whose_end_cannot_be_confirmed_holds_up_nobodys_news(town: Swept) -> None:
    """Its number brings no answer that can be read: what else is to be told is told."""
    machine = put(town, status=Status.STARTING, untouched=True, running_since=None)
    await town.look()
    await town.look(later=PATIENCE)
    town.market.number_error = Nonsense("no list of instances in the answer")
    other = put(town, label="somebody-else")

    await town.look(later=timedelta(seconds=5))

    assert str(other.contract) in (await town.told("account/2026-11-22")).text
    assert (await town.told(f"stray/{machine.contract}")).tone is Tone.TROUBLE

    town.market.number_error = None
    await town.look(later=timedelta(seconds=5))

    assert (await town.told(f"stray/{machine.contract}")).tone is Tone.OVER


async def test_two_machines_of_a_bellhop_with_our_name_are_one_message(town: Swept) -> None:
    """Named once, and not edited again and again, by turns for each of them."""
    for rental_id in ("bcd111", "bcd222"):
        put(town, label=f"bellhop/{rental_id}", mark="0123456789abcdef")
    await town.look()
    for posting in await town.store.due_bulletins(town.clock.now()):
        await town.store.bulletin_shown(posting, town.clock.now(), None)

    await town.look(later=timedelta(minutes=1))

    assert "another one's key" in (await town.told("account/same-name")).text
    assert await town.store.due_bulletins(town.clock.now()) == []


async def test_a_stray_that_runs_is_taken_in_and_archived(town: Swept) -> None:
    """As a rental with the id in its label; nothing is destroyed, and the leads are told."""
    machine = put(town)
    await town.look()
    await town.look(later=PATIENCE)

    (rental,) = await town.store.open_rentals()
    assert (rental.id, rental.contract) == ("zzk7m2", machine.contract)
    assert (rental.state, rental.adopted_at) == (State.ARCHIVING, NOW + PATIENCE)
    assert "taken in" in (await town.told(f"stray/{machine.contract}")).title

    await town.house.passes(3)
    await town.look()

    row = await town.row(rental)
    assert row.state is State.READY
    assert row.proven_at is not None
    assert town.house.shelf.ran_for == [rental.id]
    assert town.market.destroyed == []


@pytest.mark.parametrize("key", ["loading", "preset/fastai/loading"])
async def test_a_marked_stray_has_the_time_that_the_teams_policy_gives(
    town: Swept, key: str
) -> None:
    """Another Bellhop may wait for it, with whichever image: the longest time of all holds."""
    await town.store.change_policy({key: "120"}, by=None)
    machine = put(
        town,
        status=Status.STARTING,
        untouched=True,
        running_since=None,
        mark=mark_of("ssh-ed25519 OURS"),
    )
    await town.look()

    await town.look(later=timedelta(minutes=119))
    assert town.market.destroyed == []

    await town.look(later=timedelta(minutes=4))
    assert town.market.destroyed == [machine.contract]


async def test_a_machine_that_was_taken_in_is_in_the_books_once_from_its_beginning(
    town: Swept,
) -> None:
    """Its label names a rental that runs on another machine: it counts for its own rental only."""
    mine = await ready_rental(town.house)
    machine = put(town, label=f"bellhop/{mine.id}", created_at=NOW - timedelta(hours=3))
    await town.house.passes(1)
    await town.look()
    await town.look(later=PATIENCE)

    await town.house.passes(3, apart=timedelta(hours=1))

    rows = {row.id: row.contract for row in await town.store.open_rentals()}
    tabs = await town.store.tabs_of(list(rows))
    assert {tab.rental_id: tab.contract for tab in tabs} == rows
    assert len(tabs) == 2
    (taken,) = [tab for tab in tabs if tab.contract == machine.contract]
    assert taken.rental_id != mine.id
    assert taken.created_at == NOW - timedelta(hours=3)


async def test_a_machine_that_vanished_and_came_back_after_its_end_is_its_owners_again(
    town: Swept,
) -> None:
    """The closed rental is opened: its owner, its channel, its card."""
    rental = await ready_rental(town.house)
    gone = town.market.alive.pop(ContractId(rental.contract or 0))
    await town.house.passes(6, apart=timedelta(seconds=60))
    assert (await town.row(rental)).reason is Reason.VANISHED
    assert (await town.row(rental)).state is State.CLOSED

    town.market.alive[gone.contract] = gone
    await town.look()
    await town.look(later=PATIENCE)

    row = await town.row(rental)
    assert (row.state, row.owner_id, row.contract) == (
        State.ARCHIVING,
        rental.owner_id,
        gone.contract,
    )


async def test_a_machine_in_doubt_is_no_stray(town: Swept) -> None:
    """Its try is on a row: the reconciler finds it by its label."""
    rental = await ready_rental(town.house)
    doubt = replace(rental, state=State.CREATING, contract=None, sent_at=NOW, ready_at=None)
    await town.store.apply(doubt, event="in doubt")

    await town.look()
    await town.look(later=PATIENCE)

    assert town.market.destroyed == []
    assert len(await town.store.open_rentals()) == 1


async def test_machines_of_others_are_told_once_a_day_and_never_touched(town: Swept) -> None:
    """With what they cost an hour, or a day where they stand still."""
    put(town, label="grace's", rates=some_rates())
    put(town, label="", status=Status.STOPPED)
    await town.look()
    await town.look(later=timedelta(hours=2))

    first = await town.told("account/2026-11-22")
    assert "grace's" in first.text
    assert "$0.318/h" in first.text
    assert "a day" in first.text
    assert len(await town.store.bulletins("account/")) == 1

    await town.look(later=timedelta(days=1))

    assert len(await town.store.bulletins("account/")) == 2
    assert town.market.destroyed == []


async def test_another_bellhop_with_our_name_is_left_alone(town: Swept) -> None:
    """Its fresh machine bears the mark of its own key."""
    put(town, status=Status.STARTING, untouched=True, mark=mark_of("ssh-ed25519 THEIRS"))
    await town.look()
    await town.look(later=timedelta(hours=2))

    assert town.market.destroyed == []
    assert "BELLHOP_INSTALLATION" in (await town.told("account/same-name")).text


async def test_nothing_follows_from_a_list_that_failed(town: Swept) -> None:
    """Not even that a stray is gone."""
    machine = put(town, status=Status.STARTING, untouched=True)
    await town.look()
    town.market.unlisted = True

    await town.look(later=PATIENCE)

    assert town.market.destroyed == []
    assert town.account.blind is not None
    town.market.unlisted = False
    await town.look()
    assert town.market.destroyed == [machine.contract]


async def test_a_list_and_a_number_that_disagree_destroy_nothing(town: Swept) -> None:
    """The list says that it is there, its number that it is not."""
    machine = put(town, status=Status.STARTING, untouched=True)
    town.market.denied_by_number.add(machine.contract)
    await town.look()

    await town.look(later=PATIENCE)

    assert town.market.destroyed == []
    assert "contradict each other" in (await town.told(f"stray/{machine.contract}")).title
    town.market.denied_by_number.clear()
    await town.look()
    assert town.market.destroyed == [machine.contract]
    assert "is destroyed" in (await town.told(f"stray/{machine.contract}")).title


async def test_a_stopped_stray_is_told_with_its_cost_a_day(town: Swept) -> None:
    """It may hold work and cannot be archived."""
    machine = put(town, status=Status.STOPPED)
    await town.look()
    await town.look(later=PATIENCE)

    told = await town.told(f"stray/{machine.contract}")
    assert "was not destroyed" in told.text
    assert "a day" in told.text
    assert town.market.destroyed == []


async def test_a_stray_that_lets_nobody_in_is_told_and_not_destroyed(town: Swept) -> None:
    """Our key does not fit: somebody must look at it."""
    put(town)
    town.house.wires.refused = True
    await town.look()
    await town.look(later=PATIENCE)
    await town.house.passes(2)

    await town.look(later=timedelta(minutes=11))

    assert "does not let us in" in (await town.told("locked/zzk7m2")).title
    assert town.market.destroyed == []


async def test_leads_are_told_of_an_end_that_is_not_confirmed_and_when_it_is(town: Swept) -> None:
    """After ten minutes; the same message says later that the machine is gone."""
    rental = await ready_rental(town.house)
    town.market.immortal.add(ContractId(rental.contract or 0))
    await town.house.desk.end(town.ada, rental.id, discard=True)
    await town.house.passes(3)
    await town.look()
    assert await town.store.bulletins("unconfirmed/") == []

    await town.house.passes(3, apart=timedelta(minutes=4))
    await town.look()

    (told,) = await town.store.bulletins("unconfirmed/")
    assert told.audience is Audience.LEADS
    assert "not yet confirmed" in told.title
    town.market.immortal.clear()
    town.market.alive.clear()
    await town.house.passes(6, apart=timedelta(minutes=1))
    await town.look()
    (told,) = await town.store.bulletins("unconfirmed/")
    assert told.tone is Tone.OVER


async def test_a_refused_key_is_told_once_and_so_is_its_end(town: Swept) -> None:
    """Nothing is concluded from it: every row stays as it was."""
    rental = await ready_rental(town.house)
    town.market.list_errors = [Denied("revoked")] * 3

    await town.look()
    await town.look(later=timedelta(minutes=1))

    (told,) = await town.store.bulletins("blind/")
    assert "VAST_API_KEY" in told.text
    assert (await town.row(rental)).state is State.READY
    town.market.list_errors = []
    await town.look()
    (told,) = await town.store.bulletins("blind/")
    assert told.tone is Tone.OVER


@pytest.mark.parametrize("error", [Down("cut"), Nonsense("25 came, 26 were announced")])
async def test_an_account_that_cannot_be_read_is_told_after_ten_minutes(
    town: Swept, error: Down | Nonsense
) -> None:
    """A hiccup is nobody's affair."""
    town.market.list_errors = [error] * 4

    await town.look()
    assert await town.store.bulletins("blind/") == []
    await town.look(later=timedelta(minutes=11))

    (told,) = await town.store.bulletins("blind/")
    assert "cannot be read" in told.title


async def test_a_vanished_machine_is_told_to_its_owner(town: Swept) -> None:
    """With where the work is, though nobody asked."""
    rental = await ready_rental(town.house)
    town.market.alive.clear()

    await town.house.passes(6, apart=timedelta(seconds=60))

    told = await town.told(f"vanished/{rental.id}")
    assert told.audience is Audience.OWNER
    assert "no archive" in told.text
