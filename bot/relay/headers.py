"""What passes between browser and notebook in headers: pure functions, no I/O.

Going up, everything that is ours (cookie, tickets) or the visitor's (addresses) stays behind and
the notebook's token is put on. Coming down, the machine is not trusted: it may not set our cookie,
reach beyond its own origin or bring down another one's data.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from multidict import CIMultiDict

from bot.relay.asking import Headers, named_by_connection

SERVER = "bellhop"

_COOKIE = "bellhop"
_SECURE_COOKIE = "__Host-bellhop"
_OWN = frozenset({_COOKIE, _SECURE_COOKIE})
_OWN_LOW = frozenset(name.lower() for name in _OWN)

# RFC 9110, 7.6.1, and the older names browsers and proxies still send.
_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Set anew by us, or who and where the visitor is: none of the machine's business.
_NOT_UP = frozenset(
    {
        "authorization",
        "client-ip",
        "cookie",
        "expect",
        "fastly-client-ip",
        "forwarded",
        "referer",
        "remote-user",
        "true-client-ip",
        "via",
        "x-bellhop-visitor",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-forwarded-for",
        "x-original-host",
        "x-real-ip",
        "x-remote-user",
        "x-webauth-user",
    }
)
# What proxies and sign-on gateways in front of us say about the visitor.
_NOT_UP_BEGINNINGS = (
    "cf-",
    "fly-",
    "tailscale-",
    "x-amzn-",
    "x-appengine-",
    "x-auth-request-",
    "x-azure-",
    "x-envoy-",
    "x-forwarded-",
)
_NOT_DOWN = frozenset(
    {
        # They end the cookies of sibling origins too, or sign the browser out elsewhere.
        "clear-site-data",
        "set-login",
        # They would outlive the machine at its address: another way to it, a promise of TLS, a
        # place to report to, a script between the page and us.
        "alt-svc",
        "expect-ct",
        "nel",
        "public-key-pins",
        "public-key-pins-report-only",
        "report-to",
        "reporting-endpoints",
        "service-worker-allowed",
        "strict-transport-security",
        # A proxy in front of us would take these for ours and serve its own files.
        "x-accel-redirect",
        "x-lighttpd-send-file",
        "x-sendfile",
        # Leads elsewhere, as a Location does, but is not looked at like one.
        "refresh",
        "server",
        "set-cookie",
        "via",
    }
)
# Joined once: every request asks.
_STAYS_UP = _HOP | _NOT_UP
_STAYS_UP_OF_PROGRAMS = _STAYS_UP - {"authorization"}
_STAYS_DOWN = _HOP | _NOT_DOWN
_LEADING = ("Location", "Content-Location", "Link")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", "notebook"})

_HANDSHAKE_DOWN = ("Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions")


def cookie_name(*, secure: bool) -> str:
    """Our cookie's name; the prefix makes browsers refuse it from anywhere but this origin."""
    return _SECURE_COOKIE if secure else _COOKIE


def cookies(headers: Headers, name: str) -> list[str]:
    """Every value under a cookie name; a sibling origin may have put a second one beside ours."""
    found = []
    for line in headers.getall("Cookie", ()):
        for pair in line.split(";"):
            key, _, value = pair.partition("=")
            if key.strip() == name:
                found.append(value.strip())
    return found


def up(headers: Headers, *, token: str) -> CIMultiDict[str]:
    """The headers of a request as the notebook gets them.

    Without a token it is not the notebook but a program of the person's, which may have a password
    of its own.
    """
    skip = _STAYS_UP if token else _STAYS_UP_OF_PROGRAMS
    named = named_by_connection(headers)
    if named:
        skip |= named
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        low = name.lower()
        if low not in skip and not low.startswith(_NOT_UP_BEGINNINGS):
            passed.add(name, value if value.isascii() else _sendable(value))
    referer = headers.get("Referer", "")
    if referer and _own_page(referer, headers.get("Host", "")):
        passed["Referer"] = _sendable(referer)
    if kept := _not_ours(headers):
        passed["Cookie"] = _sendable("; ".join(kept))
    if token:
        passed["Authorization"] = f"token {token}"
    return passed


def up_websocket(headers: Headers, *, token: str) -> CIMultiDict[str]:
    """The same for a WebSocket handshake, which is all about hop-by-hop headers."""
    passed = up(headers, token=token)
    passed.popall("Content-Length", None)
    passed["Connection"] = "Upgrade"
    passed["Upgrade"] = "websocket"
    return passed


def down(headers: Headers, *, host: str, token: str = "") -> CIMultiDict[str]:
    """The headers of an answer as the browser gets them; `host` is what the browser asked for.

    The notebook's `token` does not come along where it would end in the address bar.
    """
    skip = _STAYS_DOWN
    named = named_by_connection(headers)
    if named:
        skip |= named
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        if name.lower() not in skip:
            passed.add(name, value if value.isascii() else _sendable(value))
    for cookie in headers.getall("Set-Cookie", ()):
        if _settable(cookie):
            passed.add("Set-Cookie", _sendable(_host_only(cookie)))
    for name in _LEADING:
        if token and token in passed.get(name, ""):
            passed[name] = passed[name].replace(token, "")
    if "Location" in passed:
        passed["Location"] = _relative(passed["Location"], host)
    passed["Server"] = SERVER
    return passed


def down_websocket(headers: Headers) -> CIMultiDict[str]:
    """What the browser gets of an accepted handshake."""
    passed = CIMultiDict({"Connection": "Upgrade", "Upgrade": "websocket", "Server": SERVER})
    for name in _HANDSHAKE_DOWN:
        for value in headers.getall(name, []):
            passed.add(name, value)
    return passed


def _not_ours(headers: Headers) -> list[str]:
    """The cookies beside ours, as they were written."""
    return [
        kept
        for line in headers.getall("Cookie", ())
        for pair in line.split(";")
        if (kept := pair.strip()) and kept.partition("=")[0].strip() not in _OWN
    ]


def _host_only(cookie: str) -> str:
    """A cookie without its Domain, so that it stays on this origin."""
    first, *attributes = cookie.split(";")
    kept = [part for part in attributes if part.partition("=")[0].strip().lower() != "domain"]
    return ";".join([first, *kept])


def _settable(cookie: str) -> bool:
    """Whether a machine may set this one: not ours, and none that could be taken for ours.

    Browsers send a cookie without a name as its bare value, which may read `bellhop=…`.
    """
    name, equals, _ = cookie.partition(";")[0].partition("=")
    return bool(equals and name.strip()) and name.strip().lower() not in _OWN_LOW


def _own_page(referer: str, host: str) -> bool:
    """Whether a page of this origin, other than one of ours, is named."""
    try:
        parts = urlsplit(referer)
    except ValueError:
        return False
    return parts.netloc.lower() == host.lower() and not parts.path.startswith("/-/")


def _sendable(value: str) -> str:
    """A value that can be written as UTF-8: other bytes are read as Latin-1, as of old."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode(errors="surrogateescape").decode("latin-1")
    return value


def _relative(location: str, host: str) -> str:
    """A redirect to the host the browser is on, without scheme and host.

    So is one to the machine's own loopback: that would be the visitor's machine.
    """
    try:
        parts = urlsplit(location)
        hostname = parts.hostname
    except ValueError:
        return location
    own = parts.netloc.lower() == host.lower() or hostname in _LOOPBACK
    if not own or parts.scheme not in ("http", "https", ""):
        return location
    # One slash: "//name" would be another host, and browsers read "\\" as "/".
    path = "/" + parts.path.lstrip("/\\")
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{path}{query}{fragment}"
