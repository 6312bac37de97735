"""`python -m tests.bench.first_words`: how soon each command answers in the demo.

The stage is the one of `bellhop demo`, with a machine of Ada's that is ready. Each command is used
by her and by a lead, as it is completed while one types. Two times are taken from the moment it is
sent: until it is acknowledged (“Bellhop is thinking”), and until the words are there. The stand-in
looks every 5 ms, so the times are that coarse. Exits with 1 where one took longer than a second.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from bot.demo import require_extra

require_extra()

from bot.demo.hands import Hands  # noqa: E402
from bot.demo.run import PATIENT, WATCH_S  # noqa: E402
from bot.demo.stage import Stage, set_stage  # noqa: E402
from bot.demo.world import Person  # noqa: E402
from tests.cogs.commands import LEAVES, fillings  # noqa: E402

MOST_S = 1.0
_AFTERWARDS_S = 0.02  # the stand-in waits so long after the acknowledgement
_READY_S = 120.0


@dataclass(slots=True)
class Times:
    acknowledged: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)


async def measure(*, rounds: int) -> dict[str, Times]:
    """Every command so many times by each of the two."""
    found: dict[str, Times] = {name: Times() for name in sorted(LEAVES)}
    async with set_stage(
        data=None, fast=5, page_port=None, policy=PATIENT, watch_s=WATCH_S
    ) as stage:
        people = stage.demo.world.people
        await _rent(stage, people["ada"])
        for _ in range(rounds):
            for person in (people["ada"], people["grace"]):
                for name, times in found.items():
                    await _use(stage, person, name, times)
    return found


async def _rent(stage: Stage, ada: Person) -> None:
    hands = Hands(stage.demo.env, stage.demo.world, ada)
    await hands.press(await hands.command("rent"), "Rent")
    await hands.see(lambda one: "Open" in one.text, "a ready card", _READY_S)


async def _use(stage: Stage, person: Person, name: str, times: Times) -> None:
    env, world = stage.demo.env, stage.demo.world

    async def complete(option: str) -> list[dict[str, Any]]:
        return await person.member.autocomplete(world.gpu, name, option, "")

    async with env.lock:
        kinds = await fillings(
            LEAVES[name],
            complete,
            longest="x",
            people=[world.people["linus"].member],
            roles=[world.lead_role],
        )
        began = time.perf_counter()
        result = await person.member.slash(world.gpu, name, **kinds[0])
        times.acknowledged.append(time.perf_counter() - began - _AFTERWARDS_S)
    if not result.acknowledged:
        raise AssertionError(f"/{name} was not acknowledged")
    if result.modal is None:
        await Hands(env, world, person)._answer(result)
    times.answered.append(time.perf_counter() - began - _AFTERWARDS_S)


def table(found: dict[str, Times]) -> str:
    rows = [
        f"{'command':<20}{'acknowledged':>22}{'answered':>22}",
        f"{'':<20}" + "   median  worst ms" * 2,
    ]
    for name, times in found.items():
        rows.append(
            f"/{name:<19}" + "".join(_two(each) for each in (times.acknowledged, times.answered))
        )
    return "\n".join(rows)


def _two(times: list[float]) -> str:
    return f"{statistics.median(times) * 1000:>13.0f}{max(times) * 1000:>9.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    found = asyncio.run(measure(rounds=parser.parse_args().rounds))
    print(table(found))
    late = [name for name, times in found.items() if max(times.acknowledged) > MOST_S]
    if late:
        print(f"Later than {MOST_S:.0f} s: {', '.join(late)}")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
