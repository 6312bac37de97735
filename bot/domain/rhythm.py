"""Is it a hand or a clock? Messages of a widget, judged by their rhythm.

A person who drags a slider and a widget that polls by itself send the same messages to the kernel.
What tells them apart is time: a hand works in bursts with pauses of every length, a clock goes on
evenly for ever. While it cannot be told, it is a hand: nobody who is there may be overlooked.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import exp
from statistics import median

SAME_TICK = timedelta(milliseconds=50)
"""A widget may send several messages at once; together they are one."""
AT_LEAST = 8  # gaps, before anything is called even
FOR_S = 60.0
"""No hand goes on without a pause for so long; and the memory of a rhythm, in seconds."""
EVEN = 0.9  # of the time
_LOOSE, _LOOSE_S = 0.25, 0.15
"""How far a gap may be from the usual one: as a share, and in seconds, for the network's sake."""
_KNOWN = 15  # gaps that tell the usual one
_SENDERS = 256


@dataclass(slots=True)
class Rhythm:
    """The messages of one sender. `beat` says of each whether it may be a hand's."""

    _last: datetime | None = None
    _gaps: deque[float] = field(default_factory=lambda: deque(maxlen=_KNOWN))
    _number: int = 0
    _whole_s: float = 0.0  # older time counts less and less
    _even_s: float = 0.0
    _lasts_s: float = 0.0

    def beat(self, now: datetime) -> bool:
        """Whether a message at `now` may be a person's doing."""
        if self._last is not None:
            if now - self._last < SAME_TICK:
                return not self.even
            self._note((now - self._last).total_seconds())
        self._last = now
        return not self.even

    @property
    def even(self) -> bool:
        """It has been going like a clock, for long enough to be one."""
        return (
            self._number >= AT_LEAST
            and self._lasts_s >= FOR_S
            and self._even_s >= EVEN * self._whole_s
        )

    def _note(self, gap_s: float) -> None:
        usual = median(self._gaps) if self._gaps else gap_s
        even = abs(gap_s - usual) <= max(_LOOSE * usual, _LOOSE_S)
        fade = exp(-gap_s / max(FOR_S, AT_LEAST * usual))
        self._whole_s = self._whole_s * fade + gap_s
        self._even_s = self._even_s * fade + (gap_s if even else 0.0)
        self._lasts_s += gap_s
        self._number += 1
        self._gaps.append(gap_s)


class Rhythms:
    """The senders of one connection, each by its name; those unheard of longest are forgotten."""

    def __init__(self) -> None:
        self._senders: OrderedDict[str, Rhythm] = OrderedDict()

    def beat(self, sender: str, now: datetime) -> bool:
        """As `Rhythm.beat`, for that sender alone."""
        rhythm = self._senders.setdefault(sender, Rhythm())
        self._senders.move_to_end(sender)
        if len(self._senders) > _SENDERS:
            self._senders.popitem(last=False)
        return rhythm.beat(now)
