"""What one look at a machine shows: facts only, no judgement. `idle.py` judges them.

A part that could not be looked at is None, which is neither busy nor idle. Every time is aware UTC
on our clock: ages are taken against the clock of the server that told them, and counted back from
the moment of the look. Loads are means over the time since the look before, from counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Where(StrEnum):
    """Where a process hangs."""

    KERNEL = "kernel_child"
    TERMINAL = "pty"
    TMUX = "tmux"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True)
class Process:
    """A process that is no shell, no part of the image and none of ours."""

    name: str
    cpu_cores: float = 0.0
    where: Where = Where.DAEMON


@dataclass(frozen=True, slots=True)
class Gpu:
    util: float  # percent, at the moment of the look
    used_mb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the machine's own processes use; None where it could not be measured."""

    cpu_cores: float | None = None
    down_kbps: float | None = None  # kilobytes a second; our own transfers left out
    up_kbps: float | None = None
    written_kbps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a command on the machine told. `gpus` is None without a working nvidia-smi."""

    load: Load = Load()
    gpus: tuple[Gpu, ...] | None = ()
    processes: tuple[Process, ...] | None = ()
    typed_at: datetime | None = None  # the last key read by a program in any terminal
    changed_at: datetime | None = None  # the newest file in the workspace
    logins: int = 0  # SSH sessions of people, in a terminal
    plain_logins: int = 0  # and without one, as VS Code's are
    tmux_sessions: int = 0


@dataclass(frozen=True, slots=True)
class Kernel:
    id: str
    state: str  # Jupyter's word: "busy", "idle", "starting", …
    connections: int = 0
    active_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Terminal:
    name: str
    active_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """What Jupyter told. `down`: the machine says that no Jupyter of ours runs on it."""

    down: bool = False
    kernels: tuple[Kernel, ...] = ()
    terminals: tuple[Terminal, ...] = ()
    active_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look. `machine` and `notebook` are None where they did not answer."""

    at: datetime
    machine: Machine | None = None
    notebook: Notebook | None = None
    vast_gpu_util: float | None = None  # percent over all GPUs, late; there while SSH fails
    input_at: datetime | None = None  # the last human input through the relay
