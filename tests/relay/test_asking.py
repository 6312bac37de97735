"""What a request's head says of itself."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from bot.relay import asking

ORIGIN = "http://bc2345.localhost:8642"


@pytest.mark.parametrize(
    ("method", "given", "verdict"),
    [
        ("POST", {"Origin": ORIGIN}, False),
        ("POST", {}, False),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, False),
        ("POST", {"Origin": "http://df6789.localhost:8642"}, True),
        ("POST", {"Origin": "null"}, True),
        ("POST", {"Sec-Fetch-Site": "same-site"}, True),
        ("DELETE", {"Origin": "https://evil.example"}, True),
        ("GET", {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": ORIGIN}, False),
        ("GET", {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "http://x"}, True),
        ("GET", {"Upgrade": "websocket", "Connection": "Upgrade"}, True),
        ("GET", {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "null"}, True),
        ("GET", {}, False),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, False),
        (
            "GET",
            {
                "Sec-Fetch-Site": "same-site",
                "Sec-Fetch-Mode": "navigate",
                "Sec-Fetch-Dest": "iframe",
            },
            True,
        ),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, True),
        ("GET", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, False),
    ],
)
def test_another_site_may_link_here_and_nothing_more(method, given, verdict) -> None:
    """Siblings are other sites; links from Discord are followed."""
    assert asking.foreign(method, CIMultiDict(given), origin=ORIGIN) is verdict


def test_two_origins_are_nobodys() -> None:
    """Which one counts is not guessed."""
    given = CIMultiDict([("Origin", ORIGIN), ("Origin", "https://evil.example")])

    assert asking.foreign("POST", given, origin=ORIGIN)


@pytest.mark.parametrize(
    ("method", "path", "verdict"),
    [
        ("PUT", "/api/contents/a.ipynb", True),
        ("POST", "/api/kernels", True),
        ("DELETE", "/api/sessions/1", True),
        ("PATCH", "/api/terminals/1", True),
        ("GET", "/api/kernels", False),
        ("HEAD", "/api/contents", False),
        ("PUT", "/lab/api/workspaces/default", False),
        ("POST", "/api/kernelspecs", False),
    ],
)
def test_a_person_is_a_request_that_changes_something(method, path, verdict) -> None:
    """An untouched JupyterLab tab polls and writes its workspace for ever."""
    assert asking.is_input(method, path) is verdict


def test_a_person_types_into_kernels_and_terminals() -> None:
    """Other sockets carry the server's news only."""
    assert asking.is_input_socket("/api/kernels/ab-12/channels")
    assert asking.is_input_socket("/terminals/websocket/1")
    assert not asking.is_input_socket("/api/events/subscribe")


@pytest.mark.parametrize(
    ("path", "given", "verdict"),
    [
        ("/lab", {"Accept": "text/html,*/*"}, True),
        ("/lab", {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}, True),
        ("/lab", {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}, False),
        ("/api/status", {"Accept": "text/html"}, False),
        ("/lab", {"Accept": "application/json"}, False),
        ("/lab", {}, False),
    ],
)
def test_people_get_pages_and_scripts_get_json(path, given, verdict) -> None:
    """By what the browser says it is doing."""
    assert asking.wants_page("GET", path, CIMultiDict(given)) is verdict
