"""Memory that ran out, in words: what happened, what helps; and how full the GPU's memory is."""

from __future__ import annotations

from bot.domain.offers import Offer
from bot.domain.rentals import Rental, State
from bot.domain.shortages import Kind, Shortage, Vram
from bot.domain.standing import Standing
from cogs.ui import look

_MB_OF_GB = 1024


def of(rental: Rental, standing: Standing | None) -> Shortage | None:
    """What a ready machine lacks, as far as anybody can still do something about it."""
    report = standing.report if standing is not None else None
    there = rental.state is State.READY and rental.released_at is None
    return report.shortage if report is not None and there else None


def heading(shortage: Shortage) -> str:
    """In the place of “ready”."""
    match shortage.kind:
        case Kind.GPU_MEMORY:
            return "out of GPU memory"
        case Kind.DIED:
            return "a kernel died"
        case Kind.FULL:
            return "GPU memory full"


def told(rental: Rental, standing: Standing, shortage: Shortage) -> str:
    """What happened, and how things stand."""
    ago, seen = look.ago(shortage.at), _seen(standing)
    has = f"{_whole(rental.offer)} GB"
    held = f" {_used(seen)} of {has} were in use {look.ago(seen.at)}." if seen is not None else ""
    match shortage.kind:
        case Kind.GPU_MEMORY:
            return (
                f"**A cell ran out of GPU memory {ago}.** It wanted more than was left of the "
                f"{has} of VRAM.{held} The machine and its files are as they were."
            )
        case Kind.DIED:
            return (
                f"**A kernel died {ago}**, by itself. What was in its memory is lost, the files "
                f"are as they were. Most often memory has run out.{held}"
            )
        case Kind.FULL:
            return (
                f"**The GPU's memory is full since {ago}, and nothing computes.**{held} A kernel "
                "that has finished keeps what it took."
            )


def advice(shortage: Shortage) -> str:
    """What helps, the cheapest first."""
    return look.lines(
        "**What helps**",
        *_first(shortage),
        "- A larger GPU: the work and the address come along, and you see the price first",
    )


def line(rental: Rental, standing: Standing | None) -> str:
    """The same in a line, for /status; empty where nothing lacks."""
    shortage = of(rental, standing)
    if shortage is None:
        return ""
    match shortage.kind:
        case Kind.GPU_MEMORY:
            return f"A cell ran out of GPU memory {look.ago(shortage.at)}; its card says what helps"
        case Kind.DIED:
            return f"A kernel died {look.ago(shortage.at)}; its card says what helps"
        case Kind.FULL:
            return f"The GPU's memory is full since {look.ago(shortage.at)}, and nothing computes"


def vram(offer: Offer, standing: Standing | None) -> str:
    """“VRAM 20.1 of 24 GB”; before the first look only how much there is."""
    seen = _seen(standing)
    return look.vram(offer) if seen is None else f"VRAM {_used(seen)} of {_whole(offer)} GB used"


def _first(shortage: Shortage) -> list[str]:
    """What costs nothing."""
    restart = "- Restart the kernel, which frees the memory it holds"
    match shortage.kind:
        case Kind.GPU_MEMORY:
            return [restart, "- Try half the batch size, or mixed precision"]
        case Kind.DIED:
            return ["- Run it again with half the batch size, or less data at once"]
        case Kind.FULL:
            return [restart, "- Take a smaller batch from then on"]


def _seen(standing: Standing | None) -> Vram | None:
    return standing.report.vram if standing is not None and standing.report is not None else None


def _used(vram: Vram) -> str:
    return f"{vram.used_mb / _MB_OF_GB:.1f}"


def _whole(offer: Offer) -> int:
    return offer.vram_gb * offer.gpus
