"""Connections of nobody in particular: how many there may be, and which one goes first.

Whoever holds a good session is no stranger any more and is not counted. Among the rest the one
that has waited longest makes room for the next: who only holds connections open pushes out their
own, and a person's first request takes milliseconds. It counts over all peers, not for each: behind
a proxy every browser in the world has one address.
"""

from __future__ import annotations

from typing import Protocol


class Connection(Protocol):
    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        ...

    def hang_up(self) -> None: ...


class Strangers:
    """The connections without a session, oldest first."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._here: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._here)

    def come(self, connection: Connection) -> None:
        """One more; it or an older one is hung up on where there are too many."""
        if len(self._here) >= self._most:
            oldest = next((one for one in self._here if not one.busy), None)
            if oldest is None:
                connection.hang_up()
                return
            del self._here[oldest]
            oldest.hang_up()
        self._here[connection] = None

    def leave(self, connection: Connection) -> None:
        """It is closed, or known by now; one that is not here is no error."""
        self._here.pop(connection, None)
