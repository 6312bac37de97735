"""What is done for several at once is never older than any of their questions."""

from __future__ import annotations

import asyncio

import pytest

from bot.adapters.vast.kept import Together
from bot.errors import Down


class Work:
    """Ends when it is told to; counts how often it was begun, and how many went on at once."""

    def __init__(self) -> None:
        self.begun = 0
        self.at_once = 0
        self.most = 0
        self.fails = False
        self._end = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self._end.wait()
        self._end.clear()
        self.at_once -= 1
        if self.fails:
            raise Down("not complete")
        return number

    def end(self) -> None:
        self._end.set()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_those_who_come_while_it_is_done_share_the_next_one() -> None:
    """Two at the same moment get the first, three later ones the second; never two at once."""
    work = Work()
    together = Together(work, name="work")
    first = [asyncio.ensure_future(together.get()) for _ in range(2)]
    await settled()
    later = [asyncio.ensure_future(together.get()) for _ in range(3)]
    await settled()
    assert work.begun == 1

    work.end()
    assert await asyncio.gather(*first) == [1, 1]
    await settled()
    work.end()
    assert await asyncio.gather(*later) == [2, 2, 2]

    assert (work.begun, work.most) == (2, 1)


async def test_a_failure_is_everybodys_and_the_next_one_is_new() -> None:
    """Nothing is kept of it."""
    work = Work()
    together = Together(work, name="work")
    work.fails = True
    asked = [asyncio.ensure_future(together.get()) for _ in range(2)]
    await settled()
    work.end()
    assert [type(one) for one in await asyncio.gather(*asked, return_exceptions=True)] == [Down] * 2

    work.fails = False
    again = asyncio.ensure_future(together.get())
    await settled()
    work.end()

    assert await again == 2


async def test_one_who_gives_up_takes_it_from_nobody() -> None:
    """The other one still gets it."""
    work = Work()
    together = Together(work, name="work")
    leaves, stays = (asyncio.ensure_future(together.get()) for _ in range(2))
    await settled()

    leaves.cancel()
    await settled()
    work.end()

    assert await stays == 1
    assert leaves.cancelled()


async def test_closing_ends_what_is_asked() -> None:
    """Also for those who wait for the next one."""
    together = Together(Work(), name="work")
    one = asyncio.ensure_future(together.get())
    await settled()
    two = asyncio.ensure_future(together.get())
    await settled()

    await together.close()

    for asked in (one, two):
        with pytest.raises(Down):
            await asked
