"""The buttons of the question that an idle machine asks, and of an archive that is too large."""

from __future__ import annotations

from typing import Protocol, cast

from cogs.ui.buttons.button import Press, Style, button


class Keeping(Protocol):
    """The cog that answers for a machine that looks idle."""

    async def keep_hours(self, press: Press, rental_id: str) -> None: ...
    async def keep_tomorrow(self, press: Press, rental_id: str) -> None: ...
    async def archive_and_end(self, press: Press, rental_id: str) -> None: ...
    async def archive_and_stay(self, press: Press, rental_id: str) -> None: ...
    async def allow_archive(self, press: Press, rental_id: str, *, ends: bool) -> None: ...
    async def call_off(self, press: Press, rental_id: str) -> None: ...
    async def give_up(self, press: Press, rental_id: str) -> None: ...


def cog(press: Press) -> Keeping:
    return cast(Keeping, press.client.get_cog("Keep"))


KeepHours = button(
    "keep",
    "Keep 4 h",
    Style.success,
    lambda press, rental: cog(press).keep_hours(press, rental),
    suffix=":4h",
)

KeepTomorrow = button(
    "keep",
    "Keep until tomorrow",
    Style.secondary,
    lambda press, rental: cog(press).keep_tomorrow(press, rental),
    suffix=":tomorrow",
)

ArchiveAndEnd = button(
    "save",
    "Archive and destroy now",
    Style.danger,
    lambda press, rental: cog(press).archive_and_end(press, rental),
    suffix=":end",
)

ArchiveAndStay = button(
    "save",
    "Archive now, keep running",
    Style.secondary,
    lambda press, rental: cog(press).archive_and_stay(press, rental),
    suffix=":stay",
)

# Below the question about a large archive, as the next three.
LargeAndStay = button(
    "large",
    "Archive anyway, keep running",
    Style.success,
    lambda press, rental: cog(press).allow_archive(press, rental, ends=False),
    suffix=":stay",
)

LargeAndEnd = button(
    "large",
    "Archive anyway, then destroy",
    Style.danger,
    lambda press, rental: cog(press).allow_archive(press, rental, ends=True),
    suffix=":end",
)

CallOff = button(
    "calloff",
    "Do not archive, keep running",
    Style.secondary,
    lambda press, rental: cog(press).call_off(press, rental),
)

# Asks once more before work is given up.
GiveUp = button(
    "giveup",
    "Destroy without archive",
    Style.secondary,
    lambda press, rental: cog(press).give_up(press, rental),
)

BUTTONS = (
    KeepHours,
    KeepTomorrow,
    ArchiveAndEnd,
    ArchiveAndStay,
    LargeAndStay,
    LargeAndEnd,
    CallOff,
    GiveUp,
)
