"""What a look at a machine proves: each fact with its number and its weight.

Strong evidence is work or a person. Weak evidence may be work: it never counts as use, but nothing
ends without a person while it is there. All else proves nothing, however busy it looks: open tabs,
polls, memory held, sessions in which nobody types (reference idle-and-archive, 1.3, 1.4, 1.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.samples import Gpu, Load, Machine, Notebook, Process, Sample

GPU_UTIL = 3.0  # percent
GPU_USED_MB = 300
"""A GPU at work holds at least a CUDA context; one at 100 % without is a fault of its host."""
CPU_CORES = 0.20
NET_KBPS = 50.0
WRITTEN_KBPS = 1000.0
MEAN = timedelta(minutes=5)
"""Loads count as means over this time; a single minute is noise."""
FRESH = timedelta(minutes=30)
"""A file written so lately, by nothing that can be seen, may be somebody's result."""
HELD_MB = 500

# They look on. Names are the kernel's, cut after 15 characters.
_ONLOOKERS = re.compile(
    r"watch|[abhn]?top|glances|gpustat|nvtop|nvitop|nvidia-smi|rocm-smi|tail|less|more|man"
    r"|vim?|vi\.\w+|nvim|view|nano|pico|emacs\S*|micro|joe|hx|helix|mcedit|ncdu"
    r"|tensorboard|vscode-server|code-server|code-[0-9a-f]+|cursor-server"
    r"|tmux(: \w+)?|screen|mosh-server|ssh-agent|gpg-agent|dirmngr",
    re.IGNORECASE,
)


class Kind(StrEnum):
    """What a fact tells; `Fact.value` is in the unit named here."""

    PERSON = "person"  # minutes since a key, a click or an upload
    NOBODY = "nobody"  # no sign of a person; minutes since the machine is ready
    TIRELESS = "tireless"  # hours of input without a pause: no person does that
    GPU = "gpu"  # percent, of the GPU at work, or of the busiest
    GPU_MEMORY = "gpu_memory"  # MB held on all GPUs
    GHOST = "ghost"  # percent, of a GPU that claims work and holds nothing
    GPU_REPORTED = "gpu_reported"  # percent, by Vast; the machine itself does not tell
    GPU_UNSEEN = "gpu_unseen"  # nobody tells
    CPU = "cpu"  # cores
    NETWORK = "network"  # kB/s
    DISK = "disk"  # kB/s written
    UNMEASURED = "unmeasured"  # the load, or the processes, cannot be told
    FILES = "files"  # minutes since a file was written
    KERNELS_BUSY = "kernels_busy"  # how many
    KERNELS_IDLE = "kernels_idle"
    KERNELS_OTHER = "kernels_other"  # starting, dead, …
    TAB = "tab"  # connections to kernels
    RESULTS = "results"  # minutes since a cell ended that nobody has come back to
    PROCESSES = "processes"  # how many, `names` which
    ONLOOKERS = "onlookers"  # the same of those that only show something
    LOGINS = "logins"  # SSH sessions
    TMUX = "tmux"  # sessions
    JUPYTER_DOWN = "jupyter_down"
    JUPYTER_SILENT = "jupyter_silent"


class Weight(StrEnum):
    STRONG = "strong"
    WEAK = "weak"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Fact:
    kind: Kind
    value: float = 0.0
    names: tuple[str, ...] = ()
    weight: Weight = Weight.NOTHING


@dataclass(frozen=True, slots=True)
class Evidence:
    facts: tuple[Fact, ...]

    def of(self, weight: Weight) -> tuple[Fact, ...]:
        return tuple(fact for fact in self.facts if fact.weight is weight)

    @property
    def strong(self) -> bool:
        return any(fact.weight is Weight.STRONG for fact in self.facts)

    @property
    def weak(self) -> bool:
        return any(fact.weight is Weight.WEAK for fact in self.facts)

    @property
    def solid(self) -> bool:
        """Work that more than the processor shows: a loop that never ends shows only that."""
        return any(
            fact.weight is Weight.STRONG and fact.kind is not Kind.CPU for fact in self.facts
        )

    @property
    def waiting(self) -> bool:
        """Something is there whose end would be news."""
        return any(
            fact.weight is Weight.WEAK and fact.kind in (Kind.KERNELS_BUSY, Kind.PROCESSES)
            for fact in self.facts
        )


def weigh(
    sample: Sample,
    *,
    loads: Sequence[Load],
    quiet_since: datetime,
    changed_at: datetime | None = None,
) -> Evidence:
    """The facts of a look at which the machine answered, but for its people.

    `loads` are those of the last `MEAN`, this one included; `changed_at` is the newest file as of
    the look before.
    """
    machine = sample.machine
    if machine is None:
        return Evidence(())
    return Evidence(
        (
            *_gpu(machine.gpus, sample.vast_gpu_util),
            *_load(loads, known=machine.processes is not None),
            *_notebook(sample.notebook),
            *_processes(machine.processes or ()),
            *_files(machine, sample.at, quiet_since, changed_at),
            *_sessions(machine),
        )
    )


def onlooker(name: str) -> bool:
    """Whether a process of that name only shows something to somebody."""
    return _ONLOOKERS.fullmatch(name) is not None


def _gpu(gpus: Sequence[Gpu] | None, reported: float | None) -> Iterator[Fact]:
    if not gpus:
        if reported is None:
            yield Fact(Kind.GPU_UNSEEN, weight=Weight.WEAK)
        else:
            weight = Weight.WEAK if reported >= GPU_UTIL else Weight.NOTHING
            yield Fact(Kind.GPU_REPORTED, reported, weight=weight)
        return
    working = [gpu.util for gpu in gpus if gpu.util >= GPU_UTIL and gpu.used_mb >= GPU_USED_MB]
    ghosts = [gpu.util for gpu in gpus if gpu.util >= GPU_UTIL and gpu.used_mb < GPU_USED_MB]
    if working:
        yield Fact(Kind.GPU, max(working), weight=Weight.STRONG)
    elif not ghosts:
        yield Fact(Kind.GPU, max(gpu.util for gpu in gpus))
    if ghosts:
        yield Fact(Kind.GHOST, max(ghosts))
    held = sum(gpu.used_mb for gpu in gpus)
    if held >= HELD_MB:
        yield Fact(Kind.GPU_MEMORY, held)


def _load(loads: Sequence[Load], *, known: bool) -> Iterator[Fact]:
    cpu = _mean(load.cpu_cores for load in loads)
    if cpu is None or not known:
        yield Fact(Kind.UNMEASURED, weight=Weight.WEAK)
    if cpu is not None:
        yield Fact(Kind.CPU, cpu, weight=_from(cpu, CPU_CORES))
    down = _mean(load.down_kbps for load in loads) or 0.0
    up = _mean(load.up_kbps for load in loads) or 0.0
    if max(down, up) >= NET_KBPS:
        yield Fact(Kind.NETWORK, max(down, up), weight=Weight.STRONG)
    written = _mean(load.written_kbps for load in loads) or 0.0
    if written >= WRITTEN_KBPS:
        yield Fact(Kind.DISK, written, weight=Weight.STRONG)


def _notebook(notebook: Notebook | None) -> Iterator[Fact]:
    if notebook is None:
        yield Fact(Kind.JUPYTER_SILENT, weight=Weight.WEAK)
        return
    if notebook.down:
        yield Fact(Kind.JUPYTER_DOWN)
        return
    busy = sum(kernel.state == "busy" for kernel in notebook.kernels)
    idle = sum(kernel.state == "idle" for kernel in notebook.kernels)
    other = len(notebook.kernels) - busy - idle
    if busy:
        yield Fact(Kind.KERNELS_BUSY, busy, weight=Weight.WEAK)
    if idle:
        yield Fact(Kind.KERNELS_IDLE, idle)
    if other:
        yield Fact(Kind.KERNELS_OTHER, other)
    if tabs := sum(kernel.connections for kernel in notebook.kernels):
        yield Fact(Kind.TAB, tabs)


def _processes(processes: Sequence[Process]) -> Iterator[Fact]:
    looking = sorted({one.name for one in processes if onlooker(one.name)})
    waiting = [one.name for one in processes if not onlooker(one.name)]
    if waiting:
        yield Fact(Kind.PROCESSES, len(waiting), tuple(sorted(set(waiting))), Weight.WEAK)
    if looking:
        yield Fact(Kind.ONLOOKERS, len(looking), tuple(looking))


def _files(
    machine: Machine, at: datetime, quiet_since: datetime, before: datetime | None
) -> Iterator[Fact]:
    """A file saved under an open session without a terminal is a person at an editor (VS Code)."""
    changed = machine.changed_at
    if changed is None or before is None or not at - FRESH < changed <= at + MEAN:
        return
    minutes = max(0.0, (at - changed) / timedelta(minutes=1))
    if machine.plain_logins and changed > before + timedelta(seconds=30):
        yield Fact(Kind.FILES, minutes, weight=Weight.STRONG)
    elif changed > quiet_since + MEAN:
        yield Fact(Kind.FILES, minutes, weight=Weight.WEAK)


def _sessions(machine: Machine) -> Iterator[Fact]:
    if logins := machine.logins + machine.plain_logins:
        yield Fact(Kind.LOGINS, logins)
    if machine.tmux_sessions:
        yield Fact(Kind.TMUX, machine.tmux_sessions)


def _from(value: float, least: float) -> Weight:
    return Weight.STRONG if value >= least else Weight.NOTHING


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
