"""The cards about archives: a page of them, and the question before one is deleted."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.archives import Archive
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
        f"{size(archive.bytes)}, {archive.entries:,} files and folders. "
        "It cannot be brought back.",
        controls=[buttons.DeleteArchive(archive.id), buttons.KeepArchive(archive.id)],
    )


def deleted(archive: Archive) -> look.Card:
    return look.card(f"### Deleted\nThe archive of {look.clean(archive.name, 80)} is gone.")


def kept() -> look.Card:
    return look.card("### Kept\nNothing was deleted.")


def size(count: int) -> str:
    """Bytes as people say them: 14.5 kB, 3.2 GB."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return (
                f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
            )
        amount /= 1000
    return f"{amount:.1f} TB"


def _row(archive: Archive) -> str:
    proven = f"proven {look.ago(archive.proven_at)}" if archive.proven_at else "not proven"
    return (
        f"**{look.clean(archive.name, 60)}** · {size(archive.bytes)}\n"
        f"-# {archive.entries:,} files and folders · {proven} · {archive.id}"
    )
