"""Dollars a day as stacked bars, in Discord's dark colours, for a phone.

Drawn without pyplot, whose state is shared by all threads. One picture at a time, in a thread; the
library is loaded with the first one, as it takes longer than the drawing.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from typing import Any

from bot.ports.charts import Picture

DRAW_S = 20.0

_GROUND, _INK, _FAINT = "#2b2d31", "#f2f3f5", "#4e5058"
_COLOURS = ("#7c8cff", "#45d69f", "#ffb454", "#ff7a90", "#5cc8ff", "#c3a6ff", "#b5bac1")
_INCHES, _DPI = (6.0, 4.2), 150


class BarCharts:
    """`ports.Charts`."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def draw(self, picture: Picture) -> bytes:
        """Raises TimeoutError when it takes too long."""
        async with self._one, asyncio.timeout(DRAW_S):
            return await asyncio.to_thread(_draw, picture)


def _draw(picture: Picture) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor=_GROUND, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=_GROUND)
    _bars(axes, picture)
    _days(axes, picture)
    _dress(axes, picture)
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
            color=_COLOURS[number % len(_COLOURS)],
            label=_plain(series.label) or f"Member {number + 1}",
        )
        for at, height in enumerate(heights):
            (above if height >= 0 else below)[at] += height


def _days(axes: Any, picture: Picture) -> None:
    """At most seven days have their name below them, the last one always."""
    count = len(picture.days)
    step = -(-count // 7)
    shown = [at for at in range(count) if (count - 1 - at) % step == 0]
    axes.set_xticks(shown, [f"{picture.days[at]:%-d %b}" for at in shown])
    axes.set_xlim(-0.6, count - 0.4)


def _dress(axes: Any, picture: Picture) -> None:
    axes.set_title(_plain(picture.title), color=_INK, fontsize=15, loc="left", pad=12)
    cents = axes.get_ylim()[1] < 10
    axes.yaxis.set_major_formatter(lambda value, _at: _dollars(value, cents=cents))
    axes.tick_params(colors=_INK, labelsize=12, length=0)
    axes.grid(axis="y", color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)
    if len(picture.series) > 1:
        axes.figure.legend(
            loc="outside lower center",
            ncols=_columns([series.label for series in picture.series]),
            fontsize=12,
            labelcolor=_INK,
            frameon=False,
            handlelength=1.0,
        )


def _columns(labels: Sequence[str]) -> int:
    longest = max(len(label) for label in labels)
    return max(1, min(len(labels), 52 // (min(longest, 32) + 4)))


def _dollars(value: float, *, cents: bool) -> str:
    return f"${value:,.2f}" if cents else f"${value:,.0f}"


def _plain(text: str) -> str:
    """A line of text: a dollar sign would begin a formula, a leading underscore hide a label.

    What the library's own font cannot show is left out, as it would be a box.
    """
    from matplotlib.font_manager import findfont, get_font

    known = get_font(findfont("DejaVu Sans")).get_charmap()
    shown = "".join(char for char in text if char.isprintable() and ord(char) in known)
    return shown.strip("_ ")[:32].replace("$", r"\$")
