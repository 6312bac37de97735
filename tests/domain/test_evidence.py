"""The weight of single facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.evidence import Evidence, Kind, Weight, onlooker, weigh
from bot.domain.samples import Gpu, Load, Machine, Notebook, Process, Sample
from tests.domain.idle_course import MINUTE, READY_AT, RESTING

NOW = READY_AT + timedelta(hours=5)


def weighed(machine: Machine, **more: object) -> Evidence:
    sample = Sample(at=NOW, machine=machine, notebook=Notebook(), vast_gpu_util=0)
    facts = {"loads": [machine.load], "quiet_since": NOW - timedelta(hours=2)} | more
    return weigh(sample, **facts)  # type: ignore[arg-type]


def weight_of(kind: Kind, evidence: Evidence) -> Weight | None:
    return next((fact.weight for fact in evidence.facts if fact.kind is kind), None)


@pytest.mark.parametrize(
    "name",
    [
        *("watch", "top", "htop", "nvtop", "nvidia-smi", "tail", "less", "vim", "nano"),
        *("tensorboard", "vscode-server", "tmux: server"),
    ],
)
def test_who_only_looks_on_is_nothing(name: str) -> None:
    """A monitor left open for ever is not work."""
    assert onlooker(name)
    assert not weighed(replace(RESTING, processes=(Process(name),))).weak


@pytest.mark.parametrize("name", ["python", "sleep", "wget", "jupyter-nbconve", "mc", "topaz"])
def test_whoever_else_runs_is_weak(name: str) -> None:
    """A waiting process may be somebody's work; so nothing ends by itself."""
    assert not onlooker(name)
    assert weighed(replace(RESTING, processes=(Process(name),))).weak


@pytest.mark.parametrize(
    ("load", "kind"),
    [
        (Load(cpu_cores=0.2), Kind.CPU),
        (Load(cpu_cores=0, down_kbps=50), Kind.NETWORK),
        (Load(cpu_cores=0, up_kbps=50), Kind.NETWORK),
        (Load(cpu_cores=0, written_kbps=1000), Kind.DISK),
    ],
)
def test_load_is_strong_from_its_threshold_on(load: Load, kind: Kind) -> None:
    """Processor, network either way, disk."""
    assert weight_of(kind, weighed(replace(RESTING, load=load))) is Weight.STRONG


def test_load_counts_as_a_mean() -> None:
    """One busy minute of five at 0.9 cores is 0.18."""
    loads = [Load(cpu_cores=0.9), *([Load(cpu_cores=0.0)] * 4)]

    assert not weighed(RESTING, loads=loads).strong


def test_load_that_was_never_measured_is_not_none() -> None:
    """After a start there is nothing to compare the counters with: that forbids an end."""
    assert weight_of(Kind.UNMEASURED, weighed(replace(RESTING, load=Load()))) is Weight.WEAK
    assert weighed(replace(RESTING, processes=None)).weak


@pytest.mark.parametrize(
    ("reported", "weak"), [(None, True), (90.0, True), (3.0, True), (2.9, False), (0.0, False)]
)
def test_without_nvidia_smi_vast_is_believed_as_far_as_it_goes(
    reported: float | None, weak: bool
) -> None:
    """Its figure is late and cannot tell a ghost; none at all proves nothing."""
    sample = Sample(
        at=NOW,
        machine=replace(RESTING, gpus=None),
        notebook=Notebook(),
        vast_gpu_util=reported,
    )
    evidence = weigh(sample, loads=[RESTING.load], quiet_since=NOW)

    assert evidence.weak is weak
    assert not evidence.strong


def test_held_memory_and_sessions_are_nothing() -> None:
    """20 GB of an idle kernel, a tmux server, a login: left behind every day."""
    machine = replace(RESTING, gpus=(Gpu(2, 20_000),), logins=1, plain_logins=1, tmux_sessions=1)
    evidence = weighed(machine)

    assert not evidence.strong
    assert not evidence.weak
    assert {Kind.GPU_MEMORY, Kind.LOGINS, Kind.TMUX} <= {fact.kind for fact in evidence.facts}


def test_a_file_saved_under_an_editors_connection_is_a_person() -> None:
    """VS Code types into no terminal of the machine."""
    editor = replace(RESTING, plain_logins=1, changed_at=NOW - MINUTE)
    evidence = weighed(editor, changed_at=NOW - 30 * MINUTE)

    assert weight_of(Kind.FILES, evidence) is Weight.STRONG


def test_a_file_written_by_nothing_that_is_seen_is_weak() -> None:
    """An asyncio task of an idle kernel shows in nothing but its results."""
    machine = replace(RESTING, changed_at=NOW - 10 * MINUTE)
    evidence = weighed(machine, changed_at=NOW - 30 * MINUTE)

    assert weight_of(Kind.FILES, evidence) is Weight.WEAK


def test_a_file_written_while_it_was_busy_is_nothing_new() -> None:
    """The last checkpoint of a training that has just ended."""
    machine = replace(RESTING, changed_at=NOW - 10 * MINUTE)
    evidence = weighed(machine, quiet_since=NOW - 11 * MINUTE, changed_at=NOW - 30 * MINUTE)

    assert weight_of(Kind.FILES, evidence) is None
