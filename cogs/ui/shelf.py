"""The cards about archives: a page of them, and the question before one is deleted."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.domain.archives import Archive
from bot.services.downloads import Offered
from cogs.ui import buttons, look

PAGE = 15


def page(found: Sequence[Archive]) -> look.Card:
    """The newest, each with its size and when it was proven."""
    if not found:
        return look.card(
            "### No archives yet\n/save makes one and keeps the machine; /destroy makes one first."
        )
    shown = found[:PAGE]
    more = f"-# and {len(found) - PAGE} older ones" if len(found) > PAGE else ""
    return look.card(
        f"### {len(found)} archive{'s' if len(found) > 1 else ''}",
        look.lines(*(_row(one) for one in shown), more),
        "-# Each was read back and compared with the machine file by file. "
        "/archives restore puts one onto a new machine.",
    )


def sure(archive: Archive) -> look.Card:
    return look.card(
        f"### Delete the archive of {look.clean(archive.name, 80)}?\n"
        f"{look.size(archive.bytes)}, {archive.entries:,} files and folders. "
        "It cannot be brought back.",
        controls=[buttons.DeleteArchive(archive.id), buttons.KeepArchive(archive.id)],
    )


def deleted(archive: Archive) -> look.Card:
    return look.card(f"### Deleted\nThe archive of {look.clean(archive.name, 80)} is gone.")


def kept() -> look.Card:
    return look.card("### Kept\nNothing was deleted.")


def link(offered: Offered) -> look.Card:
    """The link to a download; as good as a key, so it is private, brief and used once."""
    what = f"{look.verbatim(offered.path, 200)} of " if offered.path else ""
    button: discord.ui.Button[look.Card] = discord.ui.Button(label="Download", url=offered.url)
    whole = (
        "Everything comes as one .tar.gz: Windows 11 and macOS open it by double click, "
        "older Windows with tar -xf in its command prompt."
    )
    return look.card(
        f"### Download {what}{look.clean(offered.archive.name, 80)}\n"
        f"{look.size(offered.bytes)} of files, before compression. {whole if not what else ''}\n"
        "This link is yours alone. It works once, within 10 minutes.",
        controls=[button],
    )


def _row(archive: Archive) -> str:
    proven = f"proven {look.ago(archive.proven_at)}" if archive.proven_at else "not proven"
    return (
        f"**{look.clean(archive.name, 60)}** · {look.size(archive.bytes)}\n"
        f"-# {archive.entries:,} files and folders · {proven} · {archive.id}"
    )
