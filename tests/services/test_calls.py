"""Questions between processes: answered, refused in words, or not answered at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.domain.archives import ArchiveId
from bot.domain.rentals import Rental, RentalId
from bot.errors import Busy
from bot.services.calls import Answer, Calls
from bot.services.far_archives import FarArchives, Work
from bot.services.far_wakes import FarWake, serve
from bot.tasks import Tasks, Wake
from tests.builders import a_rental
from tests.services.wires import Wires


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    made = Tasks()
    yield made
    await made.aclose()


async def test_an_answer_comes_back_to_who_asked(tasks: Tasks) -> None:
    """Each to its own question, blanks and all; errors of the house in their public words."""
    wires = Wires()
    asking, answering = Calls(wires=wires, tasks=tasks), Calls(wires=wires, tasks=tasks)

    async def double(about: str) -> str:
        if not about:
            raise Busy("nothing", public="Nothing was given.")
        return f"{about} {about}"

    answering.answer("double", double)

    one, two = await asyncio.gather(
        asking.ask("double", "a b", within_s=20), asking.ask("double", "", within_s=20)
    )

    assert one == [Answer(True, "a b a b")]
    assert two == [Answer(False, "Nothing was given.")]


async def test_of_several_that_answer_all_are_heard(tasks: Tasks) -> None:
    """As relays are asked, each for what it keeps."""
    wires = Wires()
    asking = Calls(wires=wires, tasks=tasks)
    for name in ("x", "y"):

        async def say(_: str, name: str = name) -> str:
            return name

        Calls(wires=wires, tasks=tasks).answer("who", say)

    answers = await asking.ask("who", "", within_s=20, answers=2)

    assert sorted(one.words for one in answers) == ["x", "y"]


async def test_where_nobody_answers_there_is_no_answer(
    tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever has to delete an archive says so, rather than doing it beside a save."""
    wires = Wires()
    wires.down = True
    calls = Calls(wires=wires, tasks=tasks)

    assert await calls.ask("who", "", within_s=0.05) == []

    monkeypatch.setattr("bot.services.far_archives.DELETE_S", 0.05)
    with pytest.raises(Busy, match="nobody answered"):
        await FarArchives(calls=calls).delete(ArchiveId("a1"))


async def test_a_far_hint_wakes_who_serves_it() -> None:
    """And nobody else; also when the wires were down, since a hint may have been missed."""
    wires, here, other = Wires(), Wake(), Wake()
    serve(wires, "news", here)
    serve(wires, "keys", other)

    FarWake(wires=wires, name="news").set()

    await here.wait(20)
    assert not other._event.is_set()
    wires.tell("again")
    await other.wait(20)
    await here.wait(20)


async def test_the_chat_has_archives_deleted_and_work_measured_by_the_worker(tasks: Tasks) -> None:
    """Which alone knows what a save builds on; what keeps it from it comes back in words."""
    wires, deleted = Wires(), []
    rental = a_rental()

    class Archives:
        async def delete(self, archive_id: ArchiveId) -> None:
            if archive_id in deleted:
                raise Busy("in use", public="It is being read.")
            deleted.append(archive_id)

    async def measure(_: Rental) -> int:
        return 12_345

    async def find(rental_id: RentalId) -> Rental | None:
        return rental if rental_id == rental.id else None

    work = Work(archives=Archives(), measure=measure, rental=find)  # type: ignore[arg-type]
    work.answer(Calls(wires=wires, tasks=tasks))
    far = FarArchives(calls=Calls(wires=wires, tasks=tasks))

    await far.delete(ArchiveId("a1"))
    assert deleted == ["a1"]
    with pytest.raises(Busy) as caught:
        await far.delete(ArchiveId("a1"))
    assert caught.value.public == "It is being read."
    assert await far.measure(rental) == 12_345
