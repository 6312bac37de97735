"""Kept runs of cells, written down: our own restart, even a kill, must not lose output.

`Recorder` compares what is kept in memory with what the database has, when a run begins and every
second: new runs are written at once, growing ones at intervals that grow with their size, and what
is in a notebook's file by now is taken away. After a start it gives them back (`restore`); the
relay then takes up the kernels' connections again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from bot.domain.outputs import Execution, Json
from bot.domain.rentals import Rental, RentalId
from bot.errors import BotError, Unreadable
from bot.ports.clock import Clock
from bot.ports.recordings import Recording, Recordings, Seal
from bot.services.outputs import Outputs
from bot.services.runs import Run, Talk
from bot.tasks import Wake

log = logging.getLogger(__name__)

EVERY_S = 1.0
PAUSE_S = 2.0
"""A run that goes on is written so often at most."""
BYTES_PER_S = 100_000
"""And so much of it in the long run: a large one is written seldom."""
BATCH_BYTES = 4_000_000
"""In one transaction, so that nobody waits long for the database."""
FIND_AGAIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Restored:
    """A session whose run goes on in its kernel, and whether a tab was there to the last."""

    rental_id: RentalId
    kernel_id: str
    talk: Talk
    tab: bool


@dataclass(slots=True)
class _Kept:
    number: int
    mark: tuple[object, ...]  # what was true when it was written
    next_at: float  # seconds of Unix time


class Books(Recordings, Protocol):
    async def rental(self, rental_id: RentalId) -> Rental | None: ...


class Recorder:
    """`restore` once at the start, `run` for ever, `close` when nothing more will come."""

    def __init__(
        self,
        *,
        store: Books,
        outputs: Outputs,
        clock: Clock,
        wake: Wake,
        seal: Seal,
        keeper: str = "",
        others: Callable[[], Awaitable[Collection[str]]] | None = None,
    ) -> None:
        """Where there are several relays, `keeper` is this one, and `others` says who else is there
        and keeps what is theirs."""
        self._keeper = keeper
        self._others = others
        self._store = store
        self._seal = seal
        self._outputs = outputs
        self._clock = clock
        self._wake = wake
        self._kept: dict[str, _Kept] = {}
        self._number = 0
        self._restored = False
        self._writing = asyncio.Lock()
        self._tabs: frozenset[int] | None = None
        self._sought: dict[RentalId, float] = {}

    async def restore(self) -> list[Restored]:
        """Give back what was recorded of open rentals; that of closed ones is taken away later.

        May be repeated: then it takes over what a relay kept that is not there any more.

        Returns the sessions that something still runs for, in the order in which it began. What
        belongs to a rental that cannot be read is left alone. Raises Store.
        """
        async with self._writing:
            return await self._restore()

    async def _restore(self) -> list[Restored]:
        others = await self._others() if self._others is not None else ()
        rows = await self._store.adopt_recordings(self._keeper, others)
        if not self._restored:
            every = await self._store.recordings()
            rows = [row for row in every if row.keeper == self._keeper]
            self._restored = True
        rows = [row for row in rows if row.key not in self._kept]
        states = {
            rental_id: await self._open(rental_id) for rental_id in {r.rental_id for r in rows}
        }
        found: dict[int, Restored] = {}
        for row in rows:
            self._number = max(self._number, row.number)
            if states[row.rental_id] is None:
                continue
            self._kept[row.key] = _Kept(row.number, (), 0.0)
            if not states[row.rental_id]:
                continue
            try:
                one = self._take(row)
            except (Unreadable, ValueError, KeyError, TypeError, AttributeError) as error:
                log.warning("a recorded run cannot be read and is let go: %r", error)
                continue
            if one.talk.waiting:
                found.setdefault(id(one.talk), one)
        return list(found.values())

    async def run(self) -> None:
        """Write down what changes, for ever."""
        while True:
            await self._wake.wait(EVERY_S)
            await self._seek()
            try:
                await self.write()
            except BotError as error:
                log.warning("outputs were not written down: %s", error)

    async def write(self, *, whole: bool = False) -> None:
        """Bring the database up to date; `whole`: with all there is, due or not. Raises Store."""
        async with self._writing:
            await self._write(whole=whole)

    def note_tabs(self) -> None:
        """The connections are about to be cut: remember which sessions had a tab until now."""
        self._tabs = frozenset(id(run.talk) for _, run in self._outputs.runs() if run.talk.present)

    async def close(self) -> None:
        """Write down all that was heard to the last. Never raises for the database."""
        try:
            await self.write(whole=True)
        except BotError as error:
            log.error("outputs were not written down at the end: %s", error)

    async def _write(self, *, whole: bool) -> None:
        now = self._clock.now().timestamp()
        runs = {_key(rental_id, run): (rental_id, run) for rental_id, run in self._outputs.runs()}
        gone = [key for key in self._kept if key not in runs]
        if gone:
            await self._store.keep_recordings([], gone=gone, keeper=self._keeper)
            for key in gone:
                del self._kept[key]
        batch: list[Recording] = []
        for key, (rental_id, run) in runs.items():
            kept = self._kept.get(key)
            mark = self._mark(run)
            if kept is not None and (kept.mark == mark or (now < kept.next_at and not whole)):
                continue
            state = await self._text(key, run)
            if kept is None:
                self._number += 1
                kept = _Kept(self._number, (), 0.0)
            batch.append(Recording(key=key, rental_id=rental_id, number=kept.number, state=state))
            pause = max(PAUSE_S, run.execution.size / BYTES_PER_S)
            self._kept[key] = _Kept(kept.number, mark, now + pause)
            if sum(len(one.state) for one in batch) > BATCH_BYTES:
                await self._keep(batch)
                batch = []
        await self._keep(batch)

    async def _open(self, rental_id: RentalId) -> bool | None:
        """Whether a rental is open; None where that cannot be read."""
        try:
            rental = await self._store.rental(rental_id)
        except BotError as error:
            log.warning("the recorded runs of rental %s were left alone: %s", rental_id, error)
            return None
        return rental is not None and rental.open

    async def _keep(self, batch: list[Recording]) -> None:
        if not batch:
            return
        try:
            await self._store.keep_recordings(batch, keeper=self._keeper)
        except BotError:
            for one in batch:  # it is not there after all, or not as it is now
                self._kept[one.key].mark = ()
                self._kept[one.key].next_at = 0.0
            raise

    async def _seek(self) -> None:
        """Learn the notebooks of kernels that are new: after a restart they may be gone."""
        now = self._clock.now().timestamp()
        unknown = {
            rental_id for rental_id, run in self._outputs.runs() if run.talk.kernel.path is None
        }
        for rental_id in unknown:
            if now >= self._sought.get(rental_id, 0.0):
                self._sought[rental_id] = now + FIND_AGAIN_S
                await self._outputs.find(rental_id)

    def _tab(self, talk: Talk) -> bool:
        return talk.present if self._tabs is None else id(talk) in self._tabs

    def _mark(self, run: Run) -> tuple[object, ...]:
        kernel = run.talk.kernel
        execution = run.execution
        return (execution.revision, execution.again, run.torn, self._tab(run.talk), kernel.path)

    async def _text(self, key: str, run: Run) -> str:
        state: Json = {
            "kernel": run.talk.kernel.id,
            "session": run.talk.session_id,
            "path": run.talk.kernel.path,
            "torn": run.torn,
            "tab": self._tab(run.talk),
            "run": run.execution.state(),
        }
        if run.execution.size < BYTES_PER_S:
            return self._sealed(key, state)
        # In a thread: what it refers to is never changed in place.
        return await asyncio.to_thread(self._sealed, key, state)

    def _sealed(self, key: str, state: Json) -> str:
        return self._seal.close(json.dumps(state), about=key)

    def _take(self, row: Recording) -> Restored:
        state = json.loads(self._seal.open(row.state, about=row.key))
        talk = self._outputs.restore(
            row.rental_id,
            state["kernel"],
            state["session"],
            Execution.restored(state["run"]),
            torn=state["torn"],
            path=state["path"],
        )
        return Restored(row.rental_id, state["kernel"], talk, state["tab"])


def _key(rental_id: RentalId, run: Run) -> str:
    """Ids of kernels and runs are a browser's: of any length, and any characters."""
    named = json.dumps([rental_id, run.talk.kernel.id, run.execution.id])
    return hashlib.sha256(named.encode()).hexdigest()
