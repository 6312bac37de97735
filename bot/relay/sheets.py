"""A page of the relay's own as a person's browser gets it, or the same words as JSON for a script.

What the pages say is in `pages/`, how they look in `dress.py`. Each is whole in itself: no script,
nothing fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import web

from bot.relay import dress, headers


class Link(NamedTuple):
    words: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What to say. `steps` is a list with the number of those that are done."""

    status: HTTPStatus
    title: str
    text: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    done: int = 0
    detail: str = ""
    links: tuple[Link, ...] = ()  # ways on, shown as buttons
    button: str = ""  # a form that posts to the same address, with nothing in it
    refresh_s: int | None = None


def answer(page: Page, *, html: bool) -> web.Response:
    """The page as a person's browser or a script gets it."""
    response = web.Response(
        status=page.status,
        headers=_HEADERS,
        text=_html(page) if html else _json(page),
        content_type="text/html" if html else "application/json",
    )
    if page.refresh_s is not None:
        response.headers["Retry-After"] = str(page.refresh_s)
    return response


def _json(page: Page) -> str:
    """`message` is what JupyterLab shows; the rest is for our own script in its page."""
    message = " ".join((f"{page.title.rstrip('.')}.", *page.text[:1]))
    said = {"message": message, "title": page.title, "text": page.text}
    return json.dumps(said, ensure_ascii=False)


def _html(page: Page) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark">{_bar_colours()}'
        f'{_refresh(page)}<link rel="icon" href="{dress.ICON}">'
        f"<title>{escape(page.title)} · Bellhop</title><style>{dress.CSS}</style></head><body>"
        f"<main{_kind(page)}>{_waiting(page)}<header>{dress.BELL}<span>Bellhop</span></header>"
        f"{_said(page)}</main></body></html>"
    )


def _said(page: Page) -> str:
    parts = [f"<h1>{escape(page.title)}</h1>"]
    if page.steps:
        parts.append(_steps(page))
    if page.detail:
        parts.append(f'<p class="detail">{escape(page.detail)}</p>')
    parts += [f"<p>{_commands(line)}</p>" for line in page.text]
    parts += [
        f'<a class="on" href="{escape(one.url)}">{escape(one.words)}</a>' for one in page.links
    ]
    if page.button:
        parts.append(f'<form method="post"><button>{escape(page.button)}</button></form>')
    return "".join(parts)


def _bar_colours() -> str:
    """What a phone paints its own bars with, around the page."""
    return "".join(
        f'<meta name="theme-color" media="(prefers-color-scheme: {scheme})" '
        f'content="{colours.back}">'
        for scheme, colours in (("light", dress.LIGHT), ("dark", dress.DARK))
    )


def _kind(page: Page) -> str:
    return ' class="over"' if page.status is HTTPStatus.GONE else ""


def _refresh(page: Page) -> str:
    if page.refresh_s is None:
        return ""
    return f'<meta http-equiv="refresh" content="{page.refresh_s}">'


def _waiting(page: Page) -> str:
    """A bar that fills until the page looks again; what it says is in the words, too."""
    if page.refresh_s is None:
        return ""
    pace = "" if page.refresh_s <= 3 else " slower" if page.refresh_s <= 5 else " slow"
    return f'<div class="wait{pace}" aria-hidden="true"></div>'


def _steps(page: Page) -> str:
    rows = []
    for at, words in enumerate(page.steps):
        now = at == page.done
        kind = "now" if now else "done" if at < page.done else "later"
        current = ' aria-current="step"' if now else ""
        rows.append(f'<li class="{kind}"{current}>{escape(words)}</li>')
    return f"<ol>{''.join(rows)}</ol>"


def _commands(line: str) -> str:
    """The line with slash commands set apart as such."""
    return _COMMAND.sub(r"<code>\g<0></code>", escape(line))


_COMMAND = re.compile(r"(?<!\S)/[a-z]+(?: (?:restore|download)\b)?")

_STYLE_HASH = base64.b64encode(hashlib.sha256(dress.CSS.encode()).digest()).decode()
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Server": headers.SERVER,
    "Vary": "Accept, Cookie, Sec-Fetch-Mode",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
