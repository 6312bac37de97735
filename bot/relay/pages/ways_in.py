"""How one gets in: by a link from Discord, by signing in, or not at this address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus

from bot.errors import BotError
from bot.relay.sheets import Link, Page
from bot.services.links import SESSION_LIFE

_MOST_LINKS = 25


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


def signed_out(*links: Link) -> Page:
    """To a browser that was let in once and is not any more."""
    hours = SESSION_LIFE // timedelta(hours=1)
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title="You are signed out of this notebook",
        text=(
            "Type /open in Discord. You get a button that lets you in again, in this browser.",
            f"A way in lasts {hours} hours, and ends at once when it is taken back. What runs on "
            "the machine goes on running.",
        ),
        links=links,
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


def bare(*links: Link) -> Page:
    return Page(
        status=HTTPStatus.OK,
        title="This is where notebooks open",
        text=("Each machine has an address of its own. Type /open in Discord to get to yours.",),
        links=links,
    )


def notebooks(links: Sequence[Link]) -> Page:
    """What somebody who signed in may enter."""
    return Page(
        status=HTTPStatus.OK,
        title="Your notebooks",
        text=("Each opens once by its button, within five minutes.",),
        links=tuple(links[:_MOST_LINKS]),
    )


def not_signed_in(error: BotError, again: Link) -> Page:
    """Somebody came back from Discord, and does not get in."""
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title=error.public,
        text=(error.hint,) if error.hint else (),
        links=(again,),
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
