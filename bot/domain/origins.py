"""The name under which a browser reaches a machine: its notebook's, or that of one of its ports.

`bc2345` is the notebook of that rental, `bc2345-7860` what listens on its port 7860. A rental's own
name has no dash in it, so the two never mean the same. Each is an origin of its own for browsers.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.errors import BadInput

LOWEST = 1024
"""Below are the machine's own services, SSH among them; nobody's notebook needs one of those."""
HIGHEST = 65535

_PORT = re.compile(r"([a-z0-9]{1,32})-([1-9][0-9]{3,4})")


class Origin(NamedTuple):
    """`port` is None for the notebook."""

    name: str
    port: int | None = None

    @property
    def label(self) -> str:
        """The first part of its host name."""
        return self.name if self.port is None else f"{self.name}-{self.port}"


def origin_of(label: str) -> Origin:
    """What the first part of a host name means."""
    found = _PORT.fullmatch(label)
    if found is not None and allowed(int(found[2])):
        return Origin(found[1], int(found[2]))
    return Origin(label)


def allowed(port: int) -> bool:
    return LOWEST <= port <= HIGHEST


def demand_allowed(port: int) -> None:
    """Raise BadInput for a port that is never opened."""
    if not allowed(port):
        raise BadInput(
            f"port {port} is not opened",
            public=f"Only ports {LOWEST} to {HIGHEST} open in the browser.",
            hint="SSH on port 22 is reached with /ssh.",
        )
