"""The buttons of stored archives."""

from __future__ import annotations

from typing import Protocol, cast

from cogs.ui.buttons.button import Press, Style, button


class Shelves(Protocol):
    """The cog about archives."""

    async def really_delete(self, press: Press, archive_id: str) -> None: ...
    async def keep(self, press: Press) -> None: ...
    async def keep_longer(self, press: Press, archive_id: str) -> None: ...


def cog(press: Press) -> Shelves:
    return cast(Shelves, press.client.get_cog("archives"))


# The second press: deletes.
DeleteArchive = button(
    "archive-delete",
    "Delete it",
    Style.danger,
    lambda press, archive: cog(press).really_delete(press, archive),
)

KeepArchive = button(
    "archive-keep",
    "Keep it",
    Style.secondary,
    lambda press, _archive: cog(press).keep(press),
)

# For all archives whose time ends on the day that the letter is about.
KeepLonger = button(
    "archive-longer",
    "Keep longer",
    Style.success,
    lambda press, archive: cog(press).keep_longer(press, archive),
)

BUTTONS = (
    DeleteArchive,
    KeepArchive,
    KeepLonger,
)
