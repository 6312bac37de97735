"""The browser's door, and what readiness and the metrics look at."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.app.guests import make_sign_in
from bot.app.parts import Outside, Shared
from bot.client import Bellhop
from bot.config import Settings
from bot.errors import Config, system_reason
from bot.relay.app import Relay
from bot.services.credit import Credit
from bot.services.health import Health, Look
from bot.services.lag import LagWatch
from bot.services.ports import Ports
from bot.services.steady import Steady
from bot.services.vitals import Vitals
from bot.tasks import Tasks

LITTLE_ROOM = 200_000_000
"""Bytes; with less on the disk of the data folder we are not ready."""


def make_relay(
    settings: Settings,
    outside: Outside,
    shared: Shared,
    *,
    client: Bellhop,
    credit: Credit,
    tasks: Tasks,
) -> Relay:
    health = make_health(settings, outside, shared, client=client)

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
        sign_in=make_sign_in(settings, outside, shared, client=client),
    )
    vitals = Vitals(
        store=outside.store,
        tasks=tasks,
        health=health,
        carried=relay.carried,
        tunnels=outside.tunnels.count,
        notebooks=lambda: len(shared.routes.items()),
        free_bytes=lambda: shutil.disk_usage(settings.data).free,
        credit=lambda: credit.known,
        clock=outside.clock,
    )
    tasks.forever("health", health.run)
    tasks.forever("lag", LagWatch(observer=outside.metrics).run)
    return relay


def make_health(settings: Settings, outside: Outside, shared: Shared, *, client: Bellhop) -> Health:
    """What must be well for the service to do its work."""

    steady = Steady(clock=outside.clock)

    async def database() -> str:
        await outside.store.waiting()
        return ""

    async def vast() -> str:
        await outside.market.account()
        return ""

    async def discord() -> str:
        return "" if client.is_ready() else client.starts.waiting or "Not connected."

    async def archives() -> str:
        await asyncio.to_thread(outside.place.check)
        return ""

    return Health(
        {
            "database": Look(check=database, keep_s=5.0),
            "vast": Look(check=vast, within_s=4.0, keep_s=30.0),
            "discord": Look(check=discord, keep_s=0.0),
            # Each look writes an object, which a bucket charges for.
            "archives": Look(check=archives, within_s=4.0, keep_s=300.0),
            "disk": Look(check=disk_look(settings.data)),
        },
        clock=outside.clock,
        condition=shared.condition,
        notes=lambda: {"searches": outside.market.searches(), "clock": steady.words()},
    )


def disk_look(folder: Path, *, little: int = LITTLE_ROOM) -> Callable[[], Awaitable[str]]:
    """Whether the data folder can be written, and has room."""

    async def look() -> str:
        return await asyncio.to_thread(_disk, folder, little)

    return look


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


async def listen(relay: Relay, settings: Settings) -> None:
    try:
        await relay.start()
    except OSError as error:
        raise Config(
            "BELLHOP_RELAY_LISTEN",
            f"{settings.relay_host}:{settings.relay_port} cannot be used "
            f"({system_reason(error)}). Stop what uses it, or choose another port.",
        ) from error
