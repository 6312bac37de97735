"""Boards over both databases: one a channel, and nothing of an older one survives a newer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.boards import Said
from bot.domain.idle_memory import begin
from bot.domain.rentals import RentalId
from bot.ports.books import Store
from tests.builders import CHANNEL, GUILD, NOW, begun

SAID = Said("m" * 64, "f" * 64)


async def test_a_channel_has_one_board_which_is_read_back_whole(store: Store) -> None:
    """Put up again it has a new id, and its message so far has to go."""
    first = await store.put_up_board(GUILD, CHANNEL)
    await store.put_up_board(GUILD, CHANNEL + 1)
    assert await store.board_shown(first, NOW, 5, SAID)

    again = await store.put_up_board(GUILD, CHANNEL)

    assert again.id != first.id
    assert (again.message_id, again.earlier_id, again.shown_at) == (None, 5, None)
    assert again.said == Said()
    assert [one.channel_id for one in await store.boards()] == [CHANNEL, CHANNEL + 1]
    assert (await store.boards())[0] == again


async def test_what_is_known_of_an_older_board_changes_nothing(store: Store) -> None:
    """It was sent, failed or was deleted while the command came again."""
    first = await store.put_up_board(GUILD, CHANNEL)
    again = await store.put_up_board(GUILD, CHANNEL)

    assert not await store.board_shown(first, NOW, 5, SAID)
    assert not await store.take_down_board(first)
    await store.board_waits(first, next_at=NOW + timedelta(hours=1), error="503")

    assert await store.boards() == [again]


async def test_the_message_before_the_last_is_not_forgotten(store: Store) -> None:
    """Put up again before it was sent: what stands there still has to go, until it is gone."""
    first = await store.put_up_board(GUILD, CHANNEL)
    await store.board_shown(first, NOW, 5, SAID)
    await store.put_up_board(GUILD, CHANNEL)
    third = await store.put_up_board(GUILD, CHANNEL)
    assert third.earlier_id == 5

    await store.board_cleared(third)

    assert await store.boards() == [replace(third, earlier_id=None)]


async def test_tries_are_counted_until_it_is_shown(store: Store) -> None:
    """And a board that is taken down is gone."""
    board = await store.put_up_board(GUILD, CHANNEL)
    await store.board_tried(board)
    await store.board_tried(board)
    later = NOW + timedelta(minutes=1)
    await store.board_waits(board, next_at=later, error="half a surrogate \ud800")
    (waiting,) = await store.boards()
    assert (waiting.tries, waiting.next_at) == (2, later)

    await store.board_shown(waiting, later, 7, SAID)

    (shown,) = await store.boards()
    assert (shown.tries, shown.message_id, shown.said, shown.shown_at) == (0, 7, SAID, later)
    assert await store.take_down_board(shown)
    assert await store.boards() == []


async def test_what_is_remembered_of_many_machines_comes_at_once(store: Store) -> None:
    """Those that nobody looked at are left out."""
    seen, unseen = await begun(store), await begun(store)
    await store.remember(seen.id, begin(NOW), version=0)

    found = await store.remembered_of([seen.id, unseen.id, RentalId("nobody")])

    assert {key: one.memory for key, one in found.items()} == {seen.id: begin(NOW)}
