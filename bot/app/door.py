"""The browser's door, and what readiness and the metrics look at."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.app.guests import make_sign_in, members_of
from bot.app.parts import Outside, Shared
from bot.client import Bellhop
from bot.config import Settings
from bot.errors import Config, system_reason
from bot.ports.vitals import Carried
from bot.relay.app import Relay
from bot.relay.lodge import Lodge
from bot.relay.sockets import Joined
from bot.services.credit import Credit, Known
from bot.services.health import Health, Look
from bot.services.lag import LagWatch
from bot.services.ports import Ports
from bot.services.sign_in import SignIn
from bot.services.steady import Steady
from bot.services.vitals import Vitals
from bot.tasks import Aside, Tasks

LITTLE_ROOM = 200_000_000
"""Bytes; with less on the disk of the data folder we are not ready."""
LAST_FLUSH_S = 2.0
"""How long the end of the process waits for outputs that only its memory has."""


def make_relay(
    settings: Settings,
    outside: Outside,
    shared: Shared,
    *,
    client: Bellhop,
    credit: Credit,
    tasks: Tasks,
) -> Relay:
    """That of a process which is everything."""
    return open_relay(
        settings,
        outside,
        shared,
        health=make_health(settings, outside, shared, client=client),
        credit=lambda: credit.known,
        sign_in=make_sign_in(settings, outside, members_of(shared, client)),
        tasks=tasks,
    )


def open_relay(
    settings: Settings,
    outside: Outside,
    shared: Shared,
    *,
    health: Health,
    credit: Callable[[], Known],
    sign_in: SignIn | None,
    tasks: Tasks,
    joined: Joined | None = None,
) -> Relay:
    async def metrics() -> bytes:
        return outside.metrics.page(await vitals.snapshot())

    relay = Relay(
        host=settings.relay_host,
        port=settings.relay_port,
        relay_url=settings.relay_url,
        links=outside.links,
        routes=shared.routes,
        traffic=shared.traffic,
        rentals=outside.store,
        health=health.look,
        notes=health.notes,
        clock=outside.clock,
        outputs=outside.outputs,
        lanes=outside.tunnels,
        downloads=outside.downloads,
        metrics=metrics,
        secret=settings.secret,
        ports=Ports(tunnels=outside.tunnels, traffic=shared.traffic),
        sign_in=sign_in,
        joined=joined,
    )
    vitals = make_vitals(
        settings,
        outside,
        health=health,
        credit=credit,
        tasks=tasks,
        carried=relay.carried,
        notebooks=lambda: len(shared.routes.items()),
    )
    return relay


def make_vitals(
    settings: Settings,
    outside: Outside,
    *,
    health: Health,
    credit: Callable[[], Known],
    tasks: Tasks,
    carried: Callable[[], Carried] = Carried,
    notebooks: Callable[[], int] = int,
) -> Vitals:
    """What is measured of a process, and the two loops that look while nobody asks."""
    tasks.forever("health", health.run)
    tasks.forever("lag", LagWatch(observer=outside.metrics).run)
    return Vitals(
        store=outside.store,
        tasks=tasks,
        health=health,
        carried=carried,
        tunnels=outside.tunnels.count,
        notebooks=notebooks,
        free_bytes=lambda: shutil.disk_usage(settings.data).free,
        credit=credit,
        clock=outside.clock,
    )


def make_health(settings: Settings, outside: Outside, shared: Shared, *, client: Bellhop) -> Health:
    """What must be well for the service to do its work."""
    return health_of(settings, outside, shared, *looks_of(settings, outside), client=client)


def health_of(
    settings: Settings,
    outside: Outside,
    shared: Shared,
    *names: str,
    client: Bellhop | None = None,
) -> Health:
    """The same of a process that does a part of it: of these alone."""
    looks = looks_of(settings, outside)
    chosen = {name: looks[name] for name in names}
    if client is not None:
        chosen["discord"] = Look(check=_discord(client), keep_s=0.0)
    steady = Steady(clock=outside.clock)
    return Health(
        chosen,
        clock=outside.clock,
        condition=shared.condition,
        notes=lambda: {"searches": outside.market.searches(), "clock": steady.words()},
    )


def _discord(client: Bellhop) -> Callable[[], Awaitable[str]]:
    async def discord() -> str:
        return "" if client.is_ready() else client.starts.waiting or "Not connected."

    return discord


def looks_of(settings: Settings, outside: Outside) -> dict[str, Look]:
    async def database() -> str:
        await outside.store.waiting()
        return ""

    async def vast() -> str:
        await outside.market.account()
        return ""

    trial = Aside(outside.place.check)

    async def archives() -> str:
        await trial.result()
        return ""

    return {
        "database": Look(check=database, keep_s=5.0),
        "vast": Look(check=vast, within_s=4.0, keep_s=30.0),
        # Each look writes an object, which a bucket charges for.
        "archives": Look(check=archives, within_s=4.0, keep_s=300.0),
        "disk": Look(check=disk_look(settings.data)),
    }


def disk_look(folder: Path, *, little: int = LITTLE_ROOM) -> Callable[[], Awaitable[str]]:
    """Whether the data folder can be written, and has room."""

    return Aside(lambda: _disk(folder, little)).result


def _disk(folder: Path, little: int) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"bellhop")
            probe.flush()
            os.fsync(probe.fileno())
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"The data folder cannot be written ({system_reason(error)})."
    return f"Only {free / 1e6:.0f} MB are free." if free < little else ""


async def listen(relay: Relay | Lodge, settings: Settings) -> None:
    try:
        await relay.start()
    except OSError as error:
        raise Config(
            "BELLHOP_RELAY_LISTEN",
            f"{settings.relay_host}:{settings.relay_port} cannot be used "
            f"({system_reason(error)}). Stop what uses it, or choose another port.",
        ) from error


async def open_lodge(
    settings: Settings,
    outside: Outside,
    stack: contextlib.AsyncExitStack,
    *,
    health: Health,
    tasks: Tasks,
    credit: Callable[[], Known],
) -> None:
    """How a process without a relay does, told where a relay would listen. Raises Config."""

    async def metrics() -> bytes:
        return outside.metrics.page(await vitals.snapshot())

    vitals = make_vitals(settings, outside, health=health, credit=credit, tasks=tasks)
    lodge = Lodge(
        host=settings.relay_host,
        port=settings.relay_port,
        health=health.look,
        notes=health.notes,
        metrics=metrics,
    )
    await listen(lodge, settings)
    stack.push_async_callback(lodge.close)
