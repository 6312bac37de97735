"""Boards: put up by command, then kept true by themselves.

A board is looked at every few seconds and edited only where its words have changed, not more often
than `domain.boards.due` allows. That is decided from its row, so a restart edits nothing twice and
misses nothing. A board that somebody deleted stays deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain import boards
from bot.domain.boards import Board, Figures, Line, Said, Scene
from bot.domain.budgets import Scope
from bot.domain.money import Usd
from bot.domain.rentals import Rental
from bot.errors import BotError, Chat, Undeliverable
from bot.ports.boards import Panels
from bot.ports.books import Remembered, Store
from bot.ports.clock import Clock
from bot.services.account import AccountWatch
from bot.services.budgets import Budgets
from bot.services.credit import Credit
from bot.services.policy import Policies
from bot.services.rounds import each
from bot.services.spend import running
from bot.services.standing import look_up
from bot.tasks import Wake

log = logging.getLogger(__name__)

LOOK_S = 3.0
COUNT_EVERY = timedelta(seconds=30)
"""So old the figures of a server may be: they are sums over the month's books."""

_AT_ONCE = 8


class Boards:
    """`hung` is the hint that a board was put up."""

    def __init__(self, *, store: Store, hung: Wake) -> None:
        self._store = store
        self._hung = hung

    async def put_up(self, guild_id: int, channel_id: int) -> Board:
        """Have the channel's board sent, and the message of the one before it deleted."""
        board = await self._store.put_up_board(guild_id, channel_id)
        log.info("a board was put up in channel %s", channel_id)
        self._hung.set()
        return board


class BoardKeeper:
    """Keeps every board true."""

    def __init__(
        self,
        *,
        store: Store,
        panels: Panels,
        budgets: Budgets,
        credit: Credit,
        account: AccountWatch,
        policies: Policies,
        clock: Clock,
        hung: Wake,
    ) -> None:
        self._store = store
        self._panels = panels
        self._budgets = budgets
        self._credit = credit
        self._account = account
        self._policies = policies
        self._clock = clock
        self._hung = hung
        self._counted: dict[int, tuple[datetime, Figures]] = {}

    async def run(self) -> None:
        """A look every few seconds; for ever. One that fails is made good by the next."""
        while True:
            try:
                await self.look()
            except BotError as error:
                log.warning("the boards could not be looked at: %s", error)
            await self._hung.wait(LOOK_S)

    async def look(self) -> int:
        """One round; returns how many boards were sent or edited."""
        if not self._panels.ready():
            return 0
        standing = await self._store.boards()
        if not standing:
            return 0
        rentals = await self._store.readable_rentals()
        scenes: dict[int, Scene] = {}
        for guild_id in {one.guild_id for one in standing}:
            mine = [one for one in rentals if one.guild_id == guild_id]
            scenes[guild_id] = await self._scene(guild_id, mine)

        async def keep(board: Board) -> bool:
            return await self._keep(board, scenes[board.guild_id])

        return sum(await each(standing, keep, of=lambda one: one.channel_id, at_once=_AT_ONCE))

    async def _keep(self, board: Board, scene: Scene) -> bool:
        """Show what is due of one board, then clear the message before it away."""
        saying = self._panels.saying(scene)
        shown = boards.due(board, saying, scene.at) and await self._show(board, scene, saying)
        if board.earlier_id is not None and (shown or board.message_id is not None):
            await self._clear(board)
        return shown

    async def _show(self, board: Board, scene: Scene, saying: Said) -> bool:
        await self._store.board_tried(board)
        try:
            message_id = await self._panels.show(board, scene)
        except Undeliverable as error:
            await self._give_up(board, str(error))
            return False
        except Chat as error:
            await self._later(board, error)
            return False
        if message_id is None:
            await self._give_up(board, "its message was deleted")
            return False
        if not await self._store.board_shown(board, self._clock.now(), message_id, saying):
            await self._clear(replace(board, earlier_id=message_id))  # it was put up anew meanwhile
        return True

    async def _later(self, board: Board, error: Chat) -> None:
        pause = boards.wait(board.tries)
        if pause is None:
            await self._give_up(board, str(error))
            return
        log.warning("the board in channel %s waits for %s: %s", board.channel_id, pause, error)
        next_at = self._clock.now() + pause
        await self._store.board_waits(board, next_at=next_at, error=str(error))

    async def _give_up(self, board: Board, why: str) -> None:
        if not await self._store.take_down_board(board):
            return  # it was put up anew meanwhile
        log.info("the board in channel %s is no more: %s", board.channel_id, why)
        if board.earlier_id is not None:
            await self._clear(board)  # nobody would keep it true

    async def _clear(self, board: Board) -> None:
        try:
            await self._panels.remove(board)
        except Undeliverable as error:
            log.info("an earlier board in channel %s stays: %s", board.channel_id, error)
        except Chat as error:
            log.warning("an earlier board in channel %s still stands: %s", board.channel_id, error)
            return  # the next round tries again
        await self._store.board_cleared(board)

    # --- What they show -----------------------------------------------------------------------

    async def _scene(self, guild_id: int, rentals: Sequence[Rental]) -> Scene:
        now = self._clock.now()
        known = await self._store.remembered_of([one.id for one in rentals])
        lines = [await self._line(one, known.get(one.id), now) for one in _ordered(rentals)]
        return Scene(
            at=now,
            lines=tuple(lines),
            per_hour=Usd.sum(running(one) for one in rentals),
            figures=await self._figures(guild_id, now),
            blind_since=self._blind_since(now),
        )

    def _blind_since(self, now: datetime) -> datetime | None:
        """One listing that failed is no news to a channel."""
        blind = self._account.blind
        return blind.since if blind is not None and now - blind.since >= boards.REFRESH else None

    async def _line(self, rental: Rental, known: Remembered | None, now: datetime) -> Line:
        memory = known.memory if known is not None else None
        ends_at = None
        if memory is not None and memory.question is not None:
            standing = await look_up(self._store, rental, now, self._policies)
            told = standing is not None and standing.told
            ends_at = standing.ends_at if standing is not None and told else None
        report = known.report if known is not None else None
        return Line(rental=rental, watched=boards.watched(rental, memory, report, ends_at, now))

    async def _figures(self, guild_id: int, now: datetime) -> Figures:
        """The credit as it is known now, the budgets as they were a moment ago.

        What concerns one member is theirs to see, so only the team's and roles' budgets are here.
        """
        counted = self._counted.get(guild_id)
        if counted is None or not timedelta() <= now - counted[0] < COUNT_EVERY:
            found = await self._store.uses(guild_id, await self._budgets.month())
            shared = [one for one in found if one.subject.scope is not Scope.MEMBER]
            order = list(Scope)
            shared.sort(key=lambda one: (order.index(one.subject.scope), one.subject.id))
            counted = self._counted[guild_id] = (now, Figures(uses=tuple(shared)))
        known = self._credit.known
        stale = known.unknown_since is not None
        return replace(counted[1], funds=known.funds, stale=stale)


def _ordered(rentals: Sequence[Rental]) -> list[Rental]:
    """By person, then as they were asked for, so that a machine keeps its place on the board."""
    return sorted(
        rentals, key=lambda one: (one.owner_name.casefold(), one.owner_id, one.requested_at)
    )
