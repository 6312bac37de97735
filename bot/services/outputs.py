"""The output of cells, kept while nobody is there to show it, and put where it belongs.

The relay tells what it carries: a browser asked for a run (`Talk.asked`), the kernel said something
(`Talk.heard`), the browser is gone (`Talk.leave`). From then on a run has nobody who shows or saves
it but us. Its outputs go

- into the notebook's file before anybody reads that (`before_read`), before an archive
  (`flush`), and when this process ends: never while the tab that ran it is there, which saves by
  itself and would find a file changed behind its back;
- to the tab that has the notebook open now (`snapshot`), as long as the cell runs on.

A run is forgotten when it is in the file, or a tab that shows it has saved.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from bot.domain.notebooks import insert
from bot.domain.outputs import Execution, Json
from bot.domain.rentals import RentalId
from bot.domain.shortages import Kind
from bot.errors import BotError
from bot.ports.documents import Documents
from bot.services.routes import Routes
from bot.services.runs import Kernel, Run, Talk

log = logging.getLogger(__name__)

READ_S = 15.0
"""How long the reading of a notebook may wait for its outputs."""
FLUSH_S = 60.0
FIND_S = 5.0


class Outputs:
    """All that is kept, in memory; `Recorder` writes it down.

    `begun` is told of every run, `short` of kernels that died and of cells without GPU memory.
    """

    def __init__(
        self,
        *,
        documents: Documents,
        routes: Routes,
        begun: Callable[[], None] = lambda: None,
        short: Callable[[RentalId, str, Kind], None] = lambda *_: None,
    ) -> None:
        self._documents = documents
        self._routes = routes
        self._begun = begun
        self._short = short
        self._kernels: dict[RentalId, dict[str, Kernel]] = {}
        self._writing: dict[RentalId, asyncio.Lock] = {}

    def talk(self, rental_id: RentalId, kernel_id: str, session_id: str) -> Talk:
        """The conversation of a session that connects, or connects again."""
        talk = self._talk(rental_id, kernel_id, session_id)
        kernel = talk.kernel
        talk.connections += 1
        for gone in [each for each in kernel.talks.values() if not each.present]:
            if not any(kernel.of(gone)):
                del kernel.talks[gone.session_id]
        return talk

    def restore(
        self,
        rental_id: RentalId,
        kernel_id: str,
        session_id: str,
        execution: Execution,
        *,
        torn: bool,
        path: str | None,
    ) -> Talk:
        """Take in a run that was recorded before this process began; the oldest come first."""
        talk = self._talk(rental_id, kernel_id, session_id)
        talk.kernel.path = path if path is not None else talk.kernel.path
        talk.kernel.runs[execution.id] = Run(execution, talk, torn=torn)
        return talk

    def runs(self) -> list[tuple[RentalId, Run]]:
        """Every run that is kept, of all rentals; of each kernel the oldest first."""
        return [
            (rental_id, run)
            for rental_id, kernels in self._kernels.items()
            for kernel in kernels.values()
            for run in kernel.runs.values()
        ]

    async def find(self, rental_id: RentalId) -> None:
        """Learn where a rental's notebooks are, if that can be learned now. Never raises."""
        try:
            async with asyncio.timeout(FIND_S):
                await self._find(rental_id)
        except (BotError, TimeoutError) as error:
            log.info("did not learn where notebooks are: %s", error)

    def kept(self, rental_id: RentalId, kernel_id: str) -> int:
        """How many connections of a kernel are our own, with no tab behind them."""
        kernel = self._kernels.get(rental_id, {}).get(kernel_id)
        return sum(talk.kept for talk in kernel.talks.values()) if kernel is not None else 0

    def snapshot(
        self, rental_id: RentalId, kernel_id: str, session_id: str | None, since: dict[str, int]
    ) -> list[Execution]:
        """The runs that the tab of a session cannot know whole, as far as they changed.

        `since` is what it has: run -> revision. Without a session it is a tab that saves nothing;
        so is one of a session that never connected. What it shows is in nobody's keeping.
        """
        kernel = self._kernels.get(rental_id, {}).get(kernel_id)
        if kernel is None:
            return []
        talk = kernel.talks.get(session_id) if session_id is not None else None
        found = []
        for run in kernel.runs.values():
            own = run.talk is talk
            if (own and not run.torn) or (not own and run.talk.present):
                continue
            has_it = since.get(run.execution.id) == run.execution.revision
            if talk is not None:
                run.viewer = run.viewer if own else talk
                run.shown = has_it and run.execution.done
            if not has_it:
                found.append(run.execution)
        return found

    def kernels(self, rental_id: RentalId) -> list[str]:
        """The kernels that anybody has talked to."""
        return list(self._kernels.get(rental_id, {}))

    def held(self, rental_id: RentalId) -> list[Execution]:
        """The runs whose outputs are in memory now."""
        kernels = self._kernels.get(rental_id, {}).values()
        return [run.execution for kernel in kernels for run in kernel.runs.values()]

    def running(self, rental_id: RentalId, kernel_id: str) -> bool:
        """Whether anything goes on in a kernel that a snapshot may tell of."""
        kernel = self._kernels.get(rental_id, {}).get(kernel_id)
        return kernel is not None and any(
            not run.execution.done and (run.torn or not run.talk.present)
            for run in kernel.runs.values()
        )

    async def before_read(self, rental_id: RentalId, path: str) -> None:
        """Bring a notebook's file up to date before it is read. Never raises for a machine."""
        if not self._keeps(rental_id):
            return
        try:
            async with asyncio.timeout(READ_S):
                await self._write(rental_id, path)
        except (BotError, TimeoutError) as error:
            log.warning("outputs were not written before a notebook was read: %s", error)

    async def flush(self, rental_id: RentalId) -> str:
        """Write everything that nobody else will; says in words what could not be, else nothing.

        Never raises for a machine, and ends within a minute.
        """
        if not self._keeps(rental_id):
            return ""
        try:
            async with asyncio.timeout(FLUSH_S):
                lost = await self._write(rental_id)
        except (BotError, TimeoutError) as error:
            log.warning("outputs were not written: %s", error)
            return "Output of cells that ran without an open tab could not be written first."
        if not lost:
            return ""
        return f"Output of {', '.join(lost)} could not be written: the notebook is not there."

    async def flush_all(self, within_s: float) -> None:
        """The same for every rental, when this process ends."""
        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(self.flush(rental_id) for rental_id in list(self._kernels)))
        except TimeoutError:
            log.warning("some outputs were not written before the end")

    def safe(self, rental_id: RentalId) -> frozenset[str]:
        """The runs that a tab has whole: if it saves now, they are in the file."""
        kernels = self._kernels.get(rental_id, {}).values()
        return frozenset(key for kernel in kernels for key, run in kernel.runs.items() if run.safe)

    def saves_itself(self, rental_id: RentalId, path: str) -> bool:
        """Whether a tab that saves a notebook now may do so by itself: its cells have put out
        something since it was saved last. Nobody has to touch it for that."""
        kernels = self._kernels.get(rental_id, {}).values()
        mine = [kernel for kernel in kernels if kernel.path in (None, path)]
        news = any(kernel.said > kernel.said_by_save for kernel in mine)
        for kernel in mine:
            kernel.said_by_save = kernel.said
        return news

    async def saved(self, rental_id: RentalId, path: str, safe: frozenset[str]) -> None:
        """A tab has saved a notebook; `safe` is what `safe` said before it began."""
        kernels = self._kernels.get(rental_id, {})
        if any(kernel.path is None and kernel.runs for kernel in kernels.values()):
            await self.find(rental_id)
        for kernel in kernels.values():
            if kernel.path == path:
                kernel.forget([run for key, run in kernel.runs.items() if key in safe])

    def forget(self, rental_id: RentalId) -> None:
        """Its machine is gone: whoever still waits for a run there need not any more."""
        for kernel in self._kernels.pop(rental_id, {}).values():
            for talk in kernel.talks.values():
                talk.over()
        self._writing.pop(rental_id, None)

    def _talk(self, rental_id: RentalId, kernel_id: str, session_id: str) -> Talk:
        kernels = self._kernels.setdefault(rental_id, {})
        kernel = kernels.get(kernel_id)
        if kernel is None:
            short = partial(self._short, rental_id, kernel_id)
            kernel = kernels[kernel_id] = Kernel(kernel_id, begun=self._begun, short=short)
        return kernel.talks.setdefault(session_id, Talk(session_id, kernel))

    def _keeps(self, rental_id: RentalId) -> bool:
        return any(kernel.orphans() for kernel in self._kernels.get(rental_id, {}).values())

    async def _find(self, rental_id: RentalId) -> None:
        """Learn the kernels' notebooks; of one that is gone the last known place is kept."""
        route = self._routes.get(rental_id)
        if route is None:
            return
        paths = await self._documents.paths(route.socket_path, route.token)
        for kernel in self._kernels.get(rental_id, {}).values():
            kernel.path = paths.get(kernel.id, kernel.path)

    async def _write(self, rental_id: RentalId, only: str | None = None) -> list[str]:
        """Put orphans into their files; returns the names of files that are not there.

        Where one cannot be written the others are all the same; then raises what was in the way.
        """
        route = self._routes.get(rental_id)
        lost: list[str] = []
        fault: BotError | None = None
        if route is None:
            return ["cells that ran without an open tab"]
        async with self._writing.setdefault(rental_id, asyncio.Lock()):
            await self._find(rental_id)
            for kernel in list(self._kernels.get(rental_id, {}).values()):
                runs = kernel.orphans()
                if not runs or kernel.path is None or only not in (None, kernel.path):
                    continue
                written = [run.execution.revision for run in runs if run.execution.done]
                done = [run for run in runs if run.execution.done]
                executions = [run.execution for run in runs]

                def change(notebook: Json, executions: list[Execution] = executions) -> bool:
                    return insert(notebook, executions)

                try:
                    there = await self._documents.edit(
                        route.socket_path, route.token, kernel.path, change
                    )
                except BotError as error:
                    fault = error
                    continue
                if not there:
                    lost.append(kernel.path)
                    continue
                log.info("wrote the outputs of %s cells", len(runs))
                kernel.forget(
                    run
                    for run, revision in zip(done, written, strict=True)
                    if run.execution.revision == revision
                )
        if fault is not None:
            raise fault
        return lost
