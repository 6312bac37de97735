"""Dollars a day as stacked bars, in Discord's dark colours, for a phone.

Drawn without pyplot, whose state is shared by all threads. One picture at a time, in a thread; the
library is loaded some seconds after the start, as that takes longer than a drawing. The colours are
those of the coloured squares that Discord shows, so that a text beside the picture can name its
parts.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any

from bot.adapters.charts.letters import families, shown
from bot.domain.pictures import COLOURS
from bot.ports.charts import Picture

DRAW_S = 20.0
LOAD_AFTER_S = 10.0
PALETTE = ("#55acee", "#f4900c", "#78b159", "#aa8ed6", "#fdcb58", "#dd2e44", "#e6e7e8")
"""`pictures.SQUARES`, as Discord paints them."""

_GROUND, _INK, _FAINT, _QUIET = "#2b2d31", "#f2f3f5", "#4e5058", "#b5bac1"
_WIDE, _HIGH, _ROW, _DPI = 6.0, 4.2, 0.26, 150  # inches; a row is one of the legend's
_LABEL = 20  # characters of a name in the legend


class BarCharts:
    """`ports.Charts`."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def load(self, after_s: float = LOAD_AFTER_S) -> None:
        """Have the library at hand before the first picture is asked for, but not at the start."""
        await asyncio.sleep(after_s)
        async with self._one:
            await asyncio.to_thread(_loaded)

    async def draw(self, picture: Picture) -> bytes:
        async with self._one, asyncio.timeout(DRAW_S):
            return await asyncio.to_thread(_draw, picture)


def _loaded() -> None:
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401

    families()


def _draw(picture: Picture) -> bytes:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with rc_context({"font.family": families()}):
        named = _named(picture)
        columns = _columns([name for name, _ in named]) if named else 1
        high = _HIGH + _ROW * max(-(-len(named) // columns) - 1, 0)  # names take no room from bars
        figure = Figure(figsize=(_WIDE, high), dpi=_DPI, facecolor=_GROUND)
        figure.set_layout_engine(ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.1))
        FigureCanvasAgg(figure)
        axes = figure.add_subplot(facecolor=_GROUND)
        _bars(axes, picture)
        _before(axes, picture)
        _days(axes, picture)
        _dress(axes, picture)
        _legend(figure, named, columns)
        out = io.BytesIO()
        figure.savefig(out, format="png", facecolor=_GROUND)
    return out.getvalue()


def _bars(axes: Any, picture: Picture) -> None:
    places = range(len(picture.days))
    above, below = [0.0] * len(places), [0.0] * len(places)
    for number, series in enumerate(picture.series):
        heights = [float(amount.dollars) for amount in series.amounts]
        bottoms = [(above if height >= 0 else below)[at] for at, height in enumerate(heights)]
        axes.bar(
            places,
            heights,
            bottom=bottoms,
            width=0.78,
            color=PALETTE[min(number, COLOURS)],
            edgecolor=_GROUND,  # a thin gap, for whoever tells the colours apart badly
            linewidth=0.8 if len(places) <= 31 else 0.3,
        )
        for at, height in enumerate(heights):
            (above if height >= 0 else below)[at] += height


def _before(axes: Any, picture: Picture) -> None:
    """The week before, as a short line at each day."""
    if not any(amount.micros for amount in picture.before):
        return
    heights = [float(amount.dollars) for amount in picture.before[: len(picture.days)]]
    places = range(len(heights))
    axes.hlines(
        heights,
        [at - 0.45 for at in places],
        [at + 0.45 for at in places],
        colors=_INK,
        linewidth=2.0,
        linestyles=(0, (1.5, 1)),
    )


def _days(axes: Any, picture: Picture) -> None:
    """At most seven days have their name below them, the last one always."""
    count = len(picture.days)
    step = -(-count // 7)
    named = [at for at in range(count) if (count - 1 - at) % step == 0]
    form = "%a\n%-d %b" if count <= 7 else "%-d %b"
    axes.set_xticks(named, [f"{picture.days[at]:{form}}" for at in named])
    # One day alone is a bar, not a wall.
    room = 0.6 if count > 2 else 1.8
    axes.set_xlim(-room, count - 1 + room)


def _dress(axes: Any, picture: Picture) -> None:
    from matplotlib.ticker import MaxNLocator

    title = shown(picture.title, 60) or "Spending"
    note = [line for part in picture.note.splitlines() if (line := shown(part, 66))]
    # Large, as a phone shows this at half its size.
    axes.set_title(title, color=_INK, fontsize=17, loc="left", pad=12 + 19 * len(note))
    if note:
        axes.annotate(
            "\n".join(note),
            (0, 1),
            xytext=(0, 9),
            xycoords="axes fraction",
            textcoords="offset points",
            color=_QUIET,
            fontsize=11.5,
            va="bottom",
            linespacing=1.4,
        )
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    if not any(amount.micros for one in picture.series for amount in one.amounts):
        axes.set_yticks([0])
        axes.text(
            0.5,
            0.5,
            "Nothing was spent",
            transform=axes.transAxes,
            color=_QUIET,
            fontsize=15,
            ha="center",
        )
    digits = _digits(axes.get_yticks())
    axes.yaxis.set_major_formatter(lambda value, _at: _dollars(value, digits))
    axes.tick_params(colors=_INK, labelsize=12.5, length=0)
    axes.grid(axis="y", color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _named(picture: Picture) -> list[tuple[str, str]]:
    """What the legend names, each with its colour, the week before with none.

    Nothing where there is one colour, and nothing to set it against.
    """
    before = any(amount.micros for amount in picture.before)
    if len(picture.series) < 2 and not before:
        return []
    names = [
        (shown(one.label, _LABEL) or f"No. {at + 1}", PALETTE[min(at, COLOURS)])
        for at, one in enumerate(picture.series)
    ]
    return [*names, ("the week before", "")] if before else names


def _legend(figure: Any, named: Sequence[tuple[str, str]], columns: int) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if not named:
        return
    figure.legend(
        [
            Patch(color=colour)
            if colour
            else Line2D([], [], color=_INK, linewidth=2.0, linestyle=(0, (1.5, 1)))
            for _, colour in named
        ],
        [name for name, _ in named],
        loc="outside lower center",
        ncols=columns,
        fontsize=12.5,
        labelcolor=_INK,
        frameon=False,
        handlelength=1.0,
        columnspacing=1.4,
    )


def _columns(names: Sequence[str]) -> int:
    longest = max(len(name) for name in names)
    return max(1, min(len(names), 4, 52 // (longest + 4)))


def _digits(ticks: Sequence[float]) -> int:
    """As many decimals as the lines need: one at $2.50 must not say $2, nor one of a cent $0."""
    return next(
        (digits for digits in (0, 2, 3) if all(abs(at - round(at, digits)) < 1e-9 for at in ticks)),
        4,
    )


def _dollars(value: float, digits: int) -> str:
    return f"{'-' if value < 0 else ''}${abs(value):,.{digits}f}"
