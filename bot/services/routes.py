"""Placeholder until the relay's branch brings its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.domain.rentals import RentalId


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    socket_path: str
    token: str = field(repr=False)


class Routes:
    def __init__(self) -> None:
        self._routes: dict[RentalId, Route] = {}

    def set(self, rental_id: RentalId, route: Route) -> None:
        self._routes[rental_id] = route

    def get(self, rental_id: RentalId) -> Route | None:
        return self._routes.get(rental_id)

    def drop(self, rental_id: RentalId) -> None:
        self._routes.pop(rental_id, None)
