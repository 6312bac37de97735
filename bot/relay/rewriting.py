"""Pages of the notebook server, changed on their way to the browser, piece by piece.

JupyterLab writes its token into its own page: it is taken out, for the relay adds it to every
request and the page works without. And our script is put in, which shows the output of cells that
ran while no tab was open (`script.js`); nothing of it is on the machine.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

SCRIPT_PATH = "/-/outputs.js"

_PAGES = re.compile(r"/(lab|notebooks|tree|doc)(/|$)")
_CHANGES = (
    (b"</head>", f'<script src="{SCRIPT_PATH}" defer></script></head>'.encode()),
    # JupyterLab's own switch: the script finds the notebooks through it.
    (b'"exposeAppInBrowser": false', b'"exposeAppInBrowser": true'),
)


def shows_notebooks(path: str) -> bool:
    """Whether a page at this path may be JupyterLab's, or Notebook 7's."""
    return _PAGES.match(path) is not None


def with_script(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for old, new in _CHANGES:
        pieces = replaced(pieces, old, new)
    return pieces


async def replaced(pieces: AsyncIterator[bytes], old: bytes, new: bytes) -> AsyncIterator[bytes]:
    """The bytes with `new` in every place of `old`, wherever they are cut."""
    held = b""
    async for piece in pieces:
        *done, held = (held + piece).split(old)
        out = b"".join(part + new for part in done)
        keep = _overlap(held, old)
        out += held[: len(held) - keep]
        held = held[len(held) - keep :]
        if out:
            yield out
    if held:
        yield held


def _overlap(text: bytes, wanted: bytes) -> int:
    """How many bytes at the end may be the beginning of what is wanted."""
    longest = min(len(text), len(wanted) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(wanted[:size])), 0)
