"""The picture of spending: a PNG of a phone's width, whatever it shows, drawn off the loop."""

from __future__ import annotations

import asyncio
import struct
import sys
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.adapters.charts.bars import PALETTE, BarCharts
from bot.adapters.charts.letters import shown
from bot.domain.money import Usd
from bot.domain.pictures import COLOURS, SQUARES
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


@pytest.mark.parametrize(
    ("days", "parts", "high"), [(7, 0, 630), (1, 1, 630), (7, 3, 630), (30, 7, 669), (62, 7, 669)]
)
async def test_a_picture_is_a_phones_width(days: int, parts: int, high: int) -> None:
    """A day or a year, nobody or seven; it grows by the rows of names, not the bars shrink."""
    assert size(await BarCharts().draw(a_picture(days, parts))) == (900, high)


async def test_the_week_before_and_what_was_saved_stand_in_it() -> None:
    """Two pictures that differ by these alone are not the same."""
    plain = a_picture(7, 3)
    noted = replace(plain, note="12 % less than the week before.\n$6.30 saved.")
    beside = replace(noted, before=tuple(Usd.of(3) for _ in plain.days))
    drawn = [await BarCharts().draw(one) for one in (plain, noted, beside)]

    assert len(set(drawn)) == 3


def test_every_colour_has_its_square_in_texts() -> None:
    """So that a text can say whose bars they are."""
    assert len(PALETTE) == len(SQUARES) == COLOURS + 1
    assert len(set(PALETTE)) == len(PALETTE)


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("Ada 🦊", "Ada"),
        ("_x", "x"),
        ("a$b", r"a\$b"),
        ("\x00\n\u202e", ""),
        ("d" * 30, "d" * 19 + "…"),
        ("محمد", "محمد"),
        ("שרה", "שרה"),
        ("Жанна", "Жанна"),
    ],
)
def test_a_name_is_drawn_as_far_as_there_are_letters(name: str, drawn: str) -> None:
    """Pictures and formulas are left out; an ellipsis says that it was longer."""
    assert shown(name, 20) == drawn


@pytest.mark.parametrize(
    "label", ["$\\frac{", "$" * 40, "", "\x00\n\u202e", "名前 🦊", "_x", "d" * 300]
)
@pytest.mark.filterwarnings("error")
async def test_names_cannot_break_it(label: str) -> None:
    """A dollar sign begins a formula in the library; names may be anything."""
    assert size(await BarCharts().draw(a_picture(7, 2, label=label)))


async def test_the_library_is_loaded_off_the_loop_and_not_with_the_program() -> None:
    """It takes a second or more: neither the start nor a click waits for it."""
    code = (
        "import asyncio, sys, bot.app\n"
        "from bot.adapters.charts.bars import BarCharts\n"
        "before = 'matplotlib' in sys.modules\n"
        "asyncio.run(BarCharts().load(0))\n"
        "print(before, 'matplotlib.font_manager' in sys.modules)"
    )
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(running.communicate(), 100)

    assert said.split() == [b"False", b"True"]


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
