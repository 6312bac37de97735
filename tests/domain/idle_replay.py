"""The production verdict as a rule that plays labelled timelines, one sample a minute.

`Replay` follows the protocol of the scenarios' player: a class made with a scenario, whose `step`
takes a sample as a dict and returns actions. It feeds the verdict that production uses, with
production's defaults, and translates both ways; it decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.idle import Release, Word, judge
from bot.domain.idle_memory import begin, keep
from bot.domain.idle_policy import Policy
from bot.domain.samples import (
    Gpu,
    Kernel,
    Load,
    Machine,
    Notebook,
    Process,
    Sample,
    Terminal,
    Where,
)

BEGAN_AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

ACTIONS = {
    Word.ASK: "warn",
    Word.REMIND: "warn",
    Word.ASK_LEASE: "warn_lease",
    Word.ASK_LEADS: "escalate",
    Word.BLIND_LEADS: "escalate",
    Word.BLIND: "notify_blind",
    Word.CANCEL: "cancel",
}


class Replay:
    """One machine's timeline, judged as in production."""

    name = "bellhop"
    policy = Policy()

    def __init__(self, scenario: Mapping[str, Any]) -> None:
        self._memory = begin(BEGAN_AT)

    def step(self, seen: Mapping[str, Any]) -> list[str]:
        sample = sample_of(seen)
        for message in seen.get("inbox") or ():
            if message["type"] == "keep":
                self._memory = keep(self._memory, _moment(message["until"]), sample.at)
        judgement = judge(self._memory, sample, self.policy)
        self._memory = judgement.memory
        if isinstance(judgement.verdict, Release):
            return ["destroy"]
        return [ACTIONS[word] for word in judgement.words if word in ACTIONS]


def sample_of(seen: Mapping[str, Any]) -> Sample:
    return Sample(
        at=_moment(seen["t"]),
        machine=_machine(seen) if seen["probe_ok"] else None,
        notebook=_notebook(seen),
        vast_gpu_util=seen["vast_gpu_util"],
        input_at=_known(seen["relay_input_last"]),
    )


def _machine(seen: Mapping[str, Any]) -> Machine:
    return Machine(
        load=Load(
            cpu_cores=seen["cpu_cores"],
            down_kbps=seen["rx_kBps"],
            up_kbps=seen["tx_kBps"],
            written_kbps=seen["disk_w_kBps"],
        ),
        gpus=tuple(Gpu(gpu["util"], gpu["mem_mb"]) for gpu in seen["gpus"] or ()),
        processes=_processes(seen["procs"]),
        typed_at=_known(seen["pty_input_last"]),
        changed_at=_known(seen["ws_mtime_last"]),
        logins=seen["ssh_pty"] or 0,
        plain_logins=seen["ssh_notty"] or 0,
        tmux_sessions=seen["tmux_sessions"] or 0,
    )


def _processes(seen: Sequence[Mapping[str, Any]] | None) -> tuple[Process, ...] | None:
    if seen is None:
        return None
    places = {place.value: place for place in Where}
    return tuple(
        Process(one["name"], one["cpu"], places.get(one["where"], Where.DAEMON)) for one in seen
    )


def _notebook(seen: Mapping[str, Any]) -> Notebook | None:
    if not seen["jup_ok"]:
        return Notebook(down=True) if seen["jup_state"] == "down" else None
    skew = seen["jup_server_now"] - seen["t"]

    def ours(stamp: float | None) -> datetime | None:
        return None if stamp is None else _moment(stamp - skew)

    return Notebook(
        kernels=tuple(
            Kernel(
                one["id"], one["execution_state"], one["connections"], ours(one["last_activity"])
            )
            for one in seen["kernels"]
        ),
        terminals=tuple(
            Terminal(str(one["name"]), ours(one["last_activity"])) for one in seen["terminals"]
        ),
        active_at=ours(seen["status_last_activity"]),
    )


def _moment(seconds: float) -> datetime:
    return BEGAN_AT + timedelta(seconds=seconds)


def _known(seconds: float | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)
