"""The demo's stage: the sandbox, the service against it, and the pretend Discord around its bot.

The service is the one of production, opened by the same fuse box; only what lies outside it is
pretend. Everything listens on loopback.
"""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.app import App, open_app
from bot.config import read
from bot.demo.stand_in import Demo
from bot.demo.world import GUILD_ID
from bot.domain.idle_policy import Policy
from bot.domain.limits import Limits
from bot.errors import Config
from bot.sandbox.life import Timing
from bot.sandbox.machine import Machines
from bot.sandbox.serve import Sandbox

RELAY_PORT = 8642
PATIENCE = Limits(
    created=timedelta(seconds=40),
    loading=timedelta(seconds=60),
    ssh=timedelta(seconds=40),
    path=timedelta(seconds=60),
    doubt=timedelta(seconds=12),
    missing=timedelta(seconds=12),
)
"""On the stage a host that fails is given up while one watches."""
POLL_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    sandbox: Sandbox
    app: App
    demo: Demo
    machines: Path  # where the sandbox keeps their files


@contextlib.asynccontextmanager
async def set_stage(
    *,
    data: Path | None,
    fast: float,
    page_port: int | None,
    policy: Policy,
    watch_s: float,
    limits: Limits = PATIENCE,
) -> AsyncIterator[Stage]:
    """Everything running, until the block ends; with `page_port` the page is served too.

    Without `data` all files go to a folder that is removed at the end. Raises Config when a port
    is taken.
    """
    async with contextlib.AsyncExitStack() as stack:
        folder = data or Path(stack.enter_context(_brief_folder()))
        usual = Timing()
        sandbox = Sandbox(
            yard=Machines(folder / "machines"),
            timing=Timing(
                load_s=usual.load_s / fast,
                ssh_s=usual.ssh_s / fast,
                list_lag_s=usual.list_lag_s / fast,
            ),
        )
        await sandbox.start()
        stack.push_async_callback(sandbox.close)
        settings = {
            "VAST_API_KEY": "sandbox",
            "VAST_URL": sandbox.url,
            "DISCORD_GUILD_ID": str(GUILD_ID),
            "BELLHOP_DATA": str(folder / "bellhop"),
            "BELLHOP_POLL_S": str(POLL_S),
            "BELLHOP_WATCH_S": str(watch_s),
        }
        app = await _open(stack, settings, policy, limits)
        demo = Demo(bot=app.client)
        stack.push_async_callback(demo.close)
        await demo.start(page_port)
        yield Stage(sandbox=sandbox, app=app, demo=demo, machines=folder / "machines")


def _brief_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder with a short path, for Unix sockets, that does not mind what is still being written
    by a machine's last process."""
    return tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True)


async def _open(
    stack: contextlib.AsyncExitStack, settings: dict[str, str], policy: Policy, limits: Limits
) -> App:
    """The app, its relay on the usual port where that is free.

    A port that was free a moment ago may have been taken by another demo: then any other will do.
    """
    for wanted in (RELAY_PORT, 0, 0):
        listen = f"127.0.0.1:{_free_port(wanted)}"
        asked = read(settings | {"BELLHOP_RELAY_LISTEN": listen})
        try:
            return await stack.enter_async_context(open_app(asked, policy=policy, limits=limits))
        except Config as error:
            if error.name != "BELLHOP_RELAY_LISTEN":
                raise
            taken = error
    raise taken


def _free_port(wanted: int) -> int:
    """The wanted port where it is free, else any that is."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    return wanted
