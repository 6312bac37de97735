"""Boards: the rows that say where each stands, and the messages themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bot.domain.boards import Board, Said, Scene


class Boards(Protocol):
    async def boards(self) -> list[Board]:
        """All that stand somewhere or are on their way."""
        ...

    async def put_up_board(self, guild_id: int, channel_id: int) -> Board:
        """Have a channel's one board sent anew, under a new id; its message so far has to go."""
        ...

    async def board_tried(self, board: Board) -> None:
        """Note, before the call, that sending is being tried."""
        ...

    async def board_shown(self, board: Board, now: datetime, message_id: int, said: Said) -> bool:
        """It stands there and says that; False where it was put up anew or taken down meanwhile."""
        ...

    async def board_waits(self, board: Board, *, next_at: datetime, error: str) -> None: ...

    async def board_cleared(self, board: Board) -> None:
        """The message before it is gone."""
        ...

    async def take_down_board(self, board: Board) -> bool:
        """Forget it, unless it was put up anew meanwhile; whether it was there."""
        ...


class Panels(Protocol):
    """Boards in chat."""

    def ready(self) -> bool:
        """Whether anything can be sent now; before that, nothing counts as a try."""
        ...

    def saying(self, scene: Scene) -> Said:
        """What a board would say, to be compared with what it says."""
        ...

    async def show(self, board: Board, scene: Scene) -> int | None:
        """Send a board, or edit it where it stands; returns its message, None once deleted.

        Safe to repeat: a new message carries the board's id as nonce, and a try that may have gone
        through before is looked for first. Raises Undeliverable for good (the channel is gone) and
        Unavailable for what may pass, a right that was taken from us too.
        """
        ...

    async def remove(self, board: Board) -> None:
        """Delete the message before it; one that is gone already is as good. Raises as `show`."""
        ...
