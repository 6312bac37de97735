"""One round over many rentals: side by side, and what goes wrong with one stays with that one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import TypeVar

from bot.errors import Away

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


async def each(
    things: Iterable[T],
    work: Callable[[T], Awaitable[R]],
    *,
    of: Callable[[T], Hashable],
    at_once: int,
) -> list[R]:
    """Work on everything, `at_once` subjects at a time; what came of it, failures left out.

    `of` names a thing's subject: things of one subject are worked on one after the other, in their
    order. A failure is logged with its trace, a database that is away in a line; the rest of its
    subject waits for the next round.
    """
    slots = asyncio.Semaphore(at_once)
    subjects: dict[Hashable, list[T]] = {}
    for thing in things:
        subjects.setdefault(of(thing), []).append(thing)

    async def one(subject: Hashable, its: list[T]) -> list[R]:
        done: list[R] = []
        async with slots:
            try:
                for thing in its:
                    done.append(await work(thing))  # noqa: PERF401 - what was done is kept
            except Away as error:
                log.warning("a round ended early for %s: %s", subject, error)
            except Exception:
                log.exception("a round failed for %s; the others went on", subject)
        return done

    every = await asyncio.gather(*(one(subject, its) for subject, its in subjects.items()))
    return [found for done in every for found in done]
