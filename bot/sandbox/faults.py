"""Faults that can be asked for: which there are, what they take, and which are in force.

A fault strikes `times` times (for ever with null) wherever all of `match` holds. Those of requests
are matched by method and path (a part of it) too; those of a machine's life only by what is known
of the machine. A request about a machine carries that machine's facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.refusal import Refusal

Facts = Mapping[str, object]

_MACHINE = frozenset({"contract", "label", "machine_id", "gpu_name", "offer_id"})
_REQUEST = _MACHINE | {"method", "path"}


@dataclass(frozen=True, slots=True)
class Kind:
    does: str
    match: frozenset[str]
    takes: Mapping[str, Any]  # each parameter with what it is when left out


KINDS: Mapping[str, Kind] = {
    # Requests
    "slow": Kind("answers after `seconds`", _REQUEST, {"seconds": 5.0}),
    "rate_limited": Kind("429 in plain text", _REQUEST, {"retry_after": None}),
    "search_quota": Kind(
        "429 to a search: the day's quota is used up for `seconds`", _REQUEST, {"seconds": 3600.0}
    ),
    "server_error": Kind("an HTML page with `status`", _REQUEST, {"status": 500}),
    "html": Kind("an HTML page with status 200", _REQUEST, {}),
    "nonsense": Kind("JSON of an unexpected shape", _REQUEST, {}),
    "cut": Kind("the connection breaks, nothing is carried out", _REQUEST, {}),
    "lost_answer": Kind("carried out, then the connection breaks", _REQUEST, {}),
    "bad_key": Kind("404 auth_error, whatever the key", _REQUEST, {}),
    "two_factor": Kind("401 that asks for a second factor", _REQUEST, {}),
    "partial_list": Kind(
        "the second page of a list fails with `status`", _REQUEST, {"status": 500}
    ),
    "duplicates": Kind("a search shows every offer twice, with different scores", _REQUEST, {}),
    "unfiltered": Kind("a search ignores its filters", _REQUEST, {}),
    "team_key": Kind("the account takes no SSH keys, as with a team's key", _REQUEST, {}),
    "late_charges": Kind("charges show only that `share` of the bill", _REQUEST, {"share": 0.5}),
    "slow_logs": Kind("logs are uploaded after `seconds`", _REQUEST, {"seconds": 5.0}),
    # Renting
    "offer_gone": Kind("400 no_such_ask", _MACHINE, {}),
    "offer_gone_410": Kind("410 no_such_ask", _MACHINE, {}),
    "low_credit": Kind("400 insufficient_credit", _MACHINE, {}),
    "bid_too_low": Kind("an error that names a new, stopped contract", _MACHINE, {}),
    "no_with_contract": Kind("200 that says no and names a contract, which runs", _MACHINE, {}),
    "price_changed": Kind("the contract costs `factor` of the offer", _MACHINE, {"factor": 1.5}),
    "late_list": Kind("not in lists for `seconds`", _MACHINE, {"seconds": 10.0}),
    # A machine's life
    "stuck_loading": Kind("stays loading for ever", _MACHINE, {}),
    "dies_loading": Kind(
        "an error in status_msg, and after `after_s` it is given up",
        _MACHINE,
        {
            "after_s": 1.0,
            "message": "Error response from daemon: manifest for image not found: manifest unknown",
        },
    ),
    "dies_later": Kind(
        "becomes `state` when it has run for `after_s`",
        _MACHINE,
        {"after_s": 5.0, "state": "exited"},
    ),
    "no_ssh": Kind("runs, but SSH is refused for ever", _MACHINE, {}),
    "slow_ssh": Kind("SSH is refused for `seconds`", _MACHINE, {"seconds": 10.0}),
    "ssh_breaks": Kind(
        "SSH is cut when it has run for `after_s`, and refused for `seconds`",
        _MACHINE,
        {"after_s": 20.0, "seconds": 30.0},
    ),
    "ssh_hangs": Kind(
        "SSH answers nothing for `seconds` when it has run for `after_s`; connections stay open",
        _MACHINE,
        {"after_s": 20.0, "seconds": 30.0},
    ),
    "jupyter_dies": Kind(
        "every Jupyter that runs is killed when the machine has run for `after_s`",
        _MACHINE,
        {"after_s": 20.0},
    ),
    "no_keys": Kind("no public key ever reaches the machine", _MACHINE, {}),
    "unknown_state": Kind("shown with `state`", _MACHINE, {"state": "hibernating"}),
    # What is shown of a machine
    "null_by_number": Kind("its number says that there is no such machine", _MACHINE, {}),
    "not_listed": Kind("lists lack it; its number shows it", _MACHINE, {}),
    "negative_price": Kind("shown with a price below zero", _MACHINE, {}),
    "text_numbers": Kind("every number in its row is a text", _MACHINE, {}),
    "missing_fields": Kind("its row lacks its state and its prices", _MACHINE, {}),
    "short_list": Kind("a list announces one machine more than it shows", _REQUEST, {}),
    # The end
    "destroy_ignored": Kind("a destroy is taken, and nothing happens", _MACHINE, {}),
    "late_destroy": Kind(
        "a destroy is taken, and done after `seconds`", _MACHINE, {"seconds": 10.0}
    ),
}


@dataclass(slots=True)
class Fault:
    name: str
    times: int | None
    match: Mapping[str, object]
    takes: Mapping[str, Any]

    def strikes(self, facts: Facts) -> bool:
        return all(
            str(wanted) in str(facts.get(key, ""))
            if key == "path"
            else str(facts.get(key)).lower() == str(wanted).lower()
            for key, wanted in self.match.items()
        )


class Faults:
    """Those in force, oldest first."""

    def __init__(self) -> None:
        self._in_force: list[Fault] = []

    def add(
        self,
        name: str,
        *,
        times: int | None = 1,
        match: Mapping[str, object] | None = None,
        **takes: object,
    ) -> None:
        """Put a fault in force. Raises Refusal, naming what is wrong with it."""
        kind = KINDS.get(name)
        if kind is None:
            raise Refusal(400, "unknown_fault", f"no fault {name!r}; there are {', '.join(KINDS)}")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise Refusal(400, "bad_fault", f"times is a number above 0 or null, not {times!r}")
        match = match or {}
        for word, given, known in (("match", match, kind.match), ("field", takes, set(kind.takes))):
            for key in given:
                if key not in known:
                    raise Refusal(
                        400, "bad_fault", f"{name} knows no {word} {key!r}; it has {sorted(known)}"
                    )
        for key, value in takes.items():
            if value is not None or kind.takes[key] is not None:
                _check(key, value)
        self._in_force.append(Fault(name, times, dict(match), {**kind.takes, **takes}))

    def take(self, name: str, facts: Facts) -> Mapping[str, Any] | None:
        """Use up one strike of a fault: its parameters, or None where none strikes here."""
        for fault in self._in_force:
            if fault.name == name and fault.strikes(facts):
                if fault.times is not None:
                    fault.times -= 1
                self._in_force = [each for each in self._in_force if each.times != 0]
                return fault.takes
        return None

    def clear(self) -> None:
        self._in_force.clear()

    def in_force(self) -> list[dict[str, object]]:
        return [
            {"fault": each.name, "times": each.times, "match": dict(each.match), **each.takes}
            for each in self._in_force
        ]


def _check(key: str, value: object) -> None:
    """Refuse a parameter now that could not be used when the fault strikes."""
    if key in ("state", "message"):
        right, wanted = isinstance(value, str), "a text"
    elif key == "status":
        right = type(value) is int and 400 <= value <= 599
        wanted = "a number from 400 to 599"
    else:
        right = type(value) in (int, float) and 0 <= float(str(value)) <= 86400
        wanted = "a number from 0 to 86400"
    if not right:
        raise Refusal(400, "bad_fault", f"{key} is {wanted}, not {value!r}")
