"""A move as a property: two rows, two machines, one process that dies before and after every
effect, people who go on working, and machines that fail. One machine is left in the end, with
everything that was ever done on the old one, and nothing was destroyed that was not proven."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bot.domain import moving
from bot.domain.lifecycle import Limits, Sight, next_step
from bot.domain.rentals import Phase, Reason, Rental, RentalId, State
from bot.domain.steps import (
    Archive,
    Destroy,
    Done,
    Failed,
    Freeze,
    Outcome,
    Recheck,
    Rehearse,
    Release,
    Restore,
    Save,
    Saved,
    Spare,
    Step,
    Thaw,
    Trouble,
    Wait,
)
from bot.domain.transitions import after
from tests.domain.facts import NOW, rental
from tests.domain.test_crashes import Life, Vast

OLD, NEW = RentalId("b2k7xq"), RentalId("c3m8zr")
DAY = timedelta(days=1)
LAST_MOMENT = Limits().last_look * 2  # and what the provider takes to carry the order out

Work = frozenset[int]


@dataclass
class Half(Life):
    """One of the two rentals, which sees the other one's row and the other one's archives."""

    town: Town | None = None
    work: Work = frozenset()
    unserved: int = 0

    def look(self) -> Sight:
        assert self.town is not None
        source, mover = self.town.seen_by(self)
        return replace(super().look(), source=source, mover=mover)

    def _act(self, step: Step) -> Outcome:
        assert self.town is not None
        match step:
            case Restore(archive_id):
                return self.town.restore(self, archive_id)
            case Recheck(archive_id):
                same = self.work == self.town.archives[archive_id]
                return Done() if same else Failed("it went on writing")
            case Destroy() if self.row.ready_at is not None and self.row.waived_by is None:
                self.town.unproven |= self.town.old_enough(self.work, self.now) - self.town.kept()
        return super()._act(step)

    def _save(self) -> Outcome:
        assert self.town is not None
        saved = super()._save()
        if not isinstance(saved, Saved):
            return saved
        name = f"{self.row.id}-{len(self.town.archives)}"
        self.town.archives[name] = self.work
        return replace(saved, archive_id=name)


@dataclass
class Town:
    """Both halves, what is archived, and what people ever did."""

    rng: random.Random
    archives: dict[str, Work] = field(default_factory=dict)
    done: Work = frozenset()
    unproven: Work = frozenset()  # destroyed, and in no archive
    written_at: dict[int, datetime] = field(default_factory=dict)
    background: bool = False  # something on the old machine writes while nobody is let in

    def __post_init__(self) -> None:
        self.old = Half(Vast(self.rng, False), self.rng, town=self)
        self.new = Half(Vast(self.rng, False), self.rng, town=self)
        self.new.row = rental(
            id=NEW, state=State.CLOSED, closed_at=NOW, requested_at=NOW - timedelta(1)
        )

    def seen_by(self, half: Half) -> tuple[Rental | None, Rental | None]:
        if half is self.new:
            return self.old.row, None
        there = self.new.row.open and self.new.row.moves_from == OLD
        return None, self.new.row if there else None

    def kept(self) -> Work:
        return frozenset().union(*self.archives.values())

    def old_enough(self, work: Work, now: datetime) -> Work:
        """Without what was written after the last look: nobody can see the very last moment."""
        return frozenset(one for one in work if now - self.written_at[one] > LAST_MOMENT)

    def restore(self, half: Half, archive_id: str) -> Outcome:
        if half.vast.mishaps and self.rng.random() < 0.15:
            return Trouble("the connection broke")
        if half.vast.mishaps and self.rng.random() < 0.05:
            return Failed("not as archived")
        half.work = self.archives[archive_id]
        return Done()

    def begin_move(self, now: datetime) -> None:
        row = rental(id=NEW, state=State.REQUESTED, moves_from=OLD, requested_at=now, phase_at=now)
        self.new = Half(Vast(self.rng, self.new.vast.mishaps), self.rng, town=self, row=row)
        self.new.now, self.new.crash_chance = now, self.old.crash_chance

    def people(self) -> None:
        """Somebody works where the address leads to, if that is open."""
        open_ = self.new if self.new.row.state is State.READY else self.old
        noisy = self.background and self.rng.random() < 0.02
        if open_.row.state is State.READY and self.rng.random() < 0.3:
            self._write(open_)
        elif noisy and self.old.vast.alive and self.old.row.state is State.ARCHIVING:
            self._write(self.old)

    def _write(self, half: Half) -> None:
        self.written_at[len(self.done)] = half.now
        self.done |= {len(self.done)}
        half.work |= {len(self.done) - 1}
        for machine in half.vast.alive:
            machine.worked_at = half.now

    def live(self, span: timedelta) -> None:
        until = self.old.now + span
        while self.old.now < until:
            for half in (self.old, self.new):
                half.vast.tick(half.now)
                half.run_pass()
            self.people()
            now = self.old.now + timedelta(seconds=self.rng.choice((1, 3, 5, 15)))
            self.old.now = self.new.now = now

    def mishaps(self, chance: float, *, on: bool) -> None:
        for half in (self.old, self.new):
            half.vast.mishaps, half.crash_chance = on, chance

    @property
    def alive(self) -> list[Half]:
        return [half for half in (self.old, self.new) for _ in half.vast.alive]


def a_town(seed: int) -> Town:
    """A town whose old machine is ready and worked on."""
    town = Town(random.Random(seed))
    town.live(timedelta(minutes=4))
    assert town.old.row.state is State.READY
    return town


def test_a_move_ends_on_the_new_machine_with_all_the_work() -> None:
    """The old one is gone, the new one is ready, and every piece of work is on it."""
    town = a_town(1)

    town.begin_move(town.old.now)
    town.live(timedelta(minutes=30))

    assert town.old.row.state is State.CLOSED
    assert town.old.row.reason is Reason.MOVED
    assert town.alive == [town.new]
    assert town.done <= town.new.work


def _moments(half: Callable[[Town], Half]) -> int:
    town = a_town(1)
    before = half(town).moments
    town.begin_move(town.old.now)
    town.live(timedelta(minutes=30))
    return half(town).moments - (before if half(town) is town.old else 0)


@pytest.mark.parametrize("crash_at", range(1, _moments(lambda town: town.old) + 1))
def test_one_death_at_any_moment_of_the_old_ones_steps_does_not_stop_a_move(crash_at: int) -> None:
    """Killed once before or after any effect on the old machine: moved all the same."""
    town = a_town(1)
    town.old.crash_at = frozenset({town.old.moments + crash_at})

    town.begin_move(town.old.now)
    town.live(timedelta(minutes=40))

    _moved(town)


@pytest.mark.parametrize("crash_at", range(1, _moments(lambda town: town.new) + 1))
def test_one_death_at_any_moment_of_the_new_ones_steps_does_not_stop_a_move(crash_at: int) -> None:
    """Killed once before or after any effect on the new machine: moved all the same."""
    town = a_town(1)

    town.begin_move(town.old.now)
    town.new.crash_at = frozenset({crash_at})
    town.live(timedelta(minutes=40))

    _moved(town)


@pytest.mark.parametrize("background", [False, True], ids=["quiet", "something writes"])
@pytest.mark.parametrize("block", range(4))
def test_random_moves_with_every_mishap_end_on_one_machine(block: int, background: bool) -> None:
    """Deaths, lost answers, failed saves and restores: one machine, all work, all proven.

    Where something goes on writing on the closed old machine, the move may fail or that work may
    be in the archive only; it is never lost.
    """
    moved = 0
    for seed in range(block * 60, block * 60 + 60):
        town = a_town(seed)
        town.background = background
        town.mishaps(0.04, on=True)
        town.begin_move(town.old.now)
        town.live(timedelta(minutes=30))
        town.mishaps(0.0, on=False)
        town.background = False
        town.live(timedelta(hours=2))

        (left,) = town.alive
        assert left.row.state is State.READY, seed
        assert not town.unproven, seed
        lost = town.done - left.work - town.kept()
        assert not lost or background, seed
        if not background:
            assert town.done <= left.work, seed
        moved += left is town.new
    assert moved > 10


def _moved(town: Town) -> None:
    assert town.alive == [town.new]
    assert town.new.row.state is State.READY
    assert len(town.new.vast.machines) == 1
    assert not town.unproven
    assert town.done <= town.new.work


# --- Single decisions ---------------------------------------------------------------------------

AT = NOW + timedelta(hours=1)
READY = rental(state=State.READY, ready_at=NOW, phase=Phase.REACHABLE)
MOVER = rental(id=NEW, moves_from=OLD, requested_at=AT, state=State.BOOTING)
FROZEN = replace(
    READY,
    state=State.ARCHIVING,
    reason=Reason.MOVED,
    released_at=AT,
    archive_id="last",
    proven_at=AT,
    phase_at=AT,
)
HOLDS = replace(MOVER, phase=Phase.SWITCHING, restore_id="last", restored_at=AT)


def test_the_old_notebook_stays_open_until_the_new_one_answers() -> None:
    """First a copy while people work on; it is closed when Jupyter runs on the other machine."""
    copied = replace(READY, archive_id="first", proven_at=AT)
    again = Limits().save_again

    assert moving.leaving(READY, MOVER, again, AT) == Archive()
    assert moving.leaving(copied, MOVER, again, AT) is None
    assert moving.leaving(copied, HOLDS, again, AT) == Freeze(MOVER.owner_id)


def test_nothing_is_rented_before_there_is_a_copy() -> None:
    """A machine that cannot be archived costs no second one."""
    failed = replace(READY, save_failed_at=AT, note="not archived: it keeps changing")
    waits = replace(MOVER, state=State.REQUESTED)

    assert isinstance(moving.waiting(waits, READY), Wait)
    assert moving.waiting(waits, replace(READY, archive_id="first", proven_at=AT)) is None
    assert moving.waiting(waits, failed) == Release(Reason.NOT_MOVED, failed.note)


def test_the_new_machine_takes_what_differs_and_waits_for_a_last_look() -> None:
    """Restore the last copy, then wait until the old one was found to be as that copy."""
    first = replace(HOLDS, restore_id="first")

    assert moving.arriving(first, FROZEN) == Restore("last")
    assert isinstance(moving.arriving(HOLDS, FROZEN), Wait)
    assert moving.arriving(HOLDS, replace(FROZEN, cleared_at=AT)) is None
    assert moving.arriving(replace(MOVER, restored_at=AT), FROZEN) == Rehearse()


def test_the_old_machine_ends_only_after_the_new_one_is_ready() -> None:
    """Proven, agreed with and looked at again is not enough: the notebook must answer."""
    cleared = replace(FROZEN, cleared_at=AT)
    ready = replace(HOLDS, state=State.READY, ready_at=AT)
    fresh, patience = Limits().last_look, Limits().frozen

    assert moving.handing_over(FROZEN, HOLDS, patience, AT) == Recheck("last")
    assert moving.may_go(cleared, HOLDS, fresh, AT) is None
    assert moving.may_go(cleared, ready, fresh, AT) == Release(Reason.MOVED)


def test_a_proof_that_has_grown_old_is_made_anew_before_the_old_machine_ends() -> None:
    """Our process was away for a day: it is looked at again, and archived if it has changed."""
    ready = replace(HOLDS, state=State.READY, ready_at=AT)
    cleared = replace(FROZEN, cleared_at=AT)
    sight = Sight(at=AT + DAY, listed=False, connected=True, mover=ready)

    changed = after(cleared, Recheck("last"), Failed("it has changed"), AT + DAY)
    later = replace(sight, at=AT + 2 * DAY)
    frozen = after(changed, Freeze(30), Done(), AT + 2 * DAY)

    assert next_step(cleared, sight, Limits(), AT + DAY) == Recheck("last")
    assert next_step(changed, later, Limits(), AT + 2 * DAY) == Freeze(MOVER.owner_id)
    assert next_step(frozen, later, Limits(), AT + 2 * DAY) == Save()


@pytest.mark.parametrize(
    "mover", [None, replace(MOVER, state=State.DESTROYING), replace(MOVER, state=State.CLOSED)]
)
def test_the_old_notebook_opens_again_when_the_new_machine_fails(mover: Rental | None) -> None:
    """Whatever ended the new one: back to ready, and nobody wants the old one gone any more."""
    step = moving.may_go(FROZEN, mover, Limits().proof, AT)

    assert step == Spare()
    spared = after(FROZEN, Spare(), Done(), AT)
    assert (spared.state, spared.released_at, spared.ended_by) == (State.READY, None, None)


def test_a_closed_notebook_is_not_closed_for_ever() -> None:
    """A new machine that never gets ready gives the old one back after an hour."""
    late = AT + timedelta(hours=1, minutes=1)
    step = moving.handing_over(FROZEN, HOLDS, Limits().frozen, late)

    assert isinstance(step, Thaw)
    thawed = after(FROZEN, step, Done(), late)
    assert thawed.state is State.READY
    assert moving.arriving(HOLDS, thawed) == Release(Reason.NOT_MOVED, thawed.note)


def test_an_old_machine_that_vanishes_is_replaced_by_its_newest_archive() -> None:
    """Gone without our doing: the new one takes what was archived, and without any it gives up."""
    gone = replace(READY, state=State.CLOSED, reason=Reason.VANISHED, archive_id="first")
    bare = replace(gone, archive_id=None)

    assert moving.arriving(MOVER, gone) == Restore("first")
    assert moving.arriving(replace(MOVER, restore_id="first", restored_at=AT), gone) is None
    assert isinstance(moving.arriving(MOVER, bare), Release)
