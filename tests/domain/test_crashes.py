"""The rules that keep money safe, as a property: the real step functions, a dict as the database,
a provider that lags, refuses, loses answers and goes on when its client is dead, and a process
that dies before and after every effect."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bot.domain.lifecycle import Limits, Sight, next_step, prepare
from bot.domain.money import Usd
from bot.domain.offers import Offer
from bot.domain.rentals import ContractId, Instance, Reason, Rental, State, Status
from bot.domain.replacement import accept
from bot.domain.steps import (
    Absent,
    Alive,
    Close,
    Connect,
    Connected,
    Create,
    Declined,
    Destroy,
    Done,
    Failed,
    Found,
    GiveUp,
    Heard,
    InDoubt,
    Look,
    Nothing,
    OfferTaken,
    Outcome,
    Present,
    Probe,
    Remove,
    Rented,
    Save,
    Saved,
    Seek,
    Serve,
    Step,
    Trouble,
    Wait,
)
from bot.domain.transitions import after
from tests.domain.facts import NOW, instance, rental

LIMITS = Limits()
LABEL = "bellhop/b2k7xq"
LIVES, REPLACED = (600, 33) if "CRASH_LONG" in os.environ else (200, 5)
"""In each block of random ones: `make crash` plays more than 10,000."""


class Died(Exception):
    """The process was killed here."""


@dataclass
class Machine:
    contract: ContractId
    born: datetime
    shown_from: datetime
    dead: bool = False
    machine_id: int = 24817
    broken: str = ""  # what never works on it: "start", "load" or "ssh"
    worked_at: datetime | None = None  # when somebody last changed something on it
    saved_at: datetime | None = None  # from when on a proven archive holds everything

    @property
    def unsaved(self) -> bool:
        if self.worked_at is None:
            return False
        return self.saved_at is None or self.saved_at < self.worked_at


@dataclass
class Vast:
    """A provider whose list lags and whose answers get lost."""

    rng: random.Random
    mishaps: bool
    machines: list[Machine] = field(default_factory=list)
    broken_share: float = 0.0  # of the hosts
    late: list[tuple[datetime, int]] = field(default_factory=list)
    destroyed_work: bool = False
    most_alive: int = 0

    def rent(self, now: datetime, machine_id: int) -> Outcome:
        fate = self.rng.random() if self.mishaps else 1.0
        if fate < 0.10:
            return OfferTaken()
        if fate < 0.13:
            return Declined("no credit")
        if fate < 0.16:
            return Trouble("busy")
        if fate < 0.20:  # the request hangs in the air and is carried out later
            self.late.append((now + timedelta(seconds=self.rng.randrange(1, 90)), machine_id))
            return InDoubt()
        if fate < 0.24:
            return InDoubt()
        made = self.make(now, machine_id)
        if fate < 0.34:
            return InDoubt()
        return InDoubt(made) if fate < 0.37 else Rented(made)

    def make(self, now: datetime, machine_id: int) -> ContractId:
        lag = self.rng.randrange(0, 25) if self.mishaps else 0
        contract = ContractId(5000 + len(self.machines))
        broken = self.rng.choice(("start", "load", "ssh"))
        if self.rng.random() >= self.broken_share:
            broken = ""
        shown_from = now + timedelta(seconds=lag)
        self.machines.append(
            Machine(contract, now, shown_from, machine_id=machine_id, broken=broken)
        )
        self.most_alive = max(self.most_alive, len(self.alive))
        return contract

    def seek(self, agreed: Offer) -> Outcome:
        """Another machine, sometimes a dearer one or none; now and then the search fails."""
        fate = self.rng.random() if self.mishaps else 1.0
        if fate < 0.1:
            return Trouble("no answer")
        if fate < 0.15:
            return Nothing()
        number = self.rng.randrange(2000, 9_000_000)
        found = replace(agreed, id=number, machine_id=number)
        if fate < 0.4:
            dear = replace(found.rates, gpu_per_hour=Usd.of("0.9"))
            return Found(replace(found, rates=dear), dearer=True)
        return Found(found)

    def tick(self, now: datetime) -> None:
        for at, machine_id in [one for one in self.late if one[0] <= now]:
            self.make(at, machine_id)
        self.late = [one for one in self.late if one[0] > now]

    def destroy(self, contract: ContractId, waived: bool) -> Outcome:
        if self.mishaps and self.rng.random() < 0.15:
            return Trouble("no answer")
        if self.mishaps and self.rng.random() < 0.10:
            return Done()  # "success", and nothing happens
        for machine in self.machines:
            if machine.contract == contract:
                self.destroyed_work |= machine.unsaved and not waived
                machine.dead = True
        return Done()

    def look(self, now: datetime) -> Sight:
        if self.mishaps and self.rng.random() < 0.15:
            return Sight(at=now, listed=False)
        return Sight(at=now, listed=True, machines=tuple(self.shown(now)))

    def shown(self, now: datetime) -> list[Instance]:
        return [
            instance(
                contract=one.contract,
                label=LABEL,
                created_at=one.born,
                machine_id=one.machine_id,
                status=self._status(one, now),
                rates=None,
            )
            for one in self.machines
            if not one.dead and one.shown_from <= now and not self._overlooked()
        ]

    def _status(self, one: Machine, now: datetime) -> Status:
        if one.broken == "load" or now - one.born <= timedelta(seconds=40):
            return Status.STARTING
        return Status.FAILED if one.broken == "start" else Status.UP

    def _overlooked(self) -> bool:
        """A list may call itself complete and lack a machine all the same."""
        return self.mishaps and self.rng.random() < 0.03

    @property
    def alive(self) -> list[Machine]:
        return [one for one in self.machines if not one.dead]


@dataclass
class Life:
    """One rental under a process that dies at chosen or random moments."""

    vast: Vast
    rng: random.Random
    crash_at: frozenset[int] = frozenset()
    crash_chance: float = 0.0
    row: Rental = field(default_factory=lambda: rental(state=State.REQUESTED))
    now: datetime = NOW
    moments: int = 0
    connected: bool = False
    served: bool = False

    def moment(self) -> None:
        """A place where a process can be killed."""
        self.moments += 1
        if self.moments in self.crash_at or self.rng.random() < self.crash_chance:
            raise Died

    def store(self, changed: Rental) -> None:
        self.moment()
        self.row = replace(changed, version=self.row.version + 1)
        self.moment()

    def effect(self, step: Step) -> Outcome:
        self.moment()
        outcome = self._act(step)
        self.moment()
        return outcome

    def _act(self, step: Step) -> Outcome:
        match step:
            case Create():
                assert len(self.vast.alive) == 0 or self.vast.mishaps
                return self.vast.rent(self.now, self.row.offer.machine_id)
            case Seek():
                return self.vast.seek(self.row.offer)
            case GiveUp():
                return Heard("it did not work")
            case Destroy(contract) | Remove(contract):
                return self.vast.destroy(contract, self.row.waived_by is not None)
            case Look(contract):
                there = any(one.contract == contract for one in self.vast.alive)
                return Present() if there else Absent()
            case Save():
                return self._save()
            case Probe():
                self.person()
                # A look finds life that was there since: the verdict's clock is on a row too.
                working = any(one.unsaved for one in self.vast.alive)
                return Alive("somebody is there") if working else Done()
            case Connect():
                if any(one.broken == "ssh" for one in self._own()):
                    return Trouble("refused")
                self.connected = True
                return Connected("ssh-ed25519 AAAA")
            case _:
                return Done()

    def _own(self) -> list[Machine]:
        return [one for one in self.vast.alive if one.contract == self.row.contract]

    def _save(self) -> Outcome:
        """Works, does not work for now, or does not work for good."""
        fate = self.rng.random() if self.vast.mishaps else 1.0
        if fate < 0.3:
            return Trouble("the connection broke") if fate < 0.2 else Failed("it keeps changing")
        for machine in self.vast.alive:
            if machine.contract == self.row.contract:
                machine.saved_at = self.now
        return Saved("archive", self.now)

    def person(self) -> None:
        """Now and then somebody works, also where nobody was expected any more."""
        if self.vast.mishaps and self.rng.random() < 0.05:
            for machine in self.vast.alive:
                if machine.contract == self.row.contract:
                    machine.worked_at = self.now

    def run_pass(self) -> None:
        try:
            self._pass()
        except Died:
            self.connected = self.served = False

    def one_step(self) -> None:
        self._pass(steps=1)

    def _pass(self, *, steps: int = 12) -> None:
        sight = self.look()
        for _ in range(steps):
            sight = replace(sight, connected=self.connected, served=self.served)
            step = next_step(self.row, sight, LIMITS, self.now)
            if isinstance(step, Wait):
                return
            intent = prepare(self.row, step, self.now)
            if intent != self.row:
                self.store(intent)
            outcome = self.effect(step)
            self.served |= isinstance(step, Serve)
            moved = after(self.row, step, outcome, self.now)
            if moved != self.row:
                self.store(moved)
            if moved.state is State.DESTROYING:
                self.connected = self.served = False
            self._mark_work()
            if isinstance(outcome, Trouble) or isinstance(
                step, Create | Destroy | Remove | Look | Close | Save
            ):
                return

    def look(self) -> Sight:
        return self.vast.look(self.now)

    def _mark_work(self) -> None:
        """Whoever is ready has something to lose."""
        if self.row.state is State.READY:
            for machine in self.vast.alive:
                if machine.contract == self.row.contract:
                    machine.worked_at = machine.worked_at or self.now

    def live(self, release_at: datetime | None, until: datetime, *, how: str = "discard") -> None:
        while self.now < until and self.row.open:
            self.vast.tick(self.now)
            if release_at and self.now >= release_at and self.row.released_at is None:
                self._end(how)
            if self.row.proposal is not None and self.rng.random() < 0.05:
                self.row = accept(self.row, self.now)
            if how == "idle" and self.row.state is State.READY:
                self.person()
            self.run_pass()
            self.now += timedelta(seconds=self.rng.choice((1, 3, 5, 15)))
        self.vast.tick(self.now + timedelta(hours=1))

    def _end(self, how: str) -> None:
        """A person discards it or has it archived first, or nobody answered a question."""
        if how == "idle" and self.row.state is not State.READY:
            return
        self.row = replace(
            self.row,
            released_at=self.now,
            ended_by=None if how == "idle" else 30,
            waived_by=30 if how == "discard" else None,
            reason=Reason.IDLE if how == "idle" else None,
        )


def _life(
    seed: int,
    *,
    mishaps: bool,
    crash_chance: float = 0.0,
    crash_at: int = 0,
    broken_share: float = 0.0,
) -> Life:
    rng = random.Random(seed)
    vast = Vast(rng, mishaps, broken_share=broken_share)
    return Life(vast, rng, crash_at=frozenset({crash_at}), crash_chance=crash_chance)


def _moments() -> int:
    life = _life(1, mishaps=False)
    life.live(NOW + timedelta(minutes=3), NOW + timedelta(hours=1))
    return life.moments


@pytest.mark.parametrize("crash_at", range(1, _moments() + 1))
def test_one_death_at_any_moment_ends_with_one_rent_and_nothing_alive(crash_at: int) -> None:
    """Whatever single moment the process is killed at: one renting, and it is gone at the end."""
    life = _life(1, mishaps=False, crash_at=crash_at)

    life.live(NOW + timedelta(minutes=6), NOW + timedelta(hours=2))

    assert life.row.state is State.CLOSED
    assert life.vast.alive == []
    assert len(life.vast.machines) == 1


@pytest.mark.parametrize("crash_at", range(1, _moments() + 1))
def test_one_death_at_any_moment_does_not_stop_a_rental_from_getting_ready(crash_at: int) -> None:
    """Killed once at any moment, a rental nobody ends has exactly one machine, and it is ready."""
    life = _life(1, mishaps=False, crash_at=crash_at)

    life.live(None, NOW + timedelta(minutes=10))

    assert life.row.state is State.READY
    assert [one.contract for one in life.vast.alive] == [life.row.contract]


@pytest.mark.parametrize("how", ["discard", "archive", "idle"])
@pytest.mark.parametrize("block", range(4))
def test_random_lives_with_every_mishap_leave_nothing_alive(block: int, how: str) -> None:
    """Lags, lost answers, late requests, refusals and many deaths: closed means nothing runs.

    And nothing that somebody had worked on was destroyed without a proof, unless it was waived.
    """
    for seed in range(block * LIVES, block * LIVES + LIVES):
        life = _life(seed, mishaps=True, crash_chance=0.04)
        release_at = NOW + timedelta(seconds=life.rng.randrange(1, 900))

        life.live(release_at, NOW + timedelta(hours=24), how=how)

        assert life.row.state is State.CLOSED, seed
        assert life.vast.alive == [], seed
        assert not life.vast.destroyed_work, seed


@pytest.mark.parametrize("block", range(5))
def test_random_lives_never_keep_two_machines(block: int) -> None:
    """However often the renting call was in doubt, one machine at most is left when all is calm."""
    for seed in range(10_000 + block * LIVES, 10_000 + block * LIVES + LIVES):
        life = _life(seed, mishaps=True, crash_chance=0.03)
        life.live(None, NOW + timedelta(minutes=40))
        life.vast.mishaps = False
        life.crash_chance = 0.0
        life.live(None, NOW + timedelta(minutes=80))

        assert len(life.vast.alive) <= 1, seed
        assert not life.vast.destroyed_work, seed
        if life.row.state is State.READY:
            assert [one.contract for one in life.vast.alive] == [life.row.contract], seed


def _first_host_fails(crash_at: int = 0) -> Life:
    """A life whose first machine never starts, and whose second one does."""
    life = _life(1, mishaps=False, crash_at=crash_at)
    make = life.vast.make

    def with_a_bad_first(now: datetime, machine_id: int) -> ContractId:
        contract = make(now, machine_id)
        if len(life.vast.machines) == 1:
            life.vast.machines[0].broken = "start"
        return contract

    life.vast.make = with_a_bad_first  # type: ignore[method-assign]
    return life


def _moments_of_a_replacement() -> int:
    life = _first_host_fails()
    life.live(None, NOW + timedelta(minutes=10))
    return life.moments


@pytest.mark.parametrize("crash_at", range(1, _moments_of_a_replacement() + 1))
def test_one_death_at_any_moment_of_a_replacement_rents_each_machine_once(crash_at: int) -> None:
    """Killed once anywhere between the first renting and the second machine's being ready."""
    life = _first_host_fails(crash_at)

    life.live(None, NOW + timedelta(minutes=20))

    assert life.row.state is State.READY
    assert [one.contract for one in life.vast.alive] == [life.row.contract]
    assert len(life.vast.machines) == 2
    assert life.vast.most_alive == 1
    assert [one.contract for one in life.row.tries] == [life.vast.machines[0].contract]


@pytest.mark.parametrize("block", range(REPLACED))
def test_random_lives_with_hosts_that_fail_leave_nothing_alive(block: int) -> None:
    """Half of the hosts fail, with every mishap and many deaths: closed means nothing runs."""
    for seed in range(20_000 + block * 200, 20_000 + block * 200 + 200):
        life = _life(seed, mishaps=True, crash_chance=0.03, broken_share=0.5)
        release_at = NOW + timedelta(seconds=life.rng.randrange(1, 3600))

        life.live(release_at, NOW + timedelta(hours=24))

        assert life.row.state is State.CLOSED, seed
        assert life.vast.alive == [], seed
        assert not life.vast.destroyed_work, seed
        failed = [one for one in life.row.tries if one.contract is not None]
        assert len(failed) <= LIMITS.tries, seed


@pytest.mark.parametrize("block", range(3))
def test_without_doubts_no_two_machines_of_a_rental_ever_live_at_once(block: int) -> None:
    """The next one is rented after the one before was seen gone, wherever the process dies."""
    for seed in range(block * 100, block * 100 + 100):
        life = _life(seed, mishaps=False, crash_chance=0.05, broken_share=0.6)

        life.live(None, NOW + timedelta(hours=3))

        assert life.vast.most_alive <= 1, seed
        assert len(life.vast.alive) == int(life.row.state is State.READY), seed


def test_a_machine_that_vanishes_is_looked_for_before_it_is_given_up() -> None:
    """Missing from the list is not gone: a grace, then two definite answers by number."""
    life = _life(3, mishaps=False)
    life.live(None, NOW + timedelta(minutes=5))
    life.vast.machines[0].dead = True

    life.run_pass()
    missing = life.row.missing_since
    life.now += timedelta(seconds=60)
    life.run_pass()
    still = life.row.state
    life.live(None, life.now + timedelta(minutes=10))

    assert missing is not None
    assert still is State.READY
    assert life.row.state is State.CLOSED
    assert life.row.reason == "vanished"


def test_a_machine_that_was_given_up_as_vanished_and_comes_back_is_kept() -> None:
    """Gone from the list and by number, nearly closed, and there again: it may hold work."""
    life = _life(5, mishaps=False)
    life.live(None, NOW + timedelta(minutes=5))
    life.vast.machines[0].dead = True
    while life.row.state is State.READY:
        life.now += timedelta(seconds=30)
        life.row = replace(life.row, next_at=None)
        life.one_step()
    life.vast.machines[0].dead = False

    life.live(None, life.now + timedelta(hours=1))

    assert life.row.state is State.READY
    assert life.row.released_at is None
    assert not life.vast.destroyed_work
    assert len(life.vast.alive) == 1


def test_a_machine_that_comes_back_is_never_destroyed() -> None:
    """A list that lost a machine for ten minutes costs nobody their work."""
    life = _life(4, mishaps=False)
    life.live(None, NOW + timedelta(minutes=5))
    life.vast.machines[0].shown_from = life.now + timedelta(minutes=10)

    life.live(None, life.now + timedelta(minutes=30))

    assert life.row.state is State.READY
    assert len(life.vast.alive) == 1
    assert not life.vast.destroyed_work
