"""The relay's own pages: what a person sees when there is no notebook to show.

Each page is whole in itself (no script, nothing fetched), says what is the case and what to do
next. Scripts that run into one get the same words as JSON.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import web

from bot.domain.rentals import Phase, Reason, Rental, State
from bot.errors import BotError
from bot.relay import headers

STARTING_REFRESH_S = 3
UNREACHABLE_REFRESH_S = 5
_MOST_LINKS = 25
_DETAIL = 200  # characters of what Vast says; it may be a whole log


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


_PHASES: tuple[tuple[Phase, str], ...] = (
    (Phase.RENTING, "Renting the machine"),
    (Phase.LOADING, "Loading the image"),
    (Phase.CONNECTING, "Connecting"),
    (Phase.RESTORING, "Putting the archive back"),
    (Phase.STARTING_JUPYTER, "Starting Jupyter"),
    (Phase.OPENING, "Looking whether its page comes through"),
    (Phase.SWITCHING, "Bringing what is new"),
    (Phase.REACHABLE, "Opening the notebook"),
)

_ENDINGS = {
    Reason.RELEASED: "It was ended in Discord.",
    Reason.IDLE: "Nobody worked on it, so it was archived and ended.",
    Reason.NOT_RESTORED: "The archive could not be put onto it. The archive itself is unharmed.",
    Reason.CANCELLED: "It was cancelled before it was ready.",
    Reason.NO_OFFER: "The machine was rented by somebody else, and no other fitted the price.",
    Reason.REFUSED: "Vast.ai would not rent it out.",
    Reason.FAILED_START: "The machine could not be started.",
    Reason.TOO_SLOW: "The machine took too long to load.",
    Reason.PRICE_ROSE: "Vast.ai asked more for it than was agreed, so it was given back.",
    Reason.NO_SSH: "The machine never let us in.",
    Reason.NO_NOTEBOOK: "Jupyter could not be started on it.",
    Reason.NO_PATH: "Jupyter ran on it, but its page never came through.",
    Reason.BAD_IMAGE: "The image could not be fetched.",
    Reason.UNANSWERED: "Nobody said yes to a dearer machine in time.",
    Reason.MOVED: "Its work went to another machine.",
    Reason.NOT_MOVED: "The work could not be brought from the old machine, which stays.",
    Reason.VANISHED: "The machine disappeared from Vast.ai.",
}


def starting(rental: Rental) -> Page:
    """How far a machine is; reloads itself until it is ready."""
    moving = rental.moves_from is not None
    left_out = set() if moving else {Phase.SWITCHING}
    if rental.restore_id is None and not moving:
        left_out.add(Phase.RESTORING)
    phases = [one for one in _PHASES if one[0] not in left_out]
    at_phase = Phase.LOADING if rental.phase is Phase.CREATED else rental.phase
    done = next((at for at, (phase, _) in enumerate(phases) if phase is at_phase), 0)
    return Page(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="Your machine is starting",
        text=("Its card in Discord says when it is ready.", "This page reloads by itself."),
        steps=tuple(words for _, words in phases),
        done=done,
        detail=_shorten(rental.detail),
        refresh_s=STARTING_REFRESH_S,
    )


def gone(rental: Rental) -> Page:
    """The machine has ended or is ending, and why."""
    if rental.replacing:
        return starting(rental)
    ending = rental.state is State.DESTROYING
    why = _ENDINGS.get(rental.reason, "") if rental.reason else ""
    next_ = "/rent gets a new one."
    if rental.archive_id is not None:
        next_ = "Its work is archived: its owner puts it onto a new one with /archives restore, "
        next_ += "and it opens at this address again."
    return Page(
        status=HTTPStatus.GONE,
        title="This machine is ending" if ending else "This machine has ended",
        text=tuple(
            line for line in (why, f"Its card in Discord says what it cost. {next_}") if line
        ),
    )


def how_to_get_in(*links: Link) -> Page:
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title="This notebook opens from Discord",
        text=(
            "Type /open in Discord. You get a button that lets you in, in this browser.",
            "Only the person who rented the machine can open it, and whom it is shared with.",
        ),
        links=links,
    )


def view_only() -> Page:
    """To somebody with whom it is shared to look at."""
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title="This notebook is shared with you to look at",
        text=("Nothing was run or changed. Its owner can share it anew, to work in.",),
    )


def no_kernel() -> Page:
    return Page(status=HTTPStatus.NOT_FOUND, title="There is no such kernel")


def nothing_listens(port: int) -> Page:
    return Page(
        status=HTTPStatus.BAD_GATEWAY,
        title=f"Nothing answers on port {port} yet",
        text=(
            f"Start a program on the machine that listens on port {port} of 127.0.0.1 or 0.0.0.0.",
            "This page reloads by itself.",
        ),
        refresh_s=STARTING_REFRESH_S,
    )


def port_closed(error: BotError) -> Page:
    """A port that is never opened, and why."""
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title=error.public,
        text=(error.hint,) if error.hint else (),
    )


def ticket(port: int | None = None) -> Page:
    if port is not None:
        return Page(
            status=HTTPStatus.OK,
            title=f"Port {port} of your machine",
            text=("This link is yours alone and works once.",),
            button=f"Open port {port}",
        )
    return Page(
        status=HTTPStatus.OK,
        title="Your notebook is ready",
        text=("This link is yours alone and works once.",),
        button="Open the notebook",
    )


def ticket_no_longer_good() -> Page:
    return Page(
        status=HTTPStatus.GONE,
        title="This link no longer works",
        text=("It works once, and for five minutes only.", "Type /open in Discord for a new one."),
    )


def download() -> Page:
    return Page(
        status=HTTPStatus.OK,
        title="Your download is ready",
        text=(
            "This link is yours alone and works once.",
            "A download that your browser calls failed is not whole: ask for another link then.",
        ),
        button="Download",
    )


def download_no_longer_good() -> Page:
    return Page(
        status=HTTPStatus.GONE,
        title="This link no longer works",
        text=(
            "It works once, and for ten minutes only.",
            "/archives download in Discord gives you a new one.",
        ),
    )


def connecting() -> Page:
    """The machine is ready and the way to it is being built, as after a restart of ours."""
    return Page(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="Connecting to your machine",
        text=("This takes a few seconds.", "This page reloads by itself."),
        refresh_s=STARTING_REFRESH_S,
    )


def moving() -> Page:
    """The old notebook is closed, and the new one is not open yet."""
    return Page(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title="Your work is moving to another machine",
        text=(
            "What was saved comes along. Keep this page: it reloads by itself.",
            "When the new machine is ready, its card in Discord lets you in, at this address.",
        ),
        refresh_s=STARTING_REFRESH_S,
    )


def unreachable(since: datetime, now: datetime) -> Page:
    return Page(
        status=HTTPStatus.BAD_GATEWAY,
        title="Your machine is not answering",
        text=(
            f"It has been silent for {_ago(since, now)}. We keep trying.",
            "What runs on the machine goes on running. This page reloads by itself.",
        ),
        refresh_s=UNREACHABLE_REFRESH_S,
    )


def unknown_address() -> Page:
    return Page(
        status=HTTPStatus.NOT_FOUND,
        title="There is no machine at this address",
        text=("Type /status in Discord to see your machines, and /open to open one.",),
    )


def unknown_host() -> Page:
    return Page(
        status=HTTPStatus.MISDIRECTED_REQUEST,
        title="There is nothing at this address",
        text=("Open your notebook with /open in Discord.",),
    )


def bare(*links: Link) -> Page:
    return Page(
        status=HTTPStatus.OK,
        title="This is where notebooks open",
        text=("Each machine has an address of its own. Type /open in Discord to get to yours.",),
        links=links,
    )


def not_signed_in(error: BotError, again: Link) -> Page:
    """Somebody came back from Discord, and does not get in."""
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title=error.public,
        text=(error.hint,) if error.hint else (),
        links=(again,),
    )


def notebooks(links: Sequence[Link]) -> Page:
    """What somebody who signed in may enter."""
    return Page(
        status=HTTPStatus.OK,
        title="Your notebooks",
        text=("Each opens once by its button, within five minutes.",),
        links=tuple(links[:_MOST_LINKS]),
    )


def foreign() -> Page:
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title="Another site asked for this",
        text=("Requests that come from other sites are not passed to the notebook.",),
    )


def malformed() -> Page:
    return Page(
        status=HTTPStatus.BAD_REQUEST,
        title="This request cannot be understood",
        text=("Open your notebook with /open in Discord.",),
    )


def failed(error: BotError) -> Page:
    """An error of the house, in its own words."""
    return Page(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title=error.public,
        text=(error.hint,) if error.hint else (),
        refresh_s=UNREACHABLE_REFRESH_S,
    )


def incident(number: str) -> Page:
    """Something nobody foresaw; the number finds it in the log."""
    return Page(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        title="Something went wrong on our side",
        text=(f"Tell a lead the number {number}, and try again in a minute.",),
    )


def answer(page: Page, *, html: bool) -> web.Response:
    """The page as a person's browser or a script gets it."""
    response = web.Response(
        status=page.status,
        headers=_HEADERS,
        text=_html(page) if html else json.dumps({"message": _message(page)}, ensure_ascii=False),
        content_type="text/html" if html else "application/json",
    )
    if page.refresh_s is not None:
        response.headers["Retry-After"] = str(page.refresh_s)
    return response


def _message(page: Page) -> str:
    return " ".join((f"{page.title.rstrip('.')}.", *page.text[:1]))


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


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _DETAIL else f"{text[:_DETAIL]}…"


def _ago(since: datetime, now: datetime) -> str:
    seconds = max(1, int((now - since).total_seconds()))
    for size, unit in ((3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds} second{'s' if seconds > 1 else ''}"


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
