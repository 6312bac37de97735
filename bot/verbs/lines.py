"""What `bellhop check` says: one line a look, and what to do where something is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.errors import BotError
from bot.log import hide


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"  # the service runs, but somebody should know
    FAULT = "fault"  # the service cannot run, or not do its work


@dataclass(frozen=True, slots=True)
class Line:
    subject: str
    level: Level
    said: str
    todo: str = ""


def ok(subject: str, said: str) -> Line:
    return Line(subject, Level.OK, said)


def note(subject: str, said: str, todo: str = "") -> Line:
    return Line(subject, Level.NOTE, said, todo)


def fault(subject: str, said: str, todo: str = "") -> Line:
    return Line(subject, Level.FAULT, said, todo)


async def looked(
    subject: str, look: Awaitable[Sequence[Line]], *, within_s: float
) -> Sequence[Line]:
    """What a look says; an error of the house, or none in time, is a fault."""
    try:
        async with asyncio.timeout(within_s):
            return await look
    except BotError as error:
        return [fault(subject, error.public, error.hint)]
    except TimeoutError:
        return [fault(subject, f"No answer within {within_s:.0f} s.", "Try again later.")]


def table(lines: Iterable[Line], *, secrets: tuple[str, ...] = ()) -> list[str]:
    """The lines as they are printed, without any secret."""
    lines = list(lines)
    wide = max((len(line.subject) for line in lines), default=0)
    return [hide(_row(line, wide), secrets) for line in lines]


def _row(line: Line, wide: int) -> str:
    todo = f" {line.todo}" if line.todo else ""
    return f"{line.level.value:<5}  {line.subject:<{wide}}  {line.said}{todo}"
