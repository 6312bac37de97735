"""Whether the Vast account can be read: since when not, and why. Written by whoever lists it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.errors import Denied, Nonsense, Provider


@dataclass(frozen=True, slots=True)
class Blind:
    """The account has not been read completely since then."""

    since: datetime
    error: Provider

    @property
    def denied(self) -> bool:
        return isinstance(self.error, Denied)

    @property
    def contradictory(self) -> bool:
        return isinstance(self.error, Nonsense)


class AccountWatch:
    """What the newest listing was like. In memory: after a restart the next listing says it."""

    def __init__(self) -> None:
        self._blind: Blind | None = None

    @property
    def blind(self) -> Blind | None:
        """None while the account can be read, and before the first look."""
        return self._blind

    def seen(self) -> None:
        """A complete listing was read."""
        self._blind = None

    def failed(self, error: Provider, now: datetime) -> None:
        """A listing failed; nothing follows from it but this."""
        since = self._blind.since if self._blind is not None else now
        self._blind = Blind(since, error)
