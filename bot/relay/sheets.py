"""A page of the relay's own as a person's browser gets it, or the same words as JSON for a script.

What the pages say is in `pages.py`. Each is whole in itself: no script, nothing fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import web

from bot.relay import headers


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
    refresh = f'<meta http-equiv="refresh" content="{page.refresh_s}">' if page.refresh_s else ""
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
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'{refresh}<link rel="icon" href="data:,"><title>{escape(page.title)} · Bellhop</title>'
        f"<style>{_CSS}</style></head><body><main>{_BELL}{''.join(parts)}</main></body></html>"
    )


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
    words = escape(line).split(" ")
    return " ".join(f"<code>{word}</code>" if word[:1] == "/" else word for word in words)


_BELL = (
    '<svg viewBox="0 0 48 48" width="44" height="44" aria-hidden="true"><g fill="none" '
    'stroke="currentColor" stroke-width="3" stroke-linecap="round" stroke-linejoin="round">'
    '<path d="M6 38h36"/><path d="M9 33a15 15 0 0 1 30 0z"/><path d="M24 18v-5"/>'
    '<path d="M20 12h8"/></g></svg>'
)

_CSS = """
:root{--back:#f4f5f7;--card:#fff;--text:#1d2129;--soft:#5a6270;--line:#e2e5ea;--mark:#4b57d6}
@media(prefers-color-scheme:dark){:root{--back:#17191d;--card:#212429;--text:#eceef1;--soft:#a3abb8;
--line:#343941;--mark:#8f99ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:1.25rem;
background:var(--back);color:var(--text);font:1.0625rem/1.55 system-ui,sans-serif}
main{width:100%;max-width:29rem;padding:2rem;background:var(--card);border:1px solid var(--line);
border-radius:1rem}
svg{display:block;color:var(--mark);margin:0 0 1rem -.2rem}
h1{font-size:1.4rem;line-height:1.3;margin:0 0 .75rem;text-wrap:balance}
p{margin:.6rem 0 0;color:var(--soft)}
code{padding:.1em .35em;border-radius:.3rem;background:var(--back);color:var(--text);
font:.92em ui-monospace,monospace;white-space:nowrap}
.detail{padding:.6rem .75rem;border-radius:.5rem;background:var(--back);
font:.85rem/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
ol{list-style:none;margin:0 0 1rem;padding:0}
li{position:relative;padding:.2rem 0 .2rem 1.8rem;color:var(--soft)}
li::before{content:"";position:absolute;left:.25rem;top:.72rem;width:.7rem;height:.7rem;
border:2px solid var(--line);border-radius:50%}
li.done::before,li.now::before{border-color:var(--mark)}
li.done::before{background:var(--mark)}
li.now{color:var(--text);font-weight:600}
button,a.on{display:block;width:100%;margin-top:1.5rem;padding:.85rem 1rem;border:0;
border-radius:.6rem;background:#4b57d6;color:#fff;font:600 1.0625rem system-ui,sans-serif;
cursor:pointer;text-align:center;text-decoration:none;overflow-wrap:anywhere}
a.on+a.on{margin-top:.75rem}
button:hover,a.on:hover{background:#3d48bd}
button:focus-visible,a.on:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()
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
