"""What the archive store, Discord and our own database do that stops us."""

from __future__ import annotations

from bot.errors.root import BotError


class Place(BotError):
    """The place where archives lie is in the way."""

    public = "The archive store is not answering as it should."


class PlaceDown(Place):
    """No connection, a time-out, no right, no room, a wrong bucket: nothing is known, try again."""

    public = "The archive store cannot be used right now."
    hint = "A lead should check BELLHOP_ARCHIVE_URL; `bellhop check` says what is wrong."


class Damaged(Place):
    """Something in the place is lost, cut short or altered. Nothing of it is handed out."""

    public = "This archive is damaged: a part of it is lost or was changed."
    hint = "A lead should look at the archive store; an older archive may be whole."


class Foreign(Place):
    """Written by an installation with another secret, so it cannot be read here."""

    public = "This archive was written by another Bellhop, and cannot be read with our secret."
    hint = "A lead can restore the BELLHOP_SECRET it was written with."


class Chat(BotError):
    """Discord did not take a message of ours."""

    public = "Discord did not take our message."


class Unavailable(Chat):
    """A time-out, a 5xx or a rate limit: worth trying again."""


class Undeliverable(Chat):
    """The channel is deleted, or we may not write there. Trying again is pointless."""

    public = "We may not write in that channel."
    hint = "A lead can give the bot the right to send messages there."


class Backup(BotError):
    """A backup cannot be written, read or restored; nothing was changed by the attempt."""

    public = "That backup cannot be used."
    hint = ""


class Store(BotError):
    """The database refused or is away."""

    public = "Our database is not answering."
    hint = "Try again in a minute."


class Away(Store):
    """No connection, one that was ended, or no answer in time. Whether what was being written is
    written is not known; guarded changes and unique keys make trying again safe.
    """


class Unreadable(Store):
    """Something in it was altered, or sealed with another secret. It is of no use any more."""

    public = "Something in our database cannot be read with our secret."
    hint = "A lead can restore the BELLHOP_SECRET it was written with."


class Stale(Store):
    """The row is no longer as it was read: somebody else moved it. Drop the result."""

    public = "This machine has just changed."
    hint = "Look at its card and try again."
