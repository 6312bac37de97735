"""What a machine may know of who visits: a name made up for it, the same at every visit.

Two people in one notebook can be told apart, and a program keeps what it has of each; who they are,
and that they visit other machines too, cannot be found out. Jupyter takes no notice of it.
"""

from __future__ import annotations

import hashlib
import hmac

from aiohttp import web
from multidict import CIMultiDict

from bot.domain.rentals import RentalId

HEADER = "X-Bellhop-Visitor"
VISITOR = web.RequestKey("visitor", str)
"""Under which a request keeps its visitor's name on the way through the relay."""


def name_visitor(request: web.BaseRequest, sent: CIMultiDict[str]) -> None:
    """Put the name on what goes up; the house's own looks have none."""
    name = request.get(VISITOR)
    if name is not None:
        sent[HEADER] = name


class Pseudonyms:
    """`secret` is the installation's, without which a member's number could be guessed."""

    def __init__(self, *, secret: str) -> None:
        self._key = hashlib.sha256(b"bellhop visitors\0" + secret.encode()).digest()
        self._known: dict[tuple[RentalId, int], str] = {}

    def of(self, rental_id: RentalId, member_id: int) -> str:
        key = (rental_id, member_id)
        name = self._known.get(key)
        if name is None:
            text = f"{rental_id}/{member_id}".encode()
            name = hmac.new(self._key, text, hashlib.sha256).hexdigest()[:16]
            if len(self._known) >= 10_000:
                self._known.clear()
            self._known[key] = name
        return name
