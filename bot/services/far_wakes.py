"""Hints that wake a loop of another process, as `tasks.Wake` does one of this."""

from __future__ import annotations

from bot.ports.processes import AGAIN, Wires
from bot.tasks import Wake


class FarWake(Wake):
    """Wakes whoever serves the name, wherever it runs."""

    def __init__(self, *, wires: Wires, name: str) -> None:
        super().__init__()
        self._wires = wires
        self._word = _word(name)

    def set(self) -> None:
        self._wires.tell(self._word)


def serve(wires: Wires, name: str, wake: Wake) -> None:
    """Have a loop of this process woken by the others, also when they may not have been heard."""
    for word in (_word(name), AGAIN):
        wires.hear(word, lambda _: wake.set())


def _word(name: str) -> str:
    return f"wake/{name}"
