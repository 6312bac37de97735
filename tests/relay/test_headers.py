"""What passes in headers, and what stays behind."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from bot.relay import headers

ORIGIN = "http://bc2345.localhost:8642"
HOST = "bc2345.localhost:8642"


def many(*pairs: tuple[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(pairs)


def test_going_up_our_cookie_stays_behind_and_others_pass() -> None:
    """Also where a sibling put a second one of our name beside it."""
    sent = headers.up(
        many(("Cookie", "_xsrf=1|2; bellhop=secret; username-x=y=z"), ("Cookie", "bellhop=two")),
        token="t",
    )

    assert sent.getall("Cookie") == ["_xsrf=1|2; username-x=y=z"]


def test_going_up_the_only_cookie_leaves_no_empty_header() -> None:
    """Nothing to send is nothing sent."""
    assert "Cookie" not in headers.up(many(("Cookie", "bellhop=secret")), token="t")


def test_going_up_the_token_replaces_whatever_authorization_there_was() -> None:
    """Exactly one, and it is the notebook's."""
    sent = headers.up(many(("Authorization", "token forged")), token="right")

    assert sent.getall("Authorization") == ["token right"]


def test_going_up_nothing_says_who_or_where_the_visitor_is() -> None:
    """The machine belongs to a stranger."""
    sent = headers.up(
        many(
            ("X-Forwarded-For", "192.0.2.1"),
            ("X-Forwarded-Host", "x"),
            ("X-Real-IP", "192.0.2.1"),
            ("Forwarded", "for=192.0.2.1"),
            ("Via", "1.1 front"),
            ("CF-Connecting-IP", "192.0.2.1"),
            ("X-Auth-Request-Email", "ana@example.org"),
            ("Remote-User", "ana"),
            ("Tailscale-User-Login", "ana@example.org"),
            ("Accept", "*/*"),
        ),
        token="t",
    )

    assert list(sent) == ["Accept", "Authorization"]


@pytest.mark.parametrize("way", ["up", "down"])
def test_hop_by_hop_headers_stay_behind(way: str) -> None:
    """Those of the standard and those a Connection header names."""
    given = many(
        ("Connection", "keep-alive, X-Secret-Hop"),
        ("Keep-Alive", "timeout=5"),
        ("Transfer-Encoding", "chunked"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
        ("X-Secret-Hop", "1"),
        ("X-Kept", "1"),
    )

    passed = headers.up(given, token="t") if way == "up" else headers.down(given, host=HOST)

    passed.popall("Authorization", None)
    passed.popall("Server", None)
    assert list(passed) == ["X-Kept"]


def test_coming_down_our_cookie_cannot_be_set_and_others_stay_on_this_origin() -> None:
    """No Domain: a machine's cookie never reaches a sibling's origin."""
    passed = headers.down(
        many(
            ("Set-Cookie", "bellhop=forged; Path=/"),
            ("Set-Cookie", "_xsrf=1; Domain=localhost; Path=/; HttpOnly"),
            ("Set-Cookie", "b=2"),
        ),
        host=HOST,
    )

    assert passed.getall("Set-Cookie") == ["_xsrf=1; Path=/; HttpOnly", "b=2"]


@pytest.mark.parametrize(
    ("referer", "passes"),
    [
        (f"http://{HOST}/lab/tree/a.ipynb", True),
        ("https://discord.com/channels/1/2", False),
        ("http://df6789.localhost:8642/lab", False),
        (f"http://{HOST}/-/ticket/secret", False),
        ("http://[broken", False),
    ],
)
def test_going_up_the_page_before_is_told_only_if_it_was_the_notebooks_own(
    referer: str, passes: bool
) -> None:
    """Where else a person was is none of the machine's business, nor is a ticket."""
    sent = headers.up(many(("Host", HOST), ("Referer", referer)), token="t")

    assert ("Referer" in sent) is passes


@pytest.mark.parametrize(
    "cookie",
    [
        "bellhop=forged",
        " bellhop =forged; Path=/lab",
        "BELLHOP=forged",
        "__Host-bellhop=forged; Secure; Path=/",
        "=bellhop=forged",
        "bellhop",
        "; bellhop=forged",
    ],
)
def test_coming_down_nothing_that_could_be_taken_for_our_cookie_is_set(cookie: str) -> None:
    """Browsers send one without a name as its bare value, which may look like ours."""
    assert "Set-Cookie" not in headers.down(many(("Set-Cookie", cookie)), host=HOST)


def test_values_that_are_no_utf_8_pass_as_what_they_were_meant_for() -> None:
    """Old programs put a file's name in Latin-1 there; it must not end in a fault of ours."""
    raw = b"attachment; filename=\xfcber.txt".decode(errors="surrogateescape")

    passed = headers.down(many(("Content-Disposition", raw)), host=HOST)

    assert passed["Content-Disposition"] == "attachment; filename=über.txt"


def test_a_redirect_never_brings_the_notebooks_token_into_the_address_bar() -> None:
    """It would be in the history, and in the next page's Referer."""
    given = many(("Location", "/lab?token=s3cret&x=1"), ("Link", "</a?token=s3cret>"))

    passed = headers.down(given, host=HOST, token="s3cret")

    assert passed["Location"] == "/lab?token=&x=1"
    assert "s3cret" not in passed["Link"]


@pytest.mark.parametrize(
    "name",
    [
        "Strict-Transport-Security",
        "Public-Key-Pins",
        "Expect-CT",
        "Report-To",
        "Reporting-Endpoints",
        "NEL",
        "Refresh",
        "Service-Worker-Allowed",
        "Set-Login",
        "X-Accel-Redirect",
        "X-Sendfile",
    ],
)
def test_coming_down_nothing_stays_in_the_browser_or_speaks_to_a_proxy_before_us(
    name: str,
) -> None:
    """A machine is gone in hours; its promises about this address would stay for years."""
    assert dict(headers.down(many((name, "x")), host=HOST)) == {"Server": "bellhop"}


def test_coming_down_nothing_reaches_beyond_the_origin_and_no_banner_shows() -> None:
    """Clear-Site-Data would sign the person out of sibling origins too."""
    passed = headers.down(
        many(
            ("Clear-Site-Data", '"*"'),
            ("Alt-Svc", 'h3="evil.example:443"'),
            ("Server", "TornadoServer/6.5"),
            ("Via", "1.1 machine"),
        ),
        host=HOST,
    )

    assert dict(passed) == {"Server": "bellhop"}


@pytest.mark.parametrize(
    ("location", "relative"),
    [
        ("/lab?", "/lab?"),
        (f"http://{HOST}/lab?x=1#y", "/lab?x=1#y"),
        (f"//{HOST}/lab", "/lab"),
        (f"http://{HOST}//evil.example/", "/evil.example/"),
        (f"http://{HOST}", "/"),
        ("https://docs.example.org/", "https://docs.example.org/"),
        ("http://[broken", "http://[broken"),
        ("http://127.0.0.1:8080/lab?x=1", "/lab?x=1"),
        ("https://localhost/tree", "/tree"),
        ("//notebook/lab", "/lab"),
        (f"http://{HOST}/\\evil.example/", "/evil.example/"),
    ],
)
def test_a_redirect_to_the_same_host_is_made_relative(location: str, relative: str) -> None:
    """What the notebook knows of scheme and port is not what the browser sees."""
    passed = headers.down(many(("Location", location)), host=HOST)

    assert passed["Location"] == relative


def test_a_websocket_handshake_passes_with_subprotocols_and_extensions() -> None:
    """They are agreed between browser and notebook; the relay has no part in it."""
    given = many(
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Key", "k"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "v1.kernel.websocket.jupyter.org"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
    )

    sent = headers.up_websocket(given, token="t")

    assert dict(sent) == {**dict(given), "Connection": "Upgrade", "Authorization": "token t"}


def test_the_cookies_name_is_the_strictest_the_scheme_allows() -> None:
    """Browsers take `__Host-` from this origin over TLS only, with no Domain and the whole path."""
    assert headers.cookie_name(secure=True) == "__Host-bellhop"
    assert headers.cookie_name(secure=False) == "bellhop"
