"""What is not done, and what went wrong."""

from __future__ import annotations

from http import HTTPStatus

from bot.errors import BotError, Told
from bot.relay.sheets import Page

FAILED_REFRESH_S = 5


def view_only() -> Page:
    """To somebody with whom it is shared to look at."""
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title="This notebook is shared with you to look at",
        text=("Nothing was run or changed. Its owner can share it anew, to work in.",),
    )


def no_kernel() -> Page:
    return Page(status=HTTPStatus.NOT_FOUND, title="There is no such kernel")


def foreign() -> Page:
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title="Another site asked for this",
        text=("Requests that come from other sites are not passed to the notebook.",),
    )


def no_worker() -> Page:
    """For the browser's console alone: nobody sees a service worker's script fetched."""
    return Page(
        status=HTTPStatus.FORBIDDEN,
        title="Service workers are not installed here",
        text=("One would stay at this address when its machine is gone.",),
    )


def malformed() -> Page:
    return Page(
        status=HTTPStatus.BAD_REQUEST,
        title="This request cannot be understood",
        text=("Open your notebook with /open in Discord.",),
    )


def too_long() -> Page:
    return Page(
        status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        title="Your browser sends too much along",
        text=("Delete the cookies of this site in your browser, then type /open in Discord.",),
    )


def failed(error: BotError) -> Page:
    """An error of the house, in its own words."""
    return Page(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        title=error.public,
        text=(error.hint,) if error.hint else (),
        refresh_s=FAILED_REFRESH_S,
    )


def incident(said: Told) -> Page:
    """Something nobody foresaw; its number finds it in the log."""
    return Page(status=HTTPStatus.INTERNAL_SERVER_ERROR, title=said.public, text=(said.hint,))
