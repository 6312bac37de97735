"""The program: its verbs, their arguments, and the words and exit codes they end with.

Exit codes: 0 done; 1 failed, with one line that says what to do; 2 wrong arguments or settings.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dotenv import dotenv_values

from bot import __version__, log
from bot.adapters.storage.lease import hold_lease
from bot.adapters.storage.migrate import Migrated, migrate
from bot.app.house import demand_several
from bot.config import read
from bot.errors import BotError, Config
from bot.sandbox.machine import Machines
from bot.sandbox.serve import add_arguments, port_number, serve
from bot.sweeping import sweep
from bot.verbs import backup, check, policy, run

FAILED, WRONG = 1, 2
T = TypeVar("T")
_AGAIN_S = 4.0  # a clean stop takes a second or two, and 10 at the most
_LATEST_S = 9.0


def main(words: Sequence[str] | None = None) -> int:
    """Run the verb on the command line."""
    arguments = _parser().parse_args(words)
    try:
        return int(arguments.run(arguments))
    except Config as error:
        print(f"bellhop: {error.public}", file=sys.stderr)
        return WRONG
    except BotError as error:
        print(f"bellhop: {error.public} {error.hint}".rstrip(), file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("bellhop: stopped before it was done.", file=sys.stderr)
        return FAILED


def environment() -> dict[str, str]:
    """The environment over the `.env` of this folder: what is set by hand wins.

    Raises Config when that file cannot be read.
    """
    try:
        found = dotenv_values(".env")
    except (OSError, ValueError) as error:
        raise Config(".env", f"cannot be read: {error}.") from error
    from_file = {name: value for name, value in found.items() if value is not None}
    return {**from_file, **os.environ}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bellhop", description="Rent GPU machines from Discord and never forget one."
    )
    parser.add_argument("--version", action="version", version=f"bellhop {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB", title="verbs")

    service = verbs.add_parser("run", help="the service")
    service.add_argument(
        "--role",
        choices=run.ROLES,
        default="all",
        help="all of it in one process, or one part beside others on PostgreSQL",
    )
    service.add_argument(
        "--drain",
        type=_seconds,
        default=run.DRAIN_S,
        metavar="SECONDS",
        help="how long a relay that is stopped lets open WebSockets go on",
    )
    service.add_argument("--no-migrate", action="store_true", help="leave the database as it is")
    service.set_defaults(run=_run)

    demo = verbs.add_parser("demo", help="the whole service on this machine, with nothing to pay")
    demo.add_argument("--port", type=port_number, default=8640, help="of the page; 0 picks one")
    demo.add_argument("--data", type=Path, help="keep the demo's files here (default: nowhere)")
    demo.add_argument("--tour", action="store_true", help="play the story and check each step")
    demo.add_argument(
        "--fast",
        type=_factor,
        default=1.0,
        metavar="N",
        help="pretend machines start N times faster",
    )
    demo.set_defaults(run=_demo)

    sandbox = verbs.add_parser("sandbox", help="the simulated Vast.ai alone, on loopback")
    add_arguments(sandbox)
    sandbox.set_defaults(run=_sandbox)

    verbs.add_parser("migrate", help="the database to the newest schema").set_defaults(run=_migrate)

    sweep = verbs.add_parser("sweep", help="machines on the Vast account that no rental owns")
    sweep.add_argument(
        "--destroy",
        action="store_true",
        help="destroy those with this installation's label, with whatever is on them",
    )
    sweep.set_defaults(run=_sweep)
    verbs.add_parser(
        "check", help="look at every setting and dependency; what to do about each fault"
    ).set_defaults(run=_check)

    saving = verbs.add_parser("backup", help="database, keys and settings into one sealed file")
    saving.add_argument("file", type=Path, metavar="FILE")
    saving.set_defaults(run=_backup)
    restoring = verbs.add_parser("restore", help="the same back, onto an empty computer")
    restoring.add_argument("file", type=Path, metavar="FILE")
    restoring.set_defaults(run=_restore)

    team = verbs.add_parser("policy", help="the team's policy: idle times, limits, who is a lead")
    team.set_defaults(run=_policy, deed="show", changes=False)
    deeds = team.add_subparsers(metavar="show|set", dest="deed")
    shown = deeds.add_parser("show", help="every value, and where it comes from")
    shown.add_argument("--changes", action="store_true", help="who changed what, when")
    wanted = deeds.add_parser("set", help="KEY=VALUE …, all of them or none; KEY= takes away")
    wanted.add_argument("wishes", nargs="+", metavar="KEY=VALUE")
    return parser


def _factor(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError("must be a number between 1 and 100")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError("must be seconds between 0 and 3600")
    return value


def _run(arguments: argparse.Namespace) -> int:
    env = environment()
    role = arguments.role
    settings = read(env, need=run.needed(role, env))
    if role != "all":
        demand_several(settings, role)
    log.set_up(settings.log, secrets=settings.secrets)
    stopping = asyncio.Event()
    work = run.serving(
        settings,
        role,
        migrating=not arguments.no_migrate,
        stopping=stopping,
        drain_s=arguments.drain,
    )
    gently = stopping if role == "relay" else None
    _until_stopped(work, loop=_fast_loop(), gently=gently, within_s=_LATEST_S)
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from bot.demo.run import show, tour

    log.set_up("text", level=logging.WARNING)
    if arguments.tour:
        held = _until_stopped(tour(data=arguments.data, fast=arguments.fast))
        return FAILED if held is None else held
    _until_stopped(show(port=arguments.port, data=arguments.data, fast=arguments.fast))
    return 0


def _sandbox(arguments: argparse.Namespace) -> int:
    log.set_up("text")
    asyncio.run(serve(arguments, machines=Machines))
    return 0


def _migrate(_: argparse.Namespace) -> int:
    settings = read(environment())
    log.set_up(settings.log, secrets=settings.secrets)

    async def under_lease() -> Migrated:
        async with hold_lease(settings.database_url):
            return await migrate(settings.database_url)

    done = asyncio.run(under_lease())
    said = "was already" if done.before == done.after else "is now"
    print(f"The database {said} at {done.after}.")
    if done.copy is not None:
        print(f"A copy of what it was before lies beside it: {done.copy.name}")
    return 0


def _sweep(arguments: argparse.Namespace) -> int:
    settings = read(environment(), need=("VAST_API_KEY",))
    log.set_up(settings.log, level=logging.WARNING, secrets=settings.secrets)
    left = asyncio.run(sweep(settings, destroy=arguments.destroy, say=print))
    if left:
        print(
            f"bellhop: Vast does not confirm that {', '.join(map(str, sorted(left)))} is gone. "
            "Run this again, or look at the Vast console.",
            file=sys.stderr,
        )
    return FAILED if left else 0


def _check(_: argparse.Namespace) -> int:
    log.set_up("text", level=logging.CRITICAL)
    lines, good = asyncio.run(check.check(environment()))
    for line in lines:
        print(line)
    if good:
        return 0
    print("bellhop: the service cannot run before each fault above is mended.", file=sys.stderr)
    return FAILED


def _backup(arguments: argparse.Namespace) -> int:
    env = environment()
    settings = read(env)
    log.set_up(settings.log, level=logging.WARNING, secrets=settings.secrets)
    passphrase = backup.passphrase_of(env) or _asked_passphrase(twice=True)
    for line in asyncio.run(backup.backup(settings, env, arguments.file, passphrase)):
        print(line)
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    env = environment()
    log.set_up("text", level=logging.WARNING)
    passphrase = backup.passphrase_of(env) or _asked_passphrase()
    for line in asyncio.run(backup.restore(env, arguments.file, passphrase)):
        print(line)
    return 0


def _asked_passphrase(*, twice: bool = False) -> str:
    """Asked for at the terminal. Raises Config, which names the variable, where there is none."""
    if not sys.stdin.isatty():
        raise Config(backup.PASSPHRASE, "is missing, and there is no terminal to ask at.")
    passphrase = backup.demand_long(getpass.getpass("Passphrase of the backup: "))
    if twice and getpass.getpass("Once more: ") != passphrase:
        raise Config(backup.PASSPHRASE, "was not the same both times.")
    return passphrase


def _policy(arguments: argparse.Namespace) -> int:
    settings = read(environment())
    log.set_up(settings.log, level=logging.WARNING, secrets=settings.secrets)
    if arguments.deed == "set":
        work = policy.set_values(settings, arguments.wishes)
    else:
        work = policy.changes(settings) if arguments.changes else policy.show(settings)
    for line in asyncio.run(work):
        print(line)
    return 0


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, with which the relay answers small requests faster (docs/relay.md)."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def _until_stopped(
    work: Coroutine[Any, Any, T],
    *,
    loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
    gently: asyncio.Event | None = None,
    within_s: float | None = None,
) -> T | None:
    """Run work until it ends, or until the process is asked to: then it is cancelled, cleans up,
    and there is no result.

    With `gently` that is set first, and the work ends by itself, unless it is asked again. With
    `within_s` whatever has not ended so long after that is left behind.
    """

    async def until() -> T | None:
        task = asyncio.ensure_future(work)
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asked.set)
        await _either(task, asked)
        if gently is not None and not task.done():
            asked.clear()
            gently.set()
            await _either(task, asked)
        if within_s is not None:
            _end_at_the_latest(within_s, task)
        while not task.done():
            # More than once, for it may get lost: `asyncio.wait_for` of Python 3.11 drops it when
            # what it waits for ends at the same moment.
            task.cancel()
            await asyncio.wait({task}, timeout=_AGAIN_S)
        return None if task.cancelled() else task.result()

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(until())


def _end_at_the_latest(after_s: float, work: asyncio.Future[Any]) -> None:
    """End the process then, from a thread of its own, whatever still holds it up.

    A thread that waits for an archive store cannot be called off, and Python would wait for it for
    minutes. Nothing is lost: the process may be killed at any moment.
    """

    def end() -> None:
        fault = work.exception() if work.done() and not work.cancelled() else None
        logging.getLogger(__name__).warning("left behind what did not end in time: %s", fault or "")
        logging.shutdown()
        os._exit(FAILED if fault else 0)

    timer = threading.Timer(after_s, end)
    timer.daemon = True
    timer.start()


async def _either(task: asyncio.Future[Any], asked: asyncio.Event) -> None:
    """Wait until the work ends, or something is asked."""
    asking = asyncio.ensure_future(asked.wait())
    await asyncio.wait({task, asking}, return_when=asyncio.FIRST_COMPLETED)
    asking.cancel()


if __name__ == "__main__":
    sys.exit(main())
