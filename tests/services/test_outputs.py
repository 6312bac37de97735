"""Outputs of runs whose tab is gone: into the file, to the next tab, forgotten when safe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from bot.domain.outputs import Json
from bot.domain.rentals import RentalId
from bot.errors import Unreachable
from bot.services.outputs import Outputs
from bot.services.routes import Route, Routes
from bot.services.runs import KERNEL_BYTES, Talk

RENTAL = RentalId("r1")
KERNEL = "k1"
BOOK = "book.ipynb"


class Files:
    """ports.Documents: notebooks in memory."""

    def __init__(self) -> None:
        cells = [
            {"cell_type": "code", "id": name, "source": name, "metadata": {}, "outputs": []}
            for name in ("one", "two")
        ]
        self.books: dict[str, Json] = {
            BOOK: {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
        }
        self.open = {KERNEL: BOOK}
        self.fault: BaseException | None = None
        self.unreadable = ""
        self.asked = 0
        self.between: Callable[[], None] = lambda: None

    async def paths(self, socket_path: str, token: str) -> Mapping[str, str]:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return self.open

    async def edit(
        self, socket_path: str, token: str, path: str, change: Callable[[Json], bool]
    ) -> bool:
        if path == self.unreadable:
            raise Unreachable("the notebook server answered something else")
        if path not in self.books:
            return False
        change(self.books[path])
        self.between()
        return True

    def text(self, at: int = 0) -> str:
        return "".join(output["text"] for output in self.books[BOOK]["cells"][at]["outputs"])


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def outputs(files: Files) -> Outputs:
    routes = Routes()
    routes.set(RENTAL, Route("socket", "token"))
    return Outputs(documents=files, routes=routes)


def begin(outputs: Outputs, session: str = "s1", run: str = "run1", cell: str = "one") -> Talk:
    talk = outputs.talk(RENTAL, KERNEL, session)
    talk.asked(run, cell_id=cell, code=cell)
    say(talk, "first\n", run)
    return talk


def say(talk: Talk, text: str, run: str = "run1") -> None:
    talk.heard("stream", run, {"name": "stdout", "text": text})


def end(talk: Talk, run: str = "run1") -> None:
    talk.heard("status", run, {"execution_state": "idle"})


async def test_nothing_is_written_behind_the_back_of_a_tab(outputs: Outputs, files: Files) -> None:
    """It saves by itself, and would find its file changed."""
    end(begin(outputs))

    await outputs.before_read(RENTAL, BOOK)
    assert await outputs.flush(RENTAL) == ""

    assert files.text() == ""
    assert files.asked == 0


async def test_a_notebook_that_cannot_be_written_keeps_no_other_from_it(
    outputs: Outputs, files: Files
) -> None:
    """Before an archive, which goes on without what could not be written, and says so."""
    files.open["k2"] = "unreadable.ipynb"
    other = outputs.talk(RENTAL, "k2", "s2")
    other.asked("run2", cell_id="one", code="one")
    other.leave()
    begin(outputs).leave()
    files.unreadable = "unreadable.ipynb"

    assert "could not be written" in await outputs.flush(RENTAL)

    assert files.text() == "first\n"


async def test_a_closed_tabs_output_is_in_the_file_before_it_is_read(
    outputs: Outputs, files: Files
) -> None:
    """Of a run that is over, and of one that goes on; the latter is written again later."""
    talk = begin(outputs)
    talk.leave()

    await outputs.before_read(RENTAL, "another.ipynb")
    assert files.text() == ""
    await outputs.before_read(RENTAL, BOOK)
    assert files.text() == "first\n"

    say(talk, "second\n")
    end(talk)
    assert await outputs.flush(RENTAL) == ""
    assert files.text() == "first\nsecond\n"
    assert outputs.held(RENTAL) == []


async def test_what_comes_while_a_file_is_written_is_not_forgotten(
    outputs: Outputs, files: Files
) -> None:
    """The run ends just then."""
    talk = begin(outputs)
    talk.leave()

    def meanwhile() -> None:
        say(talk, "second\n")
        end(talk)

    files.between = meanwhile
    await outputs.flush(RENTAL)
    files.between = lambda: None
    await outputs.flush(RENTAL)

    assert files.text() == "first\nsecond\n"


async def test_a_second_tab_is_told_and_then_saves_by_itself(
    outputs: Outputs, files: Files
) -> None:
    """While it shows the run its file is left alone; what it has whole and saved is forgotten."""
    talk = begin(outputs)
    talk.leave()
    outputs.talk(RENTAL, KERNEL, "s2")
    (run,) = outputs.snapshot(RENTAL, KERNEL, "s2", {})
    assert run.outputs[0]["text"] == "first\n"
    assert outputs.snapshot(RENTAL, KERNEL, "s2", {"run1": run.revision}) == []
    assert outputs.running(RENTAL, KERNEL)

    end(talk)
    await outputs.flush(RENTAL)
    assert files.text() == ""
    await outputs.saved(RENTAL, BOOK, outputs.safe(RENTAL))
    assert outputs.held(RENTAL) != []

    outputs.snapshot(RENTAL, KERNEL, "s2", {"run1": run.revision})
    await outputs.saved(RENTAL, BOOK, outputs.safe(RENTAL))
    assert outputs.held(RENTAL) == []


async def test_a_second_tab_that_goes_leaves_it_to_us_again(outputs: Outputs, files: Files) -> None:
    """Nobody shows it any more."""
    end_of = begin(outputs)
    end_of.leave()
    second = outputs.talk(RENTAL, KERNEL, "s2")
    outputs.snapshot(RENTAL, KERNEL, "s2", {})
    second.leave()

    await outputs.flush(RENTAL)

    assert files.text() == "first\n"


async def test_a_tab_that_wakes_up_is_told_what_it_slept_through(outputs: Outputs) -> None:
    """The same session: what it shows may have holes, and only until it has all of it."""
    talk = begin(outputs)
    talk.leave()
    say(talk, "slept through\n")
    assert outputs.talk(RENTAL, KERNEL, "s1") is talk
    end(talk)

    (run,) = outputs.snapshot(RENTAL, KERNEL, "s1", {})
    assert run.outputs[0]["text"] == "first\nslept through\n"
    assert outputs.safe(RENTAL) == frozenset()
    assert outputs.snapshot(RENTAL, KERNEL, "s1", {"run1": run.revision}) == []
    assert outputs.safe(RENTAL) == {"run1"}


async def test_another_tabs_run_is_its_own(outputs: Outputs) -> None:
    """Two tabs on one notebook: neither is told what the other shows."""
    begin(outputs)
    outputs.talk(RENTAL, KERNEL, "s2")

    assert outputs.snapshot(RENTAL, KERNEL, "s2", {}) == []


async def test_a_cell_that_is_run_again_makes_the_older_run_void(
    outputs: Outputs, files: Files
) -> None:
    """Whoever runs it."""
    begin(outputs).leave()
    again = begin(outputs, "s2", "run2")
    say(again, "again\n", "run2")
    again.leave()

    await outputs.flush(RENTAL)

    assert files.text() == "first\nagain\n"


async def test_a_kernel_that_restarts_ends_its_runs(outputs: Outputs, files: Files) -> None:
    """What was put out by then is kept."""
    talk = begin(outputs)
    talk.leave()

    talk.heard("status", "", {"execution_state": "restarting"})

    assert not talk.waiting
    await outputs.flush(RENTAL)
    assert files.text() == "first\n"


async def test_a_display_of_another_cell_is_redrawn(outputs: Outputs) -> None:
    """One cell shows the bar, the next one moves it."""
    talk = begin(outputs)
    shown = {"data": {"text/plain": "0 %"}, "transient": {"display_id": "bar"}}
    talk.heard("display_data", "run1", shown)
    talk.asked("run2", cell_id="two", code="two")

    moved = {"data": {"text/plain": "9 %"}, "transient": {"display_id": "bar"}}
    talk.heard("update_display_data", "run2", moved)

    assert outputs.held(RENTAL)[0].outputs[1]["data"] == {"text/plain": "9 %"}


@pytest.mark.parametrize("fault", [Unreachable("gone"), TimeoutError()])
async def test_what_cannot_be_written_is_said_and_kept(
    outputs: Outputs, files: Files, fault: BaseException
) -> None:
    """An archive goes on without it, a reader gets what is there; the next attempt has it all."""
    begin(outputs).leave()
    files.fault = fault

    assert "could not be written" in await outputs.flush(RENTAL)
    await outputs.before_read(RENTAL, BOOK)
    await outputs.flush_all(1)

    files.fault = None
    assert await outputs.flush(RENTAL) == ""
    assert files.text() == "first\n"


async def test_a_notebook_that_is_gone_is_named(outputs: Outputs, files: Files) -> None:
    """Deleted or renamed outside of Jupyter while its cell ran."""
    begin(outputs).leave()
    del files.books[BOOK]

    assert BOOK in await outputs.flush(RENTAL)


async def test_a_kernel_that_is_gone_still_has_its_notebook(outputs: Outputs, files: Files) -> None:
    """Its last known place."""
    talk = begin(outputs)
    talk.leave()
    await outputs.before_read(RENTAL, BOOK)
    files.open = {}
    say(talk, "second\n")
    talk.over()

    await outputs.flush(RENTAL)

    assert files.text() == "first\nsecond\n"


async def test_readers_at_the_same_time_write_once_each(outputs: Outputs, files: Files) -> None:
    """Two tabs open at once: one after the other, and the same file."""
    talk = begin(outputs)
    end(talk)
    talk.leave()

    await asyncio.gather(*(outputs.before_read(RENTAL, BOOK) for _ in range(5)))

    assert files.text() == "first\n"


def test_memory_is_bounded(outputs: Outputs) -> None:
    """A hundred finished cells with a megabyte each."""
    talk = outputs.talk(RENTAL, KERNEL, "s1")
    for number in range(100):
        run = f"run{number}"
        talk.asked(run, cell_id=run, code="x")
        say(talk, ("x" * 99 + "\n") * 10_000, run)
        end(talk, run)

    assert sum(run.size for run in outputs.held(RENTAL)) <= KERNEL_BYTES + 2_000_000


def test_an_ended_rental_is_forgotten(outputs: Outputs) -> None:
    """With all it had."""
    begin(outputs).leave()

    outputs.forget(RENTAL)

    assert outputs.held(RENTAL) == []
