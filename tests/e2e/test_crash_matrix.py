"""A black-box matrix of deaths over the real program, on SQLite and on PostgreSQL.

`bellhop run` is killed before, midway and after every request that changes something, after its
commits, at random times, twice in a row; its connections are cut and its requests answered with
nonsense. After that: one machine for the rental, not ended before its owner said so, then gone; one
card, and it is right.

The usual form plays lives with many deaths each. `make crash` plays one life per death besides,
every one of them; `CRASH_SEED` sets the seed, which is printed.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.between import MUTATING, Trap
from tests.e2e.commits import each_commit
from tests.e2e.programs import offers, sandbox, until
from tests.e2e.scene import Scene, scene
from tests.postgres import Postgres

LONG = "CRASH_LONG" in os.environ
SEED = int(os.environ.get("CRASH_SEED") or random.randrange(10**6))
AT_ONCE = 4
LIFE_S = 400.0
MARKET = ("--no-machines", "--load-s", "0.8", "--list-lag-s", "0.3", "--offers", "600")

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600 if LONG else 420)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What befalls one life: traps in order, commits after which and times at which it dies."""

    name: str
    traps: Sequence[Trap] = ()
    commits: frozenset[int] = frozenset()
    times: Sequence[float] = ()  # seconds from one start to the next death
    twice: bool = False  # every death is followed by another, while it starts again


def _kill(what: str, when: str) -> Trap:
    return Trap(what, "kill", when)  # type: ignore[arg-type]


def _fault(what: str, how: str) -> Trap:
    return Trap(what, how)  # type: ignore[arg-type]


REQUESTS = ("the account's key", "rent", "destroy")
FAULTS = ("429", "502", "cut", "lost")

DENSE = (
    Life(
        name="killed before and midway",
        traps=[_kill(what, when) for what in REQUESTS for when in ("before", "midway")],
    ),
    Life(name="killed after", traps=[_kill(what, "after") for what in REQUESTS], twice=True),
    # Not the key's too: so many refusals before anything was rented are a reason to give up.
    Life(
        name="every fault",
        traps=[_fault(what, how) for what in ("rent", "destroy") for how in FAULTS],
    ),
    Life(name="killed at commits", commits=frozenset({3, 7, 9, 12, 15, 18, 22, 27})),
    Life(name="killed at times", times=(1.0, 2.2, 3.5, 2.8, 4.2)),
)


def _sparse(rng: random.Random) -> list[Life]:
    """One death a life: all of them."""
    kills = [(what, when) for what in REQUESTS for when in ("before", "midway", "after")]
    faults = [(what, how) for what in REQUESTS for how in FAULTS]
    return [
        *(Life(name=f"{when} {what}", traps=[_kill(what, when)]) for what, when in kills),
        *(
            Life(name=f"twice {when} {what}", traps=[_kill(what, when)], twice=True)
            for what, when in kills
        ),
        *(Life(name=f"{how} at {what}", traps=[_fault(what, how)]) for what, how in faults),
        *(Life(name=f"commit {one}", commits=frozenset({one})) for one in range(1, 27)),
        *(
            Life(name=f"random {one}", times=[rng.uniform(0.2, 6) for _ in range(4)])
            for one in range(12)
        ),
        *(
            Life(
                name=f"random commits {one}",
                commits=frozenset(rng.sample(range(1, 40), 6)),
                twice=bool(one % 2),
            )
            for one in range(12)
        ),
    ]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_no_death_rents_twice_leaves_a_machine_or_repeats_a_card(
    kind: str, tmp_path: Path, postgres: Postgres
) -> None:
    """Every life ends with one machine rented, ended when its owner said so, and one true card."""
    sys.stdout.write(f"CRASH_SEED={SEED}\n")
    rng = random.Random(SEED)
    lives = [*DENSE, *(_sparse(rng) if LONG else ())]
    slots, faults = asyncio.Semaphore(AT_ONCE), []

    async with sandbox(tmp_path / "machines", *MARKET) as market:
        supply = await offers(market)  # each life has its own, so that none takes another's

        async def play(number: int, life: Life) -> None:
            async with slots:
                try:
                    async with asyncio.timeout(LIFE_S):
                        await _play(
                            number, life, kind, tmp_path, market, str(supply[number]), postgres, rng
                        )
                except (AssertionError, TimeoutError) as error:
                    log = tmp_path / str(number) / "log.txt"
                    said = log.read_text(errors="replace")[-3000:] if log.exists() else ""
                    faults.append(f"--- {kind}: {life.name}: {error!r}\n{error}\n{said}")

        await asyncio.gather(*(play(number, life) for number, life in enumerate(lives)))

    assert not faults, "\n".join(faults)


async def _play(
    number: int,
    life: Life,
    kind: str,
    folder: Path,
    market: str,
    offer: str,
    postgres: Postgres,
    rng: random.Random,
) -> None:
    home, name = folder / str(number), f"m{number}"
    if kind == "sqlite":
        async with scene(name, home, market) as set_up:
            await _live(set_up, life, home / "data" / "bellhop.db", offer, rng)
        return
    with postgres.database() as database:
        url = postgres.url(database)
        async with scene(name, home, market, database=url) as set_up:
            await _live(set_up, life, url, offer, rng)


async def _live(
    set_up: Scene, life: Life, database: str | Path, offer: str, rng: random.Random
) -> None:
    """From the wish to the end, dying as it is written."""
    again: set[asyncio.Task[None]] = set()

    def die() -> None:
        set_up.kill()
        if life.twice:
            later = asyncio.ensure_future(_once_more(set_up, rng.uniform(0.3, 3.0)))
            again.add(later)
            later.add_done_callback(again.discard)

    def committed(count: int) -> None:
        if count in life.commits:
            die()

    traps = [replace(trap, spring=die) for trap in life.traps]
    set_up.between.traps = traps
    async with each_commit(database, committed):
        dying = asyncio.ensure_future(_die_at(set_up, life.times))
        try:
            await set_up.rent(offer)
            await set_up.shows("**Connecting**", 200)
            (machine,) = await set_up.machines()
            assert machine["destroyed_at"] is None, "ended before anybody asked for it"
            await set_up.end()
            await set_up.shows("Seen gone", 200)
        finally:
            for task in (dying, *again):
                task.cancel()
            await asyncio.gather(dying, *again, return_exceptions=True)
    (machine,) = await set_up.machines()
    assert machine["destroyed_at"] is not None
    assert len(set_up.shown()) == 1
    # The other lives' machines are on the same account: the leads are told that, once a day.
    assert len(told := set_up.told()) <= 1, told
    assert all("that we do not run" in one for one in told), told
    assert "**It cost $" in set_up.card
    assert all(trap.sprung for trap in traps), [trap.what for trap in traps if not trap.sprung]
    assert "Traceback" not in set_up.log()


async def _die_at(set_up: Scene, times: Sequence[float]) -> None:
    for after_s in times:
        await asyncio.sleep(after_s)
        set_up.kill()
        await _started_again(set_up)


async def _once_more(set_up: Scene, after_s: float) -> None:
    """Kill it again, some time after it was started anew."""
    await _started_again(set_up)
    await asyncio.sleep(after_s)
    set_up.kill()


async def _started_again(set_up: Scene) -> None:
    """Whoever plays the scene does that as soon as it is seen to be dead."""
    await until(lambda: not set_up.alive, 10, "its death")
    await until(lambda: set_up.alive, 60, "a new start")


def test_every_request_that_changes_something_is_in_the_matrix() -> None:
    """Those without a machine's own key, which is only sent where the account takes none."""
    assert set(MUTATING) - {"a machine's key"} == set(REQUESTS)
