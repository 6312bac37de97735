"""Hints between processes: heard by all, and by who was away told that something may be missed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bot.adapters.storage.wires import PostgresWires
from bot.ports.processes import AGAIN
from tests.postgres import cut_off
from tests.relay.conftest import until

WITHIN_S = 30.0


class Heard:
    """One process's wires, and what it heard of a word."""

    def __init__(self, url: str) -> None:
        self.wires = PostgresWires(url)
        self.words: list[str] = []
        self.again = 0
        self.wires.hear("news", self.words.append)
        self.wires.hear(AGAIN, self._count)

    def _count(self, _: str) -> None:
        self.again += 1


@contextlib.asynccontextmanager
async def running(url: str) -> AsyncIterator[Heard]:
    heard = Heard(url)
    task = asyncio.ensure_future(heard.wires.run())
    try:
        await until(lambda: heard.again == 1, within_s=WITHIN_S)
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_word_is_heard_by_every_process(postgres_url: str) -> None:
    """With what it is about, spaces and all; by who said it as well."""
    async with running(postgres_url) as one, running(postgres_url) as other:
        one.wires.tell("news", "r1 a b")
        one.wires.tell("gossip", "of others")
        one.wires.tell("news")

        for heard in (one, other):
            await until(lambda h=heard: len(h.words) == 2, within_s=WITHIN_S)
            assert heard.words == ["r1 a b", ""]


async def test_after_a_break_it_is_said_that_words_may_be_missed(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The server went away and came back: who listens looks at the rows, and hears again."""
    async with running(postgres_url) as one:
        await cut_off(postgres_url)
        one.wires.tell("news", "kept")

        await until(lambda: one.again == 2, within_s=WITHIN_S)
        await until(lambda: one.words == ["kept"], within_s=WITHIN_S)

    assert "are not heard" in caplog.text


async def test_what_is_too_long_is_cut(postgres_url: str) -> None:
    """PostgreSQL would refuse it, and everything after it would wait behind it."""
    async with running(postgres_url) as one:
        one.wires.tell("news", "ä" * 9000)
        one.wires.tell("news", "next")

        await until(lambda: len(one.words) == 2, within_s=WITHIN_S)

    assert one.words[0].startswith("äää")
    assert len(one.words[0].encode()) < 8000
    assert one.words[1] == "next"
