"""Who somebody is, said by Discord itself when they sign in with a browser (OAuth2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Identity:
    """A person at Discord; `name` is only for showing."""

    id: int
    name: str


class Identities(Protocol):
    def address(self, *, state: str, challenge: str) -> str:
        """Where the browser goes to sign in; it comes back with `state` and a code."""
        ...

    async def identify(self, *, code: str, verifier: str) -> Identity | None:
        """Who stands behind a code; None where Discord does not take it.

        Nothing of what Discord hands out is kept. Raises Unavailable.
        """
        ...
