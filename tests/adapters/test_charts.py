"""The picture of spending: a PNG of a phone's width, whatever it shows, drawn off the loop."""

from __future__ import annotations

import asyncio
import struct
from datetime import date, timedelta

import pytest

from bot.adapters.charts.bars import BarCharts
from bot.domain.money import Usd
from bot.ports.charts import Picture, Series


def a_picture(days: int, parts: int, *, label: str = "Ada", sign: int = 1) -> Picture:
    return Picture(
        title="Dollars a day, in November",
        days=tuple(date(2026, 11, 1) + timedelta(days=n) for n in range(days)),
        series=tuple(
            Series(f"{label} {part}", tuple(Usd(sign * 137_000 * (n + part)) for n in range(days)))
            for part in range(parts)
        ),
    )


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize(("days", "parts"), [(1, 1), (7, 3), (30, 7), (62, 7)])
async def test_a_picture_is_drawn_at_one_size(days: int, parts: int) -> None:
    """A day or a year, one person or seven."""
    assert size(await BarCharts().draw(a_picture(days, parts))) == (900, 630)


@pytest.mark.parametrize(
    "label", ["$\\frac{", "$" * 40, "", "\x00\n\u202e", "名前 🦊", "_x", "d" * 300]
)
@pytest.mark.filterwarnings("error")
async def test_names_cannot_break_it(label: str) -> None:
    """A dollar sign begins a formula in the library; names may be anything."""
    assert size(await BarCharts().draw(a_picture(7, 2, label=label)))


async def test_corrections_may_take_back() -> None:
    """Bars below the line."""
    assert size(await BarCharts().draw(a_picture(7, 2, sign=-1)))


async def test_two_are_drawn_one_after_the_other_and_the_loop_goes_on() -> None:
    """The library's parts are not made for two threads."""
    charts, beats = BarCharts(), 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.005)

    beating = asyncio.create_task(beat())
    both = await asyncio.gather(*(charts.draw(a_picture(30, 7)) for _ in range(2)))
    beating.cancel()

    assert both[0] == both[1]
    assert beats > 10
