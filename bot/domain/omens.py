"""Signs that something about a rented machine has changed without our doing: facts.

`outlook.py` reads them from what Vast shows of a machine. They stand on the rental's row for as
long as they hold, so that its card, `/status` and whoever must be told all say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Sign(StrEnum):
    """What has changed."""

    DEARER = "dearer"  # the contract costs more than was agreed to
    HOST_ENDS = "host_ends"  # the host's offer is about to end, or has ended
    STOPPED = "stopped"  # by Vast or in its console: no credit, outbid, the offer's end
    OFFLINE = "offline"  # Vast does not hear of the host
    RELABELLED = "relabelled"  # somebody edited its label at Vast
    UNREADABLE = "unreadable"  # its row at Vast holds what we cannot read
    CONTRADICTED = "contradicted"  # two of Vast's answers about it exclude each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Omen:
    sign: Sign
    since: datetime
    at: datetime | None = None  # when it comes true, for what lies ahead
    detail: str = ""  # what was seen, in a few words for people


@dataclass(frozen=True, slots=True)
class Omens:
    """All that hold for one machine, as they are stored."""

    of: tuple[Omen, ...] = ()
