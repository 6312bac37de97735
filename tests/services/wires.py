"""Wires within one process: what one end tells, the other hears in the next turn of the loop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable


class Wires:
    """`ports.Wires`. `down`: what is told is lost."""

    def __init__(self) -> None:
        self.down = False
        self.told: list[tuple[str, str]] = []
        self._listeners: defaultdict[str, list[Callable[[str], None]]] = defaultdict(list)

    def tell(self, word: str, about: str = "") -> None:
        self.told.append((word, about))
        if not self.down:
            for listener in self._listeners[word]:
                asyncio.get_running_loop().call_soon(listener, about)

    def hear(self, word: str, listener: Callable[[str], None]) -> None:
        self._listeners[word].append(listener)
