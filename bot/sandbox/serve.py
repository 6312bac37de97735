"""The sandbox as a running thing: world, yard and HTTP on one loopback port, and its verb.

State lives in memory: it outlasts any death of Bellhop, and ends with its own process. The files
of its machines lie where the yard keeps them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from bot.errors import Config, system_reason
from bot.sandbox.catalog import DEFAULT_OFFERS, draw_market
from bot.sandbox.faults import Faults
from bot.sandbox.keeper import Keeper
from bot.sandbox.life import Timing
from bot.sandbox.offers import MICRO
from bot.sandbox.routes.app import API_KEY, make_app
from bot.sandbox.routes.site import Site
from bot.sandbox.world import World
from bot.sandbox.yard import NoMachines, Yard
from bot.tasks import Tasks

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
DEFAULT_PORT = 8643
DEFAULT_CREDIT = 100  # dollars
_TICK_S = 0.1


def utc_now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """A simulated Vast.ai on loopback.

    `world` and `faults` may be used directly where it runs in the same process; `settle` makes a
    turned clock felt at once. The yard is closed with the sandbox.
    """

    def __init__(
        self,
        *,
        yard: Yard,
        port: int = 0,
        seed: int = 1,
        offers: int = DEFAULT_OFFERS,
        timing: Timing | None = None,
        credit: int = DEFAULT_CREDIT,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._port = port
        self._yard = yard
        self.faults = Faults()
        self.world = World(
            now=now,
            offers=draw_market(seed, now(), size=offers),
            timing=timing or Timing(),
            faults=self.faults,
            credit=credit * MICRO,
            seed=seed,
        )
        self._tasks = Tasks()
        self._keeper = Keeper(world=self.world, yard=yard, tasks=self._tasks)
        self._stack = contextlib.AsyncExitStack()
        self.url = ""

    async def start(self) -> str:
        """Listen; returns the address, without a slash at its end (VAST_URL must have none)."""
        self._stack.push_async_callback(self._yard.close)
        self._stack.push_async_callback(self._tasks.aclose)
        site = Site(world=self.world, faults=self.faults, yard=self._yard, settle=self.settle)
        runner = web.AppRunner(make_app(site), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        listener = web.TCPSite(runner, HOST, self._port)
        try:
            await listener.start()
        except OSError:
            await self.close()
            raise
        self._tasks.forever("the sandbox's clock", self._tick)
        port = runner.addresses[0][1]
        self.url = f"http://{HOST}:{port}"
        log.info("the sandbox listened on %s", self.url)
        return self.url

    async def close(self) -> None:
        await self._stack.aclose()

    def settle(self) -> None:
        """Let everything that is due by now happen."""
        self._keeper.settle()

    async def settled(self) -> None:
        """As `settle`, and wait until the yard has done its part."""
        self.settle()
        await self._tasks.quiet()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self.settle()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    timing = Timing()
    parser.add_argument(
        "--port", type=port_number, default=DEFAULT_PORT, help="0 takes any free one"
    )
    parser.add_argument(
        "--data", type=Path, default=Path("sandbox-data"), help="where the machines' files lie"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the market; same seed, same offers")
    parser.add_argument("--offers", type=int, default=DEFAULT_OFFERS, help="how many at least")
    parser.add_argument(
        "--load-s", type=_span, default=timing.load_s, help="seconds from renting to running"
    )
    parser.add_argument(
        "--ssh-s", type=_span, default=timing.ssh_s, help="seconds from running until SSH answers"
    )
    parser.add_argument(
        "--list-lag-s", type=_span, default=timing.list_lag_s, help="seconds that lists are behind"
    )
    parser.add_argument(
        "--no-machines", action="store_true", help="without SSH and Jupyter, for scale tests"
    )


def from_arguments(args: argparse.Namespace, machines: Callable[[Path], Yard]) -> Sandbox:
    """The sandbox those arguments ask for; `machines` makes the yard in a folder."""
    return Sandbox(
        yard=NoMachines() if args.no_machines else machines(args.data),
        port=args.port,
        seed=args.seed,
        offers=args.offers,
        timing=Timing(load_s=args.load_s, ssh_s=args.ssh_s, list_lag_s=args.list_lag_s),
    )


async def serve(args: argparse.Namespace, *, machines: Callable[[Path], Yard]) -> None:
    """Run until SIGTERM or SIGINT. Raises Config for a port or a folder that cannot be used."""
    if not args.no_machines:
        _check_folder(args.data)
    sandbox = from_arguments(args, machines)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        url = await sandbox.start()
    except OSError as error:
        reason = system_reason(error)
        raise Config(
            "--port", f"port {args.port} cannot be used ({reason}). Choose another one."
        ) from error
    try:
        sys.stdout.write(_welcome(url))
        sys.stdout.flush()
        await ended.wait()
    finally:
        await sandbox.close()


def port_number(text: str) -> int:
    """A TCP port, for argparse; 0 means any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def _span(text: str) -> float:
    """Seconds, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86400:
        raise argparse.ArgumentTypeError("must be seconds between 0 and 86400")
    return seconds


def _check_folder(path: Path) -> None:
    """Make the machines' folder now: the first renting would be late to learn that it fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        reason = system_reason(error)
        raise Config("--data", f"{path} cannot be used ({reason}). Choose another one.") from error


def _welcome(url: str) -> str:
    return (
        f"The simulated Vast.ai listens on {url}\n"
        f"The official CLI works with it:\n"
        f"  export VAST_URL={url} VAST_API_KEY={API_KEY} VASTAI_NO_UPDATE_CHECK=1\n"
        f"  vastai search offers 'gpu_ram>=16' -o dph\n"
        f"Its books are at {url}/sandbox/books, its faults at {url}/sandbox/faults\n"
    )
