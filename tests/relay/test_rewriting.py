"""Pages are changed right however they are cut, and only JupyterLab's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.relay.rewriting import replaced, shows_notebooks, with_script

PAGE = b'<head><title>x</title></head><script>{"exposeAppInBrowser": false}</script> </hea </head'


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
async def test_the_script_is_put_in_once(size: int) -> None:
    """And JupyterLab shows its notebooks to it."""
    page = b"".join([piece async for piece in with_script(pieces(PAGE, size))])

    assert page == PAGE.replace(
        b"</head>", b'<script src="/-/outputs.js" defer></script></head>'
    ).replace(b"false", b"true")


@pytest.mark.parametrize("size", [1, 2, 5, 100])
async def test_repeated_and_nearly_matching_bytes_are_replaced_right(size: int) -> None:
    """What looks like the beginning and is not stays."""
    data = b"aab aaab ab aabaab aa"

    found = b"".join([piece async for piece in replaced(pieces(data, size), b"aab", b"-")])

    assert found == data.replace(b"aab", b"-")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/lab", True),
        ("/lab/tree/a.ipynb", True),
        ("/notebooks/a.ipynb", True),
        ("/files/mine.html", False),
        ("/labs", False),
        ("/", False),
    ],
)
def test_only_pages_that_show_notebooks_are_changed(path: str, expected: bool) -> None:
    """A person's own page is left as it is."""
    assert shows_notebooks(path) is expected
