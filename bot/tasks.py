"""Background work: kept, named, logged, restarted, and ended with the process.

Nothing else in the house starts a task and walks away from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from bot.domain.durations import Beat
from bot.errors import Away

log = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_DELAY_S = 1.0
_LONGEST_DELAY_S = 60.0


class Pulse:
    """The passes of one eternal loop, as its pauses tell them."""

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._passes = 0
        self._began = self._ended = self._now()
        self._took = 0.0

    def pause(self) -> None:
        self._passes += 1
        self._ended = self._now()
        self._took = self._ended - self._began

    def go_on(self) -> None:
        self._began = self._now()

    def beat(self) -> Beat:
        return Beat(self._passes, self._now() - self._ended, self._took)


_PULSE: ContextVar[Pulse | None] = ContextVar("pulse", default=None)


class Wake:
    """A hint that there is something to do. It may be lost: the next tick finds the work too."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        """Return at the next hint, or after the time at the latest; the hint is then used up."""
        with _pausing():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._event.wait()
            self._event.clear()


async def rest(seconds: float) -> None:
    """Sleep between two passes of an eternal loop; its pulse is taken meanwhile."""
    with _pausing():
        await asyncio.sleep(seconds)


@contextlib.contextmanager
def _pausing() -> Iterator[None]:
    """A pass ends here and the next one begins after it, where somebody takes the pulse."""
    pulse = _PULSE.get()
    if pulse is None:
        yield
        return
    pulse.pause()
    yield
    pulse.go_on()


async def aside(work: Callable[[], T]) -> T:
    """The result of work that blocks, in a thread that the end of the program does not wait for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(give: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended without us
            loop.call_soon_threadsafe(lambda: None if done.done() else give())

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            failure = error
            tell(lambda: done.set_exception(failure))
        else:
            tell(lambda: done.set_result(result))

    threading.Thread(target=run, name="aside", daemon=True).start()
    return await done


class Aside(Generic[T]):
    """Work that blocks, done as by `aside` and never twice at once.

    Whoever comes while it is under way waits for the same: what hangs holds one thread, however
    often it is asked for.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._under_way: asyncio.Task[T] | None = None

    async def result(self) -> T:
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(aside(self._work), name="aside")
            self._under_way.add_done_callback(_heed)
        return await asyncio.shield(self._under_way)


def _heed(ended: asyncio.Task[Any]) -> None:
    """Whoever waited for it may be gone when it fails."""
    if not ended.cancelled():
        ended.exception()


class Tasks:
    """Every background task of the process."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._eternal: set[asyncio.Task[None]] = set()
        self._pulses: dict[str, Pulse] = {}
        self._closing = False

    def beats(self) -> Mapping[str, Beat]:
        """Of each eternal loop, by its pauses (a `Wake` or `rest`): when its last pass ended."""
        return {name: pulse.beat() for name, pulse in self._pulses.items()}

    def forever(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run eternal work; should it end or fail, that is a fault, and it is started again."""
        self._eternal.add(self._keep(name, self._guard(name, work)))

    def once(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work that ends by itself; a failure is logged, with its trace if it is ours."""
        return self._keep(name, self._log_failure(name, work))

    async def quiet(self) -> None:
        """Wait until no work of `once` is under way."""
        while ending := [task for task in self._running if task not in self._eternal]:
            await asyncio.wait(ending)

    async def aclose(self, patience_s: float = 5.0) -> None:
        """Cancel everything and wait for it to end, a limited time."""
        self._closing = True
        for task in self._running:
            task.cancel()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=patience_s)
            for task in late:
                log.warning("%s did not end in time", task.get_name())

    def _keep(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _guard(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        delay = _FIRST_DELAY_S
        self._pulses[name] = Pulse()
        _PULSE.set(self._pulses[name])  # seen in this task, and in what it awaits
        now = asyncio.get_running_loop().time
        while not self._closing:
            began = now()
            fault: Exception | None = None
            try:
                await work()
            except Exception as error:
                fault = error
            if now() - began > _LONGEST_DELAY_S:  # it went well; what befell it earlier is over
                delay = _FIRST_DELAY_S
            _tell(name, fault, delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY_S)

    async def _log_failure(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        _PULSE.set(None)
        try:
            await work
        except Away as error:
            log.warning("%s was left undone: %s", name, error)
        except Exception:
            log.exception("%s failed", name)


def _tell(name: str, fault: Exception | None, delay: float) -> None:
    """Why eternal work starts again, in the log."""
    match fault:
        case None:
            log.error("%s ended, though it should never", name)
        case Away():
            log.warning("%s waits %.0f s for the database: %s", name, delay, fault)
        case _:
            log.error("%s failed and starts again in %.0f s", name, delay, exc_info=fault)
