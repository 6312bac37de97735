"""What the rented machine does that stops us."""

from __future__ import annotations

from bot.errors.root import BotError


class Machine(BotError):
    """The rented machine itself is in the way."""

    public = "The machine is not answering as it should."
    hint = "Try again in a minute; its card says how it is."


class Unreachable(Machine):
    """SSH is refused, times out or breaks; worth trying again until the deadline."""

    public = "The machine cannot be reached."
    hint = "We keep trying; the card says since when."


class HostKeyChanged(Machine):
    """The address answers with another host key than the pinned one. Never connected to."""

    public = "Another machine answers at this machine's address, so we do not connect."
    hint = "A lead should look at it in the Vast console."


class CommandFailed(Machine):
    """A command on the machine ended with a status other than 0."""

    public = "A command on the machine failed."

    def __init__(self, detail: str, *, status: int, stderr: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.stderr = stderr


class NotebookFailed(Machine):
    """Jupyter is not there and cannot be installed, or does not start."""

    public = "Jupyter could not be started on the machine."
    hint = "Try another image or another machine."


class LacksTools(Machine):
    """The machine has not what archiving takes: GNU find and tar, coreutils, zstd or gzip."""

    public = "This machine lacks the tools to archive its files."
    hint = "Copy your files away by hand, or install what is missing and try again."


class DiskFull(Machine):
    """There is not enough room on the machine for what is restored."""

    public = "The machine's disk is too small for this archive."
    hint = "Rent one with a larger disk; the archive is untouched."


class RestoreFailed(Machine):
    """After a restore the machine does not hold what the manifest says. The archive is whole."""

    public = "The files on the machine are not what was archived."
    hint = "The archive is untouched: restore again, or onto another machine."
