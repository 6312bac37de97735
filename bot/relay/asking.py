"""What a request's head says of itself: what is wanted, from where, and whether by a person.

Pure functions, no I/O. What is passed on in headers is in `headers.py`.
"""

from __future__ import annotations

import re

from multidict import CIMultiDict, CIMultiDictProxy

Headers = CIMultiDict[str] | CIMultiDictProxy[str]

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_NONE: frozenset[str] = frozenset()

_INPUT = re.compile(r"/api/(contents|kernels|sessions|terminals)(/|$)")
_KERNEL = re.compile(r"/api/kernels/([^/]+)/channels")
_INPUT_SOCKET = re.compile(r"/api/kernels/[^/]+/channels|/terminals/websocket/[^/]+")


def wants_websocket(method: str, headers: Headers) -> bool:
    return (
        method == "GET"
        and headers.get("Upgrade", "").strip().lower() == "websocket"
        and "upgrade" in named_by_connection(headers)
    )


def foreign(method: str, headers: Headers, *, origin: str) -> bool:
    """Whether another site is behind this request and it is more than following a link.

    Sibling rentals count as other sites: SameSite cookies do not tell them apart, Origin does.
    """
    claimed = headers.getall("Origin", [])
    site = headers.get("Sec-Fetch-Site", "none")
    if wants_websocket(method, headers):
        # Every browser says where a WebSocket comes from; silence is nobody we know.
        return [one.lower() for one in claimed] != [origin]
    if method not in SAFE:
        if claimed:
            return [one.lower() for one in claimed] != [origin]
        return site not in ("none", "same-origin")
    if site not in ("cross-site", "same-site"):
        return False
    # A link is followed into a window of its own, never into another site's frame.
    return (
        headers.get("Sec-Fetch-Mode") != "navigate"
        or headers.get("Sec-Fetch-Dest", "document") != "document"
    )


def by_tunnel(headers: Headers) -> bool:
    """Whether a request came in through Cloudflare, which puts this header on each.

    Source: Cloudflare's documents, "HTTP headers"; nobody who comes that way can leave it away.
    """
    return "CF-Ray" in headers


def installs_worker(headers: Headers) -> bool:
    """Whether a browser fetches a service worker's script.

    One would stay in the browser when the machine is gone, between the page and us: at an address
    that goes over to another machine it could read everything there, tickets first.
    """
    return "Service-Worker" in headers


def pressed_here(headers: Headers, origin: str) -> bool:
    """Whether a form was sent from our own page at this origin.

    Our pages send no referrer, and browsers then say "null" as the origin of their forms.
    """
    if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    return headers.get("Origin", "null") in ("null", origin)


def is_input(method: str, path: str) -> bool:
    """Whether a request is a person's doing (reference idle-and-archive, 1.3)."""
    return method not in SAFE and _INPUT.match(path) is not None


def is_input_socket(path: str) -> bool:
    """Whether data frames to this WebSocket are a person's doing (the same source)."""
    return _INPUT_SOCKET.fullmatch(path) is not None


def kernel_of(path: str) -> str | None:
    """The kernel that a WebSocket at this path talks to."""
    found = _KERNEL.fullmatch(path)
    return found[1] if found else None


def wants_page(method: str, path: str, headers: Headers) -> bool:
    """Whether a person looks at the answer, as opposed to a script."""
    if path.startswith("/api/"):
        return False
    mode = headers.get("Sec-Fetch-Mode")
    if mode is not None and mode != "navigate":
        return False
    return method in ("GET", "HEAD", "POST") and "text/html" in headers.get("Accept", "")


def named_by_connection(headers: Headers) -> frozenset[str]:
    """The headers that are for this connection only, by the Connection header."""
    said = headers.getall("Connection", None)
    if said is None:
        return _NONE
    named = ",".join(said)
    return frozenset(name.strip().lower() for name in named.split(",") if name.strip())
