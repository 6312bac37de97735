"""Runs of cells, by the kernel they run in and the browser session that asked for them.

Whose business a run is: its own tab's as long as that is connected, another tab's that shows it, or
nobody's but ours. Bounded for each kernel; what outlives the process is in `recordings.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from bot.domain.outputs import Execution, Json
from bot.domain.shortages import Kind, out_of_gpu_memory

KERNEL_BYTES = 32_000_000
"""What the runs of one kernel may take together; the oldest finished ones go first."""
RUNS = 500  # of one kernel


@dataclass(eq=False, slots=True)
class Talk:
    """One browser session's conversation with one kernel, over all its connections."""

    session_id: str
    kernel: Kernel
    connections: int = 0
    kept: bool = False  # the relay is there in the browser's place

    @property
    def present(self) -> bool:
        return self.connections > 0

    @property
    def waiting(self) -> bool:
        """Whether a run of this session is not over."""
        return any(not run.done for run in self.kernel.of(self))

    @property
    def turn(self) -> int:
        """When it is this session's turn in the kernel: the place of its first unfinished run."""
        runs = enumerate(self.kernel.runs.values())
        own = (at for at, run in runs if run.talk is self and not run.execution.done)
        return next(own, RUNS)

    def asked(self, run_id: str, *, cell_id: str, code: str | None) -> None:
        """The browser asked for a run; the same cell's older runs are void now."""
        self.kernel.begin(self, Execution(id=run_id, cell_id=cell_id, code=code))

    def expects(self, run_id: str) -> bool:
        """Whether messages of that run are wanted."""
        run = self.kernel.runs.get(run_id)
        return run is not None and run.talk is self and not run.execution.done

    def heard(self, kind: str, run_id: str, content: Json | None) -> None:
        """The kernel said something, of whichever run."""
        if kind == "update_display_data" and content is not None:
            self.kernel.said += 1
            for execution in self.kernel.of(self):
                execution.redraw(content)
            return
        state = content.get("execution_state") if kind == "status" and content else None
        if state in ("restarting", "dead"):  # Jupyter's words for a kernel that died by itself
            self.kernel.short(Kind.DIED)
            self.over()
            return
        if kind == "error" and content is not None and _no_gpu_memory(content):
            self.kernel.short(Kind.GPU_MEMORY)
        run = self.kernel.runs.get(run_id)
        if run is not None and run.talk is self:
            self.kernel.said += 1
            run.execution.hear(kind, content)

    def printed(self, run_id: str, content: bytes) -> None:
        """The same as `heard` of a stream whose content nobody has read yet."""
        run = self.kernel.runs.get(run_id)
        if run is not None and run.talk is self and not run.execution.done:
            self.kernel.said += 1
            run.execution.hear_unread(content)

    def leave(self) -> None:
        """A connection is gone; after the last one, what was run for it is ours to keep.

        When a laptop closes, what was sent in its last minutes went nowhere, though nobody knew.
        """
        self.connections -= 1
        for run in self.kernel.runs.values():
            run.torn = run.torn or run.talk is self

    def over(self) -> None:
        """The kernel ended, or started anew: what ran does not run any more."""
        for execution in self.kernel.of(self):
            execution.end()


@dataclass(eq=False, slots=True)
class Run:
    execution: Execution
    talk: Talk
    torn: bool = False  # its browser was cut off: what that one shows may have holes
    viewer: Talk | None = None  # another session's tab that has asked for it
    shown: bool = False  # a tab said that it has all of it

    @property
    def orphan(self) -> bool:
        """Nobody who is there shows it, or will save it."""
        return not self.talk.present and not (self.viewer is not None and self.viewer.present)

    @property
    def safe(self) -> bool:
        """It is over, and a tab that is there has all of it."""
        whole = self.shown or not self.torn
        return self.execution.done and not self.orphan and whole


@dataclass(eq=False, slots=True)
class Kernel:
    id: str
    path: str | None = None
    begun: Callable[[], None] = lambda: None
    """Told of every run that begins."""
    short: Callable[[Kind], None] = lambda kind: None
    """Told when a cell found no memory left on the GPU, and when the kernel died."""
    talks: dict[str, Talk] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)  # oldest first
    said: int = 0  # how often its runs put something out
    said_by_save: int = 0  # the same, when its notebook was saved last

    def of(self, talk: Talk) -> Iterator[Execution]:
        return (run.execution for run in self.runs.values() if run.talk is talk)

    def orphans(self) -> list[Run]:
        return [run for run in self.runs.values() if run.orphan]

    def begin(self, talk: Talk, execution: Execution) -> None:
        for run_id, run in list(self.runs.items()):
            old = run.execution
            if execution.cell_id and old.cell_id == execution.cell_id:
                del self.runs[run_id]
            # Where a file has no ids, two tabs have two for one cell.
            old.again = old.again or (run.talk is not talk and old.code == execution.code)
        self.runs[execution.id] = Run(execution, talk)
        self._bound()
        self.begun()

    def forget(self, runs: Iterable[Run]) -> None:
        for run in runs:
            if self.runs.get(run.execution.id) is run:
                del self.runs[run.execution.id]

    def _bound(self) -> None:
        whole = sum(run.execution.size for run in self.runs.values())
        for run in [run for run in self.runs.values() if run.execution.done]:
            if whole <= KERNEL_BYTES and len(self.runs) <= RUNS:
                return
            whole -= run.execution.size
            self.forget([run])


def _no_gpu_memory(error: Json) -> bool:
    return out_of_gpu_memory(str(error.get("ename", "")), str(error.get("evalue", "")))
