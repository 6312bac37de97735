"""The minute's round over the real store: asked, unanswered, let go of; or kept at any moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.domain.access import Actor
from bot.domain.letters import Kind, Place, Stand, stand
from bot.domain.rentals import Reason, Rental, State
from bot.domain.retries import failed, held
from bot.errors import BadInput, NotYours
from bot.ports.books import Store
from bot.services.idle import IdleWatch, Judged
from bot.services.policy import Policies
from bot.services.probe import Probe
from bot.services.questions import Questions
from bot.services.routes import Route, Routes, Traffic
from bot.services.wishes import Wishes
from bot.tasks import Wake
from tests.builders import GUILD, NOW, OWNER, SetClock, begun
from tests.services.test_idle_watch import Town

MINUTE = timedelta(minutes=1)
ADA = Actor(id=OWNER, guild_id=GUILD, name="ada")
BEN = Actor(id=7, guild_id=GUILD, name="ben")
LEA = Actor(id=8, guild_id=GUILD, name="lea", lead=True)


@dataclass
class Round:
    """One machine at rest, and everything that asks about it."""

    store: Store
    clock: SetClock
    wake: Wake = field(default_factory=Wake)
    routes: Routes = field(default_factory=Routes)
    traffic: Traffic = field(default_factory=Traffic)

    def __post_init__(self) -> None:
        self.town = Town(self.clock)
        self.policies = Policies(store=self.store)
        probe = Probe(
            tunnels=self.town,  # type: ignore[arg-type]
            notebooks=self.town,  # type: ignore[arg-type]
            looks=self.town,
            routes=self.routes,
            traffic=self.traffic,
            clock=self.clock,
        )
        self.watch = IdleWatch(
            store=self.store, probe=probe, policy=self.policies.idle, clock=self.clock
        )
        self.questions = Questions(
            store=self.store,
            watch=self.watch,
            policies=self.policies,
            wake=self.wake,
            news=Wake(),
            clock=self.clock,
        )
        self.wishes = Wishes(store=self.store, clock=self.clock, wake=self.wake, news=Wake())

    async def ready(self) -> Rental:
        rental = await begun(self.store)
        self.routes.set(rental.id, Route("somewhere", "token"))
        return await self.store.apply(
            replace(rental, state=State.READY, ready_at=NOW, phase_at=NOW), event="Serve"
        )

    async def minutes(self, count: int, *, deliver: bool = True) -> None:
        for _ in range(count):
            self.clock.turn(MINUTE)
            await self.questions.tick()
            if deliver:
                await self.deliver()

    async def deliver(self) -> None:
        """Every letter arrives."""
        for letter in await self.store.unfinished_letters(self.clock.now()):
            if letter.place is None:
                await self.store.letter_shown(
                    letter, self.clock.now(), place=Place(1, 2), shown="open", done=False
                )

    async def row(self, rental: Rental) -> Rental:
        row = await self.store.rental(rental.id)
        assert row is not None
        return row


@pytest.fixture
def town(store: Store, clock: SetClock) -> Round:
    return Round(store, clock)


async def kinds(town: Round, rental: Rental) -> list[Kind]:
    return [one.kind for one in await town.store.letters_of(rental.id)]


async def test_an_idle_machine_is_asked_about_and_then_let_go_of(town: Round) -> None:
    """An hour of quiet, an hour to answer; then the wish is on the row, and nothing more."""
    rental = await town.ready()

    await town.minutes(60)
    assert await kinds(town, rental) == [Kind.ASK]
    await town.minutes(59)
    assert (await town.row(rental)).released_at is None
    await town.minutes(1)

    row = await town.row(rental)
    assert (row.state, row.reason, row.ended_by) == (State.READY, Reason.IDLE, None)
    assert row.released_at == town.clock.now()
    assert await kinds(town, rental) == [Kind.ASK]


async def test_nothing_ends_before_its_question_has_arrived(town: Round) -> None:
    """Discord was away for three hours: the time to answer begins when it is back."""
    rental = await town.ready()
    await town.minutes(240, deliver=False)
    assert (await town.row(rental)).released_at is None

    await town.deliver()
    await town.minutes(59)
    assert (await town.row(rental)).released_at is None
    await town.minutes(1)

    assert (await town.row(rental)).released_at is not None


async def test_a_question_that_can_reach_nobody_goes_to_the_leads(town: Round) -> None:
    """The owner takes no messages and the channel is gone: no end, and no machine that runs on
    unseen."""
    rental = await town.ready()
    await town.minutes(60, deliver=False)
    (question,) = await town.store.letters_of(rental.id)
    await town.store.letter_done(question, town.clock.now(), error="50001")

    await town.minutes(59, deliver=False)
    assert await kinds(town, rental) == [Kind.ASK]
    await town.minutes(200)

    assert await kinds(town, rental) == [Kind.ASK, Kind.ASK_LEADS]
    row = await town.row(rental)
    assert row.released_at is None
    asked = (await town.store.letters_of(rental.id))[1]
    standing = await town.wishes.standing(rental)
    assert standing is not None
    assert (standing.ends_at, standing.unheard) == (None, True)
    assert stand(asked, row, standing.memory) is Stand.OPEN


async def test_an_end_does_not_fall_into_quiet_hours(town: Round) -> None:
    """It is 12:00; the end at 14:00 would be in them, so it comes an hour after they are over."""
    await town.store.change_policy({"quiet": '"13:30-16"'}, by=None)
    rental = await town.ready()

    await town.minutes(299)
    assert (await town.row(rental)).released_at is None
    await town.minutes(1)

    assert (await town.row(rental)).released_at is not None


async def test_keep_pressed_between_verdict_and_wish_wins(town: Round) -> None:
    """The verdict was Release; the row has changed since the look, so nothing is written."""
    rental = await town.ready()
    await town.minutes(119)
    town.clock.turn(MINUTE)
    judged = await town.watch.pass_once()

    await town.wishes.keep(ADA, rental.id, town.clock.now() + timedelta(hours=4))
    await town.questions._release(judged[0])

    row = await town.row(rental)
    assert (row.released_at, row.reason) == (None, None)


async def test_keep_and_the_wish_at_once_never_end_it(town: Round) -> None:
    """Whichever comes first on the row."""
    rental = await town.ready()
    await town.minutes(119)
    town.clock.turn(MINUTE)
    judged: list[Judged] = await town.watch.pass_once()

    await asyncio.gather(
        town.questions._release(judged[0]),
        town.wishes.keep(ADA, rental.id, town.clock.now() + timedelta(hours=4)),
    )

    assert (await town.row(rental)).released_at is None


async def test_keep_takes_back_an_end_that_nobody_asked_for(town: Round) -> None:
    """Also while it is being archived, and by a lead; not by somebody else."""
    rental = await town.ready()
    await town.minutes(120)
    await town.store.apply(replace(await town.row(rental), state=State.ARCHIVING), event="archive")
    until = town.clock.now() + timedelta(hours=4)

    with pytest.raises(NotYours):
        await town.wishes.keep(BEN, rental.id, until)
    kept = await town.wishes.keep(LEA, rental.id, until)

    assert kept.until == until
    assert (kept.rental.released_at, kept.rental.reason) == (None, None)


async def test_a_wish_does_not_spoil_a_running_archive(town: Round) -> None:
    """The row stays as whoever archives has read it; the memory and the letter are written."""
    rental = await town.ready()
    row = await town.wishes.save(ADA, rental.id)
    row = await town.store.apply(replace(row, state=State.ARCHIVING), event="archive")

    kept = await town.wishes.keep(ADA, rental.id, town.clock.now() + timedelta(hours=4))
    saved = await town.wishes.save(ADA, rental.id)

    assert kept.until is not None
    assert kept.rental == saved == row
    assert await kinds(town, rental) == [Kind.SAVED]


@pytest.mark.parametrize("span", [timedelta(), timedelta(days=7, seconds=1)])
async def test_keep_has_its_bounds(town: Round, span: timedelta) -> None:
    """A week at most; longer is a decision to be made again."""
    rental = await town.ready()

    with pytest.raises(BadInput):
        await town.wishes.keep(ADA, rental.id, town.clock.now() + span)


async def test_after_a_failed_archive_an_end_is_wished_for_later(town: Round) -> None:
    """With growing patience."""
    rental = await town.ready()
    await town.minutes(120)
    for fails in (1, 2, 3):
        row = await town.row(rental)
        assert row.released_at is not None
        assert row.save_fails == fails - 1
        await town.store.apply(failed(row, "Disk full.", town.clock.now()), event="save: failed")
        await town.minutes(10 * 2 ** (fails - 1) - 1)
        assert (await town.row(rental)).released_at is None
        await town.minutes(1)


async def test_an_idle_machine_whose_archive_is_too_large_is_told_to_the_leads(
    town: Round,
) -> None:
    """It does not end by itself, and does not cost money unseen for ever: once a day."""
    rental = await town.ready()
    await town.store.apply(held(rental, "40 GB", town.clock.now()), event="save: toolarge")

    await town.minutes(359)
    assert Kind.TOO_LARGE_LEADS not in await kinds(town, rental)
    await town.minutes(5)

    assert (await kinds(town, rental)).count(Kind.TOO_LARGE_LEADS) == 1
    assert (await town.row(rental)).released_at is None

    town.clock.turn(timedelta(days=1))
    await town.minutes(12)

    row = await town.row(rental)
    again = (await town.store.letters_of(rental.id))[-2:]
    assert [one.kind for one in again] == [Kind.TOO_LARGE_LEADS] * 2
    assert {stand(one, row, None) for one in again} == {Stand.OPEN}


async def test_what_a_person_asked_to_end_stays_asked(town: Round) -> None:
    """An idle end becomes theirs, and is not looked at once more."""
    rental = await town.ready()
    await town.minutes(120)

    ended = await town.wishes.end(ADA, rental.id)
    again = await town.wishes.end(ADA, rental.id)

    assert (ended.reason, ended.ended_by, ended.waived_by) == (Reason.RELEASED, OWNER, None)
    assert again == ended


async def test_a_policy_holds_by_preset_and_member(town: Round) -> None:
    """The member's wins; what is out of bounds or no value at all is passed over."""
    rental = await town.ready()
    values: dict[str, str | None] = {
        "idle": "90",
        f"preset/{rental.image.name}/idle": "120",
        f"member/{OWNER}/idle": "45",
        "answer": "1",
        "lease": '"long"',
        "unattended": "false",
        "results": "nonsense",
        "zone": '"Nowhere/At all"',
        "quiet": '"late"',
    }
    await town.store.change_policy(values, by=None)

    rules = await town.policies.rules(rental)

    assert rules.idle.idle == timedelta(minutes=45)
    assert rules.idle.answer == timedelta(hours=1)
    assert rules.idle.lease == timedelta(hours=24)
    assert rules.idle.unattended is False
    assert rules.quiet is None
    assert str(rules.zone) == "UTC"
