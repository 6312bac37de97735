"""The mark of a Bellhop on the machines it rents, as a comment in their start script.

Vast shows that script in its lists. Two Bellhops with one name on one account, or one and a copy
of it, tell their machines apart by it. It is public: a fingerprint of a public key.
"""

from __future__ import annotations

import re

_MARK = re.compile(r"# bellhop ([0-9a-f]{16})\b")


def write(script: str, mark: str) -> str:
    return f"{script} # bellhop {mark}" if mark else script


def read(script: object) -> str:
    """The mark in a start script; empty where there is none."""
    found = _MARK.search(script) if isinstance(script, str) else None
    return found[1] if found else ""
