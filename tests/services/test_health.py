"""Readiness: short causes, kept for a while, and never held up by one that hangs."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.app.door import disk_look, looks_of
from bot.errors import Denied
from bot.services import health
from bot.services.health import Condition, Health, Look
from tests.builders import NOW, SetClock
from tests.e2e.programs import until


class Thing:
    """Something that is looked at, and says what it is told to."""

    def __init__(self, said: str = "") -> None:
        self.said = said
        self.looks = 0

    async def check(self) -> str:
        self.looks += 1
        return self.said


async def test_a_look_is_kept_and_a_bad_one_for_a_shorter_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever asks every second costs nothing; a recovery shows soon."""
    good, bad = Thing(), Thing("Away.")
    watch = Health({"good": Look(check=good.check), "bad": Look(check=bad.check)}, clock=SetClock())

    assert await watch.look() == {"good": "", "bad": "Away."}
    await asyncio.gather(*(watch.look() for _ in range(5)))
    assert (good.looks, bad.looks) == (1, 1)

    monkeypatch.setattr(health, "BAD_S", 0.0)
    bad.said = ""

    assert await watch.look() == {"good": "", "bad": ""}
    assert good.looks == 1


async def test_what_hangs_is_a_fault_of_its_own() -> None:
    """The others are told all the same."""

    async def hang() -> str:
        await asyncio.Event().wait()
        return ""

    found = await Health(
        {"slow": Look(check=hang, within_s=0.05), "good": Look(check=Thing().check)},
        clock=SetClock(),
    ).look()

    assert found == {"slow": "No answer within 0.05 s.", "good": ""}


async def test_an_error_of_the_house_is_said_in_its_public_words() -> None:
    """Never in those for the log."""

    async def refuse() -> str:
        raise Denied("key abc is wrong")

    found = await Health({"vast": Look(check=refuse)}, clock=SetClock()).look()

    assert found == {"vast": Denied.public}


async def test_what_is_wrong_is_remembered_since_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """For `/status`: faults and notes, until they are over; other words make no new beginning."""
    monkeypatch.setattr(health, "BAD_S", 0.0)
    thing, notes, clock, condition = (
        Thing("Away."),
        {"searches": "Used up."},
        SetClock(),
        Condition(),
    )
    watch = Health(
        {"vast": Look(check=thing.check)}, clock=clock, condition=condition, notes=lambda: notes
    )

    await watch.look()
    assert watch.notes() == {"searches": "Used up."}
    clock.turn(timedelta(minutes=5))
    thing.said = "Refused."
    await watch.look()

    told = {name: (one.said, one.since) for name, one in condition.ailments.items()}
    assert told == {"vast": ("Refused.", NOW), "searches": ("Used up.", NOW)}

    thing.said, notes["searches"] = "", ""
    await watch.look()
    assert watch.notes() == {}
    assert condition.ailments == {}


async def test_it_looks_although_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is wrong is known when somebody does; but not before all can have come up."""
    monkeypatch.setattr(health, "FIRST_S", 0.3)
    thing = Thing("Away.")
    condition = Condition()
    watch = Health({"vast": Look(check=thing.check)}, clock=SetClock(), condition=condition)
    running = asyncio.ensure_future(watch.run())
    await asyncio.sleep(0.1)
    assert thing.looks == 0

    await until(lambda: bool(condition.ailments), 20, "a look")
    running.cancel()

    assert thing.looks == 1


async def test_a_store_that_hangs_holds_one_thread_however_often_it_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A look that is given up goes on in its thread; one more each time would leave none for work.

    When it answers at last, that counts.
    """
    monkeypatch.setattr(health, "BAD_S", 0.0)
    answer, asked = threading.Event(), 0

    def check() -> None:
        nonlocal asked
        asked += 1
        answer.wait(30)

    outside = SimpleNamespace(place=SimpleNamespace(check=check))
    looks = looks_of(SimpleNamespace(data=tmp_path), outside)  # type: ignore[arg-type]
    look = replace(looks["archives"], within_s=0.05)
    watch = Health({"archives": look}, clock=SetClock())

    said = [(await watch.look())["archives"] for _ in range(8)]
    answer.set()
    well = await Health({"archives": replace(look, within_s=20)}, clock=SetClock()).look()

    assert set(said) == {"No answer within 0.05 s."}
    assert well == {"archives": ""}
    assert asked <= 2  # the second one where the first had just ended


async def test_a_disk_is_written_and_measured(tmp_path: Path) -> None:
    """Room, little room, and a folder that is gone."""
    folder = tmp_path

    assert await disk_look(folder, little=0)() == ""
    assert (await disk_look(folder, little=10**18)()).startswith("Only ")
    said = await disk_look(folder / "gone")()
    assert said == "The data folder cannot be written (No such file or directory)."
