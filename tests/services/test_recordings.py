"""What is kept in memory is written down at bounded intervals and comes back as it was."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.adapters.sealing.texts import TextSeal
from bot.domain.rentals import Rental, RentalId, State
from bot.errors import Store
from bot.ports.recordings import Recording
from bot.services.outputs import Outputs
from bot.services.recordings import Recorder
from bot.services.routes import Routes
from bot.tasks import Wake
from tests.builders import SetClock
from tests.relay.books import rental
from tests.services.test_outputs import Files

RENTAL = RentalId("r1")


class Rows:
    """Recordings in a dictionary; `writes` counts the runs that were written."""

    def __init__(self) -> None:
        self.rows: dict[str, Recording] = {}
        self.writes = 0
        self.fault = False
        self.found: Rental | None = rental(RENTAL)

    async def recordings(self) -> list[Recording]:
        return sorted(self.rows.values(), key=lambda row: row.number)

    async def adopt_recordings(self, keeper: str, others: Collection[str]) -> list[Recording]:
        taken = [row for row in await self.recordings() if row.keeper not in {keeper, *others}]
        self.rows |= {row.key: replace(row, keeper=keeper) for row in taken}
        return taken

    async def keep_recordings(
        self, changed: Sequence[Recording], *, gone: Collection[str] = (), keeper: str = ""
    ) -> None:
        if self.fault:
            raise Store("away")
        self.writes += len(changed)
        self.rows |= {row.key: replace(row, keeper=keeper) for row in changed}
        for key in gone:
            self.rows.pop(key, None)

    async def rental(self, rental_id: RentalId) -> Rental | None:
        if self.fault:
            raise Store("unreadable")
        return self.found


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def made(rows: Rows, clock: SetClock) -> tuple[Outputs, Recorder]:
    outputs = Outputs(documents=Files(), routes=Routes())
    seal = TextSeal("a secret", "recordings")
    return outputs, Recorder(store=rows, outputs=outputs, clock=clock, wake=Wake(), seal=seal)


async def test_a_run_comes_back_as_it_was_and_goes_on(rows: Rows, clock: SetClock) -> None:
    """Text, the cursor in an unfinished line, displays that are redrawn later, and the count."""
    outputs, recorder = made(rows, clock)
    talk = outputs.talk(RENTAL, "k1", "s1")
    talk.asked("m1", cell_id="one", code="one")
    talk.heard("execute_input", "m1", {"execution_count": 3})
    talk.heard("stream", "m1", {"name": "stdout", "text": "a\nepoch 10\r"})
    shown = {"data": {"text/plain": "0"}, "metadata": {}, "transient": {"display_id": "d"}}
    talk.heard("display_data", "m1", shown)
    recorder.note_tabs()
    talk.leave()
    await recorder.close()

    again, second = made(rows, clock)
    (restored,) = await second.restore()
    assert (restored.kernel_id, restored.talk.session_id, restored.tab) == ("k1", "s1", True)
    (before,), (after,) = outputs.held(RENTAL), again.held(RENTAL)
    for execution in (before, after):
        execution.redraw({**shown, "data": {"text/plain": "9"}})
        execution.hear("stream", {"name": "stdout", "text": "b"})

    assert after.outputs == before.outputs
    assert (after.count, after.revision) == (3, before.revision)


async def test_what_cells_print_cannot_be_read_in_the_database(rows: Rows, clock: SetClock) -> None:
    """Neither the output nor the code; with another secret it is let go, and nothing fails."""
    outputs, recorder = made(rows, clock)
    talk = outputs.talk(RENTAL, "k1", "s1")
    talk.asked("m1", cell_id="one", code="hugging_face_login(token)")
    talk.heard("stream", "m1", {"name": "stdout", "text": "token hf_abc"})
    await recorder.write()
    (row,) = rows.rows.values()

    others = Recorder(
        store=rows,
        outputs=Outputs(documents=Files(), routes=Routes()),
        clock=clock,
        wake=Wake(),
        seal=TextSeal("another secret", "recordings"),
    )

    assert "hf_abc" not in row.state
    assert "hugging_face_login" not in row.state
    assert await others.restore() == []


async def test_a_row_of_an_older_version_is_read_and_sealed(rows: Rows, clock: SetClock) -> None:
    """It lies there plainly, from before rows were sealed; the next writing seals it."""
    outputs, recorder = made(rows, clock)
    outputs.talk(RENTAL, "k1", "s1").asked("m1", cell_id="one", code="one")
    await recorder.write()
    ((key, row),) = rows.rows.items()
    plain = TextSeal("a secret", "recordings").open(row.state, about=key)
    rows.rows[key] = replace(row, state=plain)

    _, second = made(rows, clock)
    (restored,) = await second.restore()
    await second.write()

    assert restored.talk.session_id == "s1"
    assert plain.startswith("{")
    assert not rows.rows[key].state.startswith("{")


async def test_a_growing_run_is_written_seldom(rows: Rows, clock: SetClock) -> None:
    """At once when it begins, then every two seconds; a large one in proportion to its size."""
    outputs, recorder = made(rows, clock)
    talk = outputs.talk(RENTAL, "k1", "s1")
    talk.asked("m1", cell_id="one", code="one")
    await recorder.write()
    assert rows.writes == 1

    talk.heard("stream", "m1", {"name": "stdout", "text": "x" * 1_000_000})
    await recorder.write()
    assert rows.writes == 1
    clock.turn(timedelta(seconds=2))
    await recorder.write()
    assert rows.writes == 2
    talk.heard("stream", "m1", {"name": "stdout", "text": "y"})
    clock.turn(timedelta(seconds=9))
    await recorder.write()
    assert rows.writes == 2
    clock.turn(timedelta(seconds=2))
    await recorder.write()
    await recorder.write()
    assert rows.writes == 3


async def test_what_could_not_be_written_is_written_later(rows: Rows, clock: SetClock) -> None:
    """A database that is away for a moment costs nothing."""
    outputs, recorder = made(rows, clock)
    outputs.talk(RENTAL, "k1", "s1").asked("m1", cell_id="one", code="one")
    rows.fault = True
    with pytest.raises(Store):
        await recorder.write()
    rows.fault = False
    await recorder.write()

    assert len(rows.rows) == 1


@pytest.mark.parametrize("unreadable", [True, False])
async def test_only_what_is_known_to_be_closed_is_taken_away(
    rows: Rows, clock: SetClock, unreadable: bool
) -> None:
    """A rental that cannot be read keeps its rows; a closed one does not."""
    outputs, recorder = made(rows, clock)
    outputs.talk(RENTAL, "k1", "s1").asked("m1", cell_id="one", code="one")
    await recorder.write()
    rows.found = rental(RENTAL, state=State.CLOSED)
    rows.fault = unreadable

    _, second = made(rows, clock)
    assert await second.restore() == []
    rows.fault = False
    await second.write()

    assert len(rows.rows) == int(unreadable)


def relays_recorder(
    rows: Rows, clock: SetClock, name: str, others: Collection[str]
) -> tuple[Outputs, Recorder]:
    outputs = Outputs(documents=Files(), routes=Routes())

    async def there() -> Collection[str]:
        return others

    return outputs, Recorder(
        store=rows,
        outputs=outputs,
        clock=clock,
        wake=Wake(),
        seal=TextSeal("a secret", "recordings"),
        keeper=name,
        others=there,
    )


async def test_what_a_dead_relay_kept_another_takes_over_once(rows: Rows, clock: SetClock) -> None:
    """While it is there it is left alone; what one's own is comes only once."""
    dead, recorder = relays_recorder(rows, clock, "relay-1", [])
    dead.talk(RENTAL, "k1", "s1").asked("m1", cell_id="one", code="one")
    await recorder.write()

    others = ["relay-1"]
    outputs, second = relays_recorder(rows, clock, "relay-2", others)
    outputs.talk(RENTAL, "k2", "s2").asked("m2", cell_id="two", code="two")
    await second.write()
    assert await second.restore() == []
    assert len(outputs.held(RENTAL)) == 1

    others.clear()
    (restored,) = await second.restore()
    assert (restored.kernel_id, restored.talk.session_id) == ("k1", "s1")
    assert await second.restore() == []
    assert len(outputs.held(RENTAL)) == 2
    assert {row.keeper for row in rows.rows.values()} == {"relay-2"}


async def test_one_process_alone_takes_over_what_relays_kept(rows: Rows, clock: SetClock) -> None:
    """Back from several processes to one nothing is left behind."""
    dead, recorder = relays_recorder(rows, clock, "relay-1", [])
    dead.talk(RENTAL, "k1", "s1").asked("m1", cell_id="one", code="one")
    await recorder.write()

    _, alone = made(rows, clock)

    assert len(await alone.restore()) == 1
    assert {row.keeper for row in rows.rows.values()} == {""}
