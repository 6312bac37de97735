"""The ways to a machine's other ports than its notebook's, and what there is a person's doing."""

from __future__ import annotations

from datetime import datetime

from bot.domain.rentals import RentalId
from bot.domain.rhythm import Rhythms
from bot.ports.machines import Tunnels
from bot.services.routes import Route, Traffic


class Ports:
    """What listens there is the person's own program, so nothing of ours is sent to it.

    A page of such a program may ask something of it by itself, for ever: what comes as evenly as a
    clock is nobody's doing, as with widgets.
    """

    def __init__(self, *, tunnels: Tunnels, traffic: Traffic) -> None:
        self._tunnels = tunnels
        self._traffic = traffic
        self._rhythms: dict[RentalId, Rhythms] = {}

    async def way(self, rental_id: RentalId, port: int) -> Route:
        """Raises Unreachable where the machine is, BadInput for the notebook's own port."""
        return Route(await self._tunnels.forward_port(rental_id, port), token="")

    def input(self, rental_id: RentalId, what: str, now: datetime) -> None:
        """Something was sent that changes something; `what` names its kind."""
        if self._rhythms.setdefault(rental_id, Rhythms()).beat(what, now):
            self._traffic.human(rental_id, now)

    def forget(self, rental_id: RentalId) -> None:
        self._rhythms.pop(rental_id, None)
