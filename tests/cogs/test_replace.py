"""Replace, on the card of a ready machine that its owner cannot get to any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.archives import Archive, ArchiveId, ArchiveState
from bot.domain.rentals import Rental, RentalId
from tests.cogs.conftest import Chat, text

HOUR = timedelta(hours=1)


async def _broken(chat: Chat, **changes: Any) -> Rental:
    """A machine of Ada's with a disk of 30 GB, whose way to the notebook broke just now."""
    rental = await chat.ready(gpu="RTX 4090")
    rental = await chat.change(rental.id, broken_since=chat.clock.now(), **changes)
    await chat.deliver()
    return rental


async def archived(chat: Chat, rental_id: RentalId, archive_id: str, size: int = 10**9) -> Archive:
    """An archive of Ada's, proven at this moment."""
    now = chat.clock.now()
    running = Archive(
        id=ArchiveId(archive_id),
        rental_id=rental_id,
        guild_id=chat.guild.id,
        owner_id=chat.ada.id,
        name="work",
        state=ArchiveState.RUNNING,
        root="/workspace",
        started_at=now,
        touched_at=now,
    )
    await chat.store.begin_archive(running)
    proven = replace(
        running, state=ArchiveState.COMMITTED, proven_at=now, manifest="0" * 64, bytes=size
    )
    await chat.store.keep_archive(proven)
    return proven


async def test_the_archive_of_the_night_is_put_onto_the_new_machine(chat: Chat) -> None:
    """It is newer than what was saved by hand, or all there is."""
    now = chat.clock.now()
    nightly = {"ahead_id": "nghtly", "ahead_at": now - HOUR}
    rental = await _broken(chat, **nightly)
    await archived(chat, rental.id, "nghtly")

    quote = await chat.ada.click(chat.cards[-1], label="Replace")
    await chat.change(rental.id, archive_id="byhand", proven_at=now - 9 * HOUR)
    newer = await chat.ada.click(chat.cards[-1], label="Replace")

    stamp = int((now - HOUR).timestamp())
    for shown in (text(quote.response), text(newer.response)):
        assert "With the archive nghtly put onto it" in shown
        assert f"The newest archive, proven <t:{stamp}:R>, is put onto it." in shown


async def test_a_machine_whose_archive_was_deleted_can_still_be_replaced(chat: Chat) -> None:
    """The row goes on naming it; then the next older one is taken, or none."""
    now = chat.clock.now()
    rental = await _broken(chat, archive_id="gone", proven_at=now)

    none = await chat.ada.click(chat.cards[-1], label="Replace")
    await chat.change(rental.id, ahead_id="nghtly", ahead_at=now - HOUR)
    await archived(chat, rental.id, "nghtly")
    older = await chat.ada.click(chat.cards[-1], label="Replace")

    assert "There is no archive of the old machine" in text(none.response)
    stamp = int((now - HOUR).timestamp())
    assert f"The newest archive, proven <t:{stamp}:R>, is put onto it." in text(older.response)


async def test_the_new_disk_has_room_for_what_the_old_one_held(chat: Chat) -> None:
    """A disk that was nearly full is no reason to refuse: nobody could say a size here."""
    rental = await _broken(chat, archive_id="large", proven_at=chat.clock.now())
    await archived(chat, rental.id, "large", size=25 * 10**9)

    quote = await chat.ada.click(chat.cards[-1], label="Replace")

    assert "37 GB disk" in text(quote.response)
    assert "With the archive large put onto it" in text(quote.response)
