"""What somebody may do who is only to look at a notebook: pure decisions, no I/O.

Only reading requests pass, and only to what is known to read: extensions of Jupyter answer GET as
they like. Of what is said to a kernel only questions about itself pass, as every tab asks them when
it connects. The rest is answered in the kernel's place, so that a cell shows why nothing happens.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

NOTICE = "This notebook is shared with you to look at. Nothing was run or changed."

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_PAGES = re.compile(
    r"/|/(lab|tree|notebooks|doc|edit|view|static|files|nbconvert|kernelspecs|custom|nbextensions)"
    r"(/.*)?|/(favicon\.ico|robots\.txt)"
)
_API = re.compile(
    r"/api/?|/api/(contents|kernels|kernelspecs|sessions|terminals|status|me|config)(/.*)?"
    r"|/lab/api/.*"
)
_KERNEL = re.compile(r"/api/kernels/[^/]+/channels")
_QUESTIONS = frozenset(
    {"kernel_info_request", "comm_info_request", "is_complete_request", "history_request"}
)
_REQUEST = "_request"


def may_ask(method: str, path: str) -> bool:
    """Whether a request reads, and nothing else."""
    if method not in _READING or ".." in path.split("/"):
        return False
    return _PAGES.fullmatch(path) is not None or _API.fullmatch(path) is not None


def may_connect(path: str) -> bool:
    """Whether a WebSocket may be opened: to kernels, where what is said is looked at."""
    return _KERNEL.fullmatch(path) is not None


def own_session(session_id: str, digest: str) -> str:
    """The session's name at Jupyter: nobody may take another one's place, and get what was kept
    for them."""
    return f"view-{hashlib.sha256(f'{digest} {session_id}'.encode()).hexdigest()[:24]}"


def answer(message: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """What is answered in the kernel's place; None where a message may go on to it."""
    header = message.get("header")
    kind = header.get("msg_type") if isinstance(header, dict) else None
    if kind in _QUESTIONS and message.get("channel") in ("shell", "control"):
        return None
    if not isinstance(header, dict) or not isinstance(kind, str) or not kind.endswith(_REQUEST):
        return []  # nobody waits for an answer to it: a widget's word, or an answer to a question
    error = {"ename": "Shared to look at", "evalue": NOTICE, "traceback": [NOTICE]}
    said = [_say(message, "status", "iopub", {"execution_state": "busy"})]
    if kind == "execute_request":
        said.append(_say(message, "error", "iopub", error))
    reply = f"{kind.removesuffix(_REQUEST)}_reply"
    channel = str(message.get("channel") or "shell")
    said.append(_say(message, reply, channel, {"status": "error", "execution_count": 0, **error}))
    said.append(_say(message, "status", "iopub", {"execution_state": "idle"}))
    return said


def read(text: str) -> Mapping[str, Any] | None:
    """A message as Jupyter's older form has it; None for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _say(
    parent: Mapping[str, Any], kind: str, channel: str, content: dict[str, Any]
) -> dict[str, Any]:
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": kind,
        "session": "bellhop",
        "username": "",
        "date": datetime.now(UTC).isoformat(),
        "version": "5.3",
    }
    return {
        "header": header,
        "parent_header": dict(parent["header"]),
        "metadata": {},
        "content": content,
        "channel": channel,
        "buffers": [],
        "msg_id": header["msg_id"],
        "msg_type": kind,
    }
