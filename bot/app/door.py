"""The browser's door, and what readiness looks at."""

from __future__ import annotations

from collections.abc import Awaitable

from bot.adapters.vast.client import Vast
from bot.app.guests import make_sign_in
from bot.app.parts import Outside, Shared
from bot.client import Bellhop
from bot.config import Settings
from bot.errors import BotError, Config, system_reason
from bot.ports.books import Store
from bot.relay.app import Relay
from bot.services.ports import Ports


def make_relay(settings: Settings, outside: Outside, shared: Shared, *, client: Bellhop) -> Relay:
    return Relay(
        host=settings.relay_host,
        port=settings.relay_port,
        relay_url=settings.relay_url,
        links=outside.links,
        routes=shared.routes,
        traffic=shared.traffic,
        rentals=outside.store,
        health=Health(store=outside.store, market=outside.market, client=client).look,
        clock=outside.clock,
        outputs=outside.outputs,
        downloads=outside.downloads,
        ports=Ports(tunnels=outside.tunnels, traffic=shared.traffic),
        sign_in=make_sign_in(settings, outside, shared, client=client),
    )


async def listen(relay: Relay, settings: Settings) -> None:
    try:
        await relay.start()
    except OSError as error:
        raise Config(
            "BELLHOP_RELAY_LISTEN",
            f"{settings.relay_host}:{settings.relay_port} cannot be used "
            f"({system_reason(error)}). Stop what uses it, or choose another port.",
        ) from error


class Health:
    """What readiness looks at: each dependency by name, and an empty string where all is well."""

    def __init__(self, *, store: Store, market: Vast, client: Bellhop) -> None:
        self._store = store
        self._market = market
        self._client = client

    async def look(self) -> dict[str, str]:
        return {
            "database": await _fault(self._store.open_rentals()),
            "vast": await _fault(self._market.account()),
            "discord": "" if self._client.is_ready() else "Not connected.",
        }


async def _fault(check: Awaitable[object]) -> str:
    try:
        await check
    except BotError as error:
        return error.public
    return ""
