"""The script that finds or starts Jupyter on a machine, and what it answers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources

from bot.errors import NotebookFailed
from bot.ports.machines import NotebookAt, Ran


def script(*, packages: Sequence[str], course: str | None, start_s: int) -> str:
    """POSIX sh for `Shell.run`; safe to run again and at the same time.

    `start_s` is how long Jupyter may take from its start until it listens.
    """
    wishes = {"COURSE": course or "", "PACKAGES": " ".join(packages), "START_S": str(start_s)}
    settings = "".join(f"{name}={shlex.quote(value)}\n" for name, value in wishes.items())
    return settings + (resources.files(__package__) / "start.sh").read_text()


def parse(ran: Ran) -> NotebookAt:
    """The server that the script found or started. Raises NotebookFailed, with the log's end."""
    told = [line.partition(" ") for line in ran.stdout.splitlines() if line.startswith("bellhop-")]
    for kind, _, text in told:
        if kind == "bellhop-server":
            return replace(
                _server(text), started=any(one == "bellhop-started" for one, _, _ in told)
            )
    faults = [text for kind, _, text in told if kind == "bellhop-fault"]
    tail = "\n".join(text for kind, _, text in told if kind == "bellhop-tail")
    why = faults[0] if faults else f"The start script ended with status {ran.status}."
    raise NotebookFailed(f"{why}\n{tail or ran.stderr[-1000:]}".strip())


def _server(text: str) -> NotebookAt:
    """Jupyter's own information file: jupyter_server's, or notebook 6's."""
    try:
        said = json.loads(text)
        socket = str(said.get("sock") or "") or None
        return NotebookAt(
            socket=socket,
            port=None if socket else int(said["port"]),
            token=str(said["token"]),
            root=str(said.get("root_dir") or said["notebook_dir"]),
            version=str(said.get("version", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        # Not chained: the text holds the token.
        raise NotebookFailed("Jupyter's information file cannot be understood.") from None
