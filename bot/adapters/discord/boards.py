"""Boards in their channels, written with the bot's own rights.

A board is recognised by the number of its outermost component, as a letter is, and carries its id
as nonce when it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import discord

from bot.adapters.discord.border import Messenger, edit, find, parts, translated
from bot.adapters.discord.mail import FIRST_NUMBER
from bot.domain.boards import Board, Said, Scene
from bot.errors import Unavailable

Render = Callable[[Scene], discord.ui.LayoutView]

_DEADLINE_S = 20


class DiscordPanels:
    """`ports.Panels` on Discord. `render` makes the message, `said` what is compared."""

    def __init__(self, *, client: Messenger, render: Render, said: Callable[[Scene], Said]) -> None:
        self._client = client
        self._render = render
        self._said = said

    def ready(self) -> bool:
        return self._client.is_ready()

    def saying(self, scene: Scene) -> Said:
        return self._said(scene)

    async def show(self, board: Board, scene: Scene) -> int | None:
        channel = self._channel(board)
        view = self._render(scene)
        view.children[0].id = number(board)
        with translated(), _closed_for_now():
            async with asyncio.timeout(_DEADLINE_S):
                if board.message_id is not None:
                    there = await edit(channel, board.message_id, view)
                    return board.message_id if there else None
                if board.tries > 0:
                    found = await self._earlier(channel, board)
                    if found is not None and await edit(channel, found, view):
                        return found
                message = await channel.send(
                    view=view,
                    nonce=board.id,
                    silent=True,
                    allowed_mentions=discord.AllowedMentions.none(),
                )
                return message.id

    async def remove(self, board: Board) -> None:
        if board.earlier_id is None:
            return
        message = self._channel(board).get_partial_message(board.earlier_id)
        with translated():
            async with asyncio.timeout(_DEADLINE_S):
                await message.delete()

    async def _earlier(self, channel: discord.PartialMessageable, board: Board) -> int | None:
        """The message of a try whose answer was lost."""
        wanted = number(board)
        return await find(
            self._client,
            channel,
            lambda one: any(part.id == wanted for part in parts(one.components)),
        )

    def _channel(self, board: Board) -> discord.PartialMessageable:
        return self._client.get_partial_messageable(board.channel_id, guild_id=board.guild_id)


def number(board: Board) -> int:
    """The number of a board's outermost component, within Discord's 31 bits."""
    return FIRST_NUMBER + int(board.id[:7], 16)


@contextmanager
def _closed_for_now() -> Iterator[None]:
    """A right that was taken from us may be given back: then the board goes on by itself."""
    try:
        yield
    except discord.Forbidden as error:
        raise Unavailable(f"closed to us: {error.code} {error.text}") from error
