"""Labelled timelines of rented machines: read, told longer or shorter, and played to a rule.

`tests/data/idle/scenarios.json` holds them run-length coded, one sample every 60 s, times in
seconds from the machine's creation. A story knows when its machine was truly in use; the player
ends it at a rule's "destroy", and answers the rule's questions as the story's owner would.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

FILE = Path(__file__).parents[1] / "data" / "idle" / "scenarios.json"
STEP_S = 60
KEEP_S = {"owner": 4 * 3600, "lead": 12 * 3600}
LEAD_ANSWERS_AFTER_S = 4 * 3600

_PLAIN = (
    *("probe", "jup", "cpu_cores", "host_load1", "rx_kBps", "tx_kBps", "disk_r_kBps"),
    *("disk_w_kBps", "ssh_pty", "ssh_notty", "tmux_sessions", "gpu_procs", "vast_gpu_util"),
    "procs",
)
_STAMPS = ("status", "relay_any", "relay_http", "relay_input", "pty_input", "ws_mtime")
_OF_SSH = (*_PLAIN[2:], "gpus", "pty_input_last", "ws_mtime_last")
_ALWAYS = "vast_gpu_util"

Story = dict[str, Any]


class Rule(Protocol):
    def step(self, seen: dict[str, Any]) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    story: str
    ended_s: float | None
    false_kill: bool
    missed_h: float
    asked_in_use: int


def stories() -> list[Story]:
    return list(json.loads(FILE.read_text())["scenarios"])


def told(story: Story, factor: float) -> Story:
    """The same story at another pace: every span and every moment times the factor."""

    def spans(code: list[list[Any]]) -> list[list[Any]]:
        out, before, total = [], 0, 0
        for entry in code:
            total += entry[-1]
            end = round(total * factor)
            if end > before:
                out.append([*_scaled(entry[:-1]), end - before])
                before = end
        return out

    def _scaled(value: list[Any]) -> list[Any]:
        return ["abs", value[1] * factor] if value[0] == "abs" else value

    def track(code: Any) -> Any:
        if isinstance(code, dict):
            return {name: track(part) for name, part in code.items()}
        if code and isinstance(code[0], dict):  # the GPUs
            return [track(part) for part in code]
        return spans(code)

    def times(pairs: list[list[float]]) -> list[list[float]]:
        return [[start * factor, end * factor] for start, end in pairs]

    truth, idle_s = story["truth"], story["truth"]["idle_since"]
    return story | {
        "duration_s": story["duration_s"] * factor,
        "n_samples": round(story["n_samples"] * factor),
        "tracks": {name: track(code) for name, code in story["tracks"].items()},
        "truth": truth
        | {
            "in_use": times(truth["in_use"]),
            "idle_since": None if idle_s is None else idle_s * factor,
        },
        "owner": story["owner"] | {"away": times(story["owner"]["away"])},
        "events": [
            event | {"t": event["t"] * factor, "until": event["until"] * factor}
            for event in story["events"]
        ],
    }


def samples(story: Story) -> Iterator[dict[str, Any]]:
    """What a bot would see, once a minute; what comes from a failed source is None."""
    tracks, skew = story["tracks"], story["clock_skew_s"]
    plain = {name: _values(tracks[name]) for name in _PLAIN}
    stamps = {f"{name}_last": _moments(tracks[f"{name}_last"]) for name in _STAMPS}
    gpus = [(_values(gpu["util"]), _values(gpu["mem_mb"])) for gpu in tracks["gpus"]]
    kernels = {
        name: (_values(one["state"]), _values(one["connections"]), _moments(one["last_activity"]))
        for name, one in tracks["kernels"].items()
    }
    terminals = {
        name: (_values(one["alive"]), _moments(one["last_activity"]))
        for name, one in tracks["terminals"].items()
    }

    def on_server(moment: float | None) -> float | None:
        return None if moment is None else moment + skew

    for index in range(story["n_samples"]):
        seen: dict[str, Any] = {"t": index * STEP_S}
        seen |= {name: next(values) for name, values in (plain | stamps).items()}
        seen["gpus"] = [{"util": next(util), "mem_mb": next(used)} for util, used in gpus]
        rows = [(name, *map(next, parts)) for name, parts in kernels.items()]
        seen["kernels"] = [
            {"id": k, "execution_state": s, "connections": c, "last_activity": on_server(at)}
            for k, s, c, at in rows
            if s is not None
        ]
        shells = [(name, *map(next, parts)) for name, parts in terminals.items()]
        seen["terminals"] = [
            {"name": name, "last_activity": on_server(at)} for name, alive, at in shells if alive
        ]
        yield _blanked(seen, skew)


def play(make: Callable[[Story], Rule], story: Story) -> Outcome:
    """Step a rule through a story until it destroys, a person does, or the story is over."""
    rule = make(story)
    answers: list[tuple[float, str]] = []
    events = sorted(story["events"], key=lambda event: event["t"])
    asked = 0
    for seen in samples(story):
        now = seen["t"]
        inbox = [event for event in events if event["t"] <= now]
        events = events[len(inbox) :]
        due = sorted(answer for answer in answers if answer[0] <= now)
        answers = [answer for answer in answers if answer[0] > now]
        if due and not _in_use(story, now):
            return _outcome(story, now, asked)
        inbox += [{"type": "keep", "until": now + KEEP_S[who]} for _, who in due]
        for action in rule.step({**seen, "inbox": inbox}):
            if action == "destroy":
                return _outcome(story, now, asked, by_rule=True)
            if action == "cancel":
                answers = []
                continue
            asked += _in_use(story, now)
            answers += _answer(story, now, action)
    return _outcome(story, None, asked)


def _answer(story: Story, now: float, action: str) -> list[tuple[float, str]]:
    """When whoever was asked will answer, if ever."""
    if action == "escalate":
        return [(now + LEAD_ANSWERS_AFTER_S, "lead")]
    delay_s = story["owner"]["delay_s"]
    if delay_s is None or action not in ("warn", "warn_lease"):
        return []
    at = now + delay_s
    for start, end in story["owner"]["away"]:
        if start <= at < end:
            at = end + 300
    return [(at, "owner")]


def _outcome(story: Story, ended_s: float | None, asked: int, *, by_rule: bool = False) -> Outcome:
    false_kill = by_rule and ended_s is not None and _in_use(story, ended_s)
    idle_s = story["truth"]["idle_since"]
    end_s = story["duration_s"] if ended_s is None else ended_s
    missed_h = 0.0 if idle_s is None or false_kill else max(0.0, end_s - idle_s) / 3600
    return Outcome(story["id"], ended_s, false_kill, missed_h, asked)


def _in_use(story: Story, now: float) -> bool:
    return any(start <= now < end for start, end in story["truth"]["in_use"])


def _blanked(seen: dict[str, Any], skew: float) -> dict[str, Any]:
    ssh, jupyter = seen.pop("probe") == "ok", seen["jup"] == "ok"
    seen |= {"probe_ok": ssh, "jup_ok": jupyter, "jup_state": seen.pop("jup")}
    seen["jup_server_now"] = seen["t"] + skew
    status = seen.pop("status_last")
    seen["status_last_activity"] = None if status is None else status + skew
    if not ssh:
        seen |= {name: None for name in _OF_SSH if name != _ALWAYS}
    if not jupyter:
        names = ("jup_server_now", "status_last_activity", "kernels", "terminals")
        seen |= dict.fromkeys(names)
    return seen


def _values(code: list[list[Any]]) -> Iterator[Any]:
    for value, count in code:
        for _ in range(count):
            yield value


def _moments(code: list[list[Any]]) -> Iterator[float | None]:
    now = 0
    for kind, value, count in code:
        for _ in range(count):
            yield None if kind == "none" else value if kind == "abs" else now - value
            now += STEP_S
