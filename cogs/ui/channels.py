"""Channels of a server, and what we may do there."""

from __future__ import annotations

import discord


def may_write(channel: discord.abc.GuildChannel) -> bool:
    """Whether we may; not as long as Discord has told only half of the server."""
    own: discord.Member | None = channel.guild.me
    if own is None:
        return False
    may = channel.permissions_for(own)
    return may.view_channel and may.send_messages
