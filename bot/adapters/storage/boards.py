"""Boards in the database: one row a channel. Every change is of the board with that id, so what is
known of one that was put up anew meanwhile is not overwritten."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Row, delete, func, select, update

from bot.adapters.storage.tables import boards
from bot.adapters.storage.unit import Part, inserting
from bot.domain.boards import Board, Said


class SqlBoards(Part):
    async def boards(self) -> list[Board]:
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(boards).order_by(boards.c.channel_id))).all()
        return [_board(row) for row in rows]

    async def put_up_board(self, guild_id: int, channel_id: int) -> Board:
        now = self._clock.now()
        async with self._database.writing() as connection:
            new = inserting(connection, boards).values(
                channel_id=channel_id,
                id=secrets.token_hex(12),
                guild_id=guild_id,
                put_up_at=now,
                machines="",
                figures="",
                next_at=now,
                tries=0,
                error="",
            )
            anew = new.on_conflict_do_update(
                index_elements=[boards.c.channel_id],
                set_={
                    "id": new.excluded.id,
                    "guild_id": guild_id,
                    "put_up_at": now,
                    "message_id": None,
                    "earlier_id": func.coalesce(boards.c.message_id, boards.c.earlier_id),
                    "machines": "",
                    "figures": "",
                    "shown_at": None,
                    "next_at": now,
                    "tries": 0,
                    "error": "",
                },
            )
            row = (await connection.execute(anew.returning(boards))).one()
        return _board(row)

    async def board_tried(self, board: Board) -> None:
        await self._change_board(board, tries=boards.c.tries + 1)

    async def board_shown(self, board: Board, now: datetime, message_id: int, said: Said) -> bool:
        return await self._change_board(
            board,
            message_id=message_id,
            machines=said.machines,
            figures=said.figures,
            shown_at=now,
            next_at=now,
            tries=0,
            error="",
        )

    async def board_waits(self, board: Board, *, next_at: datetime, error: str) -> None:
        await self._change_board(board, next_at=next_at, error=error)

    async def board_cleared(self, board: Board) -> None:
        await self._change_board(board, earlier_id=None)

    async def take_down_board(self, board: Board) -> bool:
        async with self._database.writing() as connection:
            gone = await connection.execute(delete(boards).where(boards.c.id == board.id))
        return gone.rowcount > 0

    async def _change_board(self, board: Board, **values: object) -> bool:
        change = update(boards).where(boards.c.id == board.id).values(**values)
        async with self._database.writing() as connection:
            changed = await connection.execute(change)
        return changed.rowcount > 0


def _board(row: Row[tuple[object, ...]]) -> Board:
    return Board(
        id=row.id,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        message_id=row.message_id,
        earlier_id=row.earlier_id,
        said=Said(row.machines, row.figures),
        shown_at=row.shown_at,
        next_at=row.next_at,
        tries=row.tries,
    )
