"""What every message of ours needs of Discord's library: its errors as ours, edits, components."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import aiohttp
import discord

from bot.errors import Unavailable, Undeliverable

_UNKNOWN_MESSAGE = 10008


class Messenger(Protocol):
    """The part of the Discord client that is needed here."""

    @property
    def user(self) -> discord.ClientUser | None: ...

    def is_ready(self) -> bool: ...

    def get_partial_messageable(
        self, id: int, *, guild_id: int | None = None
    ) -> discord.PartialMessageable: ...

    async def create_dm(self, user: discord.abc.Snowflake) -> discord.DMChannel: ...


async def edit(
    channel: discord.PartialMessageable, message_id: int, view: discord.ui.LayoutView
) -> bool:
    """Whether the message is there and shows the card now."""
    message = channel.get_partial_message(message_id)
    try:
        await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())
    except discord.NotFound as error:
        if error.code != _UNKNOWN_MESSAGE:
            raise
        return False
    return True


def parts(components: Any) -> Iterator[Any]:
    """All components of a message, those within others too."""
    for component in components:
        yield component
        yield from parts(getattr(component, "children", ()))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Discord's errors become ours: what may pass is Unavailable, what will not Undeliverable."""
    try:
        yield
    except (discord.Forbidden, discord.NotFound) as error:
        raise Undeliverable(f"{error.status} {error.code}: {error.text}") from error
    except discord.RateLimited as error:
        raise Unavailable(f"rate limited for {error.retry_after:.0f} s") from error
    except discord.HTTPException as error:
        detail = f"{error.status} {error.code}: {error.text}"
        if error.status in (401, 429) or error.status >= 500:
            raise Unavailable(detail) from error
        raise Undeliverable(detail) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from error
