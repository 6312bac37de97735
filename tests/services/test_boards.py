"""Keeping boards: lost answers, boards that are put up meanwhile, and those that nobody lets us
write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.domain.boards import APART, MOST_TRIES, Board, Said, Scene
from bot.errors import Chat, Unavailable, Undeliverable
from bot.ports.books import Store
from bot.services.account import AccountWatch
from bot.services.boards import BoardKeeper, Boards
from bot.services.budgets import Budgets
from bot.services.credit import Credit
from bot.services.policy import Policies
from bot.tasks import Wake
from tests.builders import CHANNEL, GUILD, SetClock, begun
from tests.services.worlds import DictMarket


@dataclass
class Walls:
    """Channels in a dict: message by channel. `trouble` is raised by what is done next."""

    standing: dict[int, list[int]] = field(default_factory=dict)
    trouble: list[Chat] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[object]] | None = None
    online: bool = True
    written: int = 0

    def ready(self) -> bool:
        return self.online

    def saying(self, scene: Scene) -> Said:
        return Said(f"{len(scene.lines)} machines", str(scene.figures.funds))

    async def show(self, board: Board, scene: Scene) -> int | None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.written += 1
        stands = self.standing.setdefault(board.channel_id, [])
        if board.message_id is not None:
            return board.message_id if board.message_id in stands else None
        stands.append(100 + self.written)
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        return stands[-1]

    async def remove(self, board: Board) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        stands = self.standing.get(board.channel_id, [])
        self.standing[board.channel_id] = [one for one in stands if one != board.earlier_id]


@dataclass
class Hall:
    store: Store
    clock: SetClock
    walls: Walls
    boards: Boards
    keeper: BoardKeeper

    async def up(self) -> int:
        """A board that stands; its message."""
        await self.boards.put_up(GUILD, CHANNEL)
        assert await self.keeper.look() == 1
        return self.walls.standing[CHANNEL][-1]


@pytest.fixture
def hall(store: Store, clock: SetClock) -> Hall:
    walls, policies, hung = Walls(), Policies(store=store), Wake()
    return Hall(
        store=store,
        clock=clock,
        walls=walls,
        boards=Boards(store=store, hung=hung),
        keeper=BoardKeeper(
            store=store,
            panels=walls,
            budgets=Budgets(store=store, clock=clock, wake=Wake(), news=Wake()),
            credit=Credit(
                store=store,
                market=DictMarket(offers=[]),
                policies=policies,
                clock=clock,
                wake=Wake(),
                telling=Wake(),
            ),
            account=AccountWatch(),
            policies=policies,
            clock=clock,
            hung=hung,
        ),
    )


async def test_nothing_is_tried_before_discord_is_there(hall: Hall) -> None:
    """Nor counted as a try."""
    hall.walls.online = False
    board = await hall.boards.put_up(GUILD, CHANNEL)

    assert await hall.keeper.look() == 0

    assert await hall.store.boards() == [board]


async def test_a_board_asked_for_while_it_is_sent_stands_once(hall: Hall) -> None:
    """The message that comes too late is taken away; the newer one stays."""
    hall.walls.meanwhile = lambda: hall.boards.put_up(GUILD, CHANNEL)
    await hall.boards.put_up(GUILD, CHANNEL)
    await hall.keeper.look()
    assert hall.walls.standing[CHANNEL] == []

    await hall.keeper.look()

    (board,) = await hall.store.boards()
    assert hall.walls.standing[CHANNEL] == [board.message_id]


async def test_the_message_before_it_goes_even_if_that_fails_at_first(hall: Hall) -> None:
    """The next round tries again, though the board itself has nothing new to say."""
    first = await hall.up()
    await hall.boards.put_up(GUILD, CHANNEL)
    hall.walls.meanwhile = lambda: _fail(hall, Unavailable("503"))
    await hall.keeper.look()
    assert first in hall.walls.standing[CHANNEL]

    assert await hall.keeper.look() == 0

    (board,) = await hall.store.boards()
    assert hall.walls.standing[CHANNEL] == [board.message_id]
    assert board.earlier_id is None


async def test_a_board_that_cannot_move_leaves_no_old_one_behind(hall: Hall) -> None:
    """Nobody would keep that one true."""
    await hall.up()
    await hall.boards.put_up(GUILD, CHANNEL)
    hall.walls.trouble = [Undeliverable("404 10003")]

    await hall.keeper.look()

    assert hall.walls.standing[CHANNEL] == []
    assert await hall.store.boards() == []


async def test_what_may_pass_is_tried_later_and_at_last_given_up(hall: Hall) -> None:
    """It goes on where it stands once Discord takes it again; after two days it is forgotten."""
    message = await hall.up()
    await begun(hall.store)
    hall.clock.turn(APART)
    hall.walls.trouble = [Unavailable("403 50013")]
    assert await hall.keeper.look() == 0
    assert await hall.keeper.look() == 0
    hall.clock.turn(timedelta(hours=1))
    assert await hall.keeper.look() == 1
    assert hall.walls.standing[CHANNEL] == [message]

    for _ in range(MOST_TRIES + 1):
        hall.clock.turn(timedelta(hours=1))
        hall.walls.trouble = [Unavailable("403 50001")]
        await hall.keeper.look()

    assert await hall.store.boards() == []


async def test_one_channel_in_trouble_holds_up_no_other(hall: Hall) -> None:
    """Each board is its own affair."""
    await hall.boards.put_up(GUILD, CHANNEL)
    await hall.boards.put_up(GUILD, CHANNEL + 1)
    hall.walls.trouble = [Unavailable("503")]

    assert await hall.keeper.look() == 1


async def test_a_board_put_up_wakes_the_keeper(store: Store) -> None:
    """It appears at once, not at the next look."""
    hung = Wake()
    async with asyncio.timeout(30):
        waiting = asyncio.gather(hung.wait(60))
        await asyncio.sleep(0)

        await Boards(store=store, hung=hung).put_up(GUILD, CHANNEL)

        await waiting


async def _fail(hall: Hall, error: Chat) -> None:
    hall.walls.trouble.append(error)
