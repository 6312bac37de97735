"""Asking a notebook server what its kernels and terminals do, without counting as activity.

Its times are read against its own `Date` header and counted back from our clock, so that neither a
wrong clock nor a time zone makes anybody idle (reference idle-and-archive, 1.3).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from bot.domain.samples import Kernel, Notebook, Terminal

TIMEOUT_S = 10.0
ANSWER_BYTES = 4_000_000

# Of times that no clock shows, and of JSON as deep as it is long.
_NONSENSE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)

_QUIETLY = {"no_track_activity": "1"}  # else the question itself is activity


async def activity(
    socket_path: str, token: str, *, now: datetime, timeout_s: float = TIMEOUT_S
) -> Notebook | None:
    """As `ports.Notebooks.activity`: None for whatever is not a whole and plain answer."""
    try:
        async with (
            asyncio.timeout(timeout_s),
            aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(path=socket_path),
                headers={"Authorization": f"token {token}"},
            ) as session,
        ):
            answers = await asyncio.gather(
                _ask(session, "status"), _ask(session, "kernels"), _ask(session, "terminals")
            )
        return _notebook(*answers, now)
    except (aiohttp.ClientError, OSError, *_NONSENSE):
        return None


def moment(stamp: object) -> datetime | None:
    """Jupyter's time, aware: with or without a fraction, and UTC where it names no zone."""
    if not isinstance(stamp, str) or not stamp:
        return None
    at = datetime.fromisoformat(stamp)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class _Answer:
    data: Any
    said_at: datetime  # by the server's clock, to the second

    def ours(self, stamp: object, now: datetime) -> datetime | None:
        """A time of the server's on our clock, not after now."""
        at = moment(stamp)
        return None if at is None else now - max(self.said_at - at, timedelta())


async def _ask(session: aiohttp.ClientSession, what: str) -> _Answer:
    """Raises ClientError or ValueError for anything but an answer in JSON."""
    async with session.get(
        f"http://notebook/api/{what}", params=_QUIETLY, allow_redirects=False
    ) as answer:
        said_at = parsedate_to_datetime(answer.headers["Date"])
        if what == "terminals" and answer.status == 404:  # a server that has none
            return _Answer([], said_at)
        if answer.status != 200:
            raise ValueError(f"{what} was answered with {answer.status}")
        body = b""
        async for part in answer.content.iter_any():
            body += part
            if len(body) > ANSWER_BYTES:
                raise ValueError(f"{what} was answered with more than {ANSWER_BYTES} B")
        return _Answer(json.loads(body), said_at)


def _notebook(status: _Answer, kernels: _Answer, terminals: _Answer, now: datetime) -> Notebook:
    return Notebook(
        kernels=tuple(
            Kernel(
                str(one["id"]),
                str(one["execution_state"]),
                int(one.get("connections") or 0),
                kernels.ours(one.get("last_activity"), now),
            )
            for one in kernels.data
        ),
        terminals=tuple(
            Terminal(str(one["name"]), terminals.ours(one.get("last_activity"), now))
            for one in terminals.data
        ),
        active_at=status.ours(status.data.get("last_activity"), now),
    )
