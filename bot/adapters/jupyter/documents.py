"""Notebook files read and written through Jupyter's own contents API, as a browser tab does.

That way Jupyter's signatures (what it trusts to show), its checkpoints and any contents manager of
the image stay in charge. Nothing here counts as somebody's activity.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp

from bot.domain.outputs import Json
from bot.errors import Unreachable

TIMEOUT_S = 20.0
NOTEBOOK_BYTES = 200_000_000
"""Larger files are left alone: reading one would take our memory."""

TRIES = 3
"""How often a file that somebody saves at the same moment is read anew."""

_QUIETLY = {"no_track_activity": "1"}
_LOOK = {**_QUIETLY, "content": "0"}
_READ = {**_QUIETLY, "type": "notebook", "content": "1"}


class JupyterDocuments:
    """ports.Documents."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s

    async def paths(self, socket_path: str, token: str) -> Mapping[str, str]:
        async with self._session(socket_path, token) as session:
            _, found = await _ask(session, "GET", "/api/sessions", params=_QUIETLY)
            return {
                str(one["kernel"]["id"]): str(one.get("path") or one["notebook"]["path"])
                for one in found
                if one.get("type", "notebook") == "notebook" and one.get("kernel")
            }

    async def edit(
        self, socket_path: str, token: str, path: str, change: Callable[[Json], bool]
    ) -> bool:
        where = f"/api/contents/{quote(path)}"
        async with self._session(socket_path, token) as session:
            for _ in range(TRIES):
                status, model = await _ask(session, "GET", where, params=_READ)
                if status == 404 or model.get("type") != "notebook":
                    return False
                if not change(model["content"]):
                    return True
                _, now = await _ask(session, "GET", where, params=_LOOK)
                if now.get("last_modified") == model["last_modified"]:
                    body = {"type": "notebook", "format": "json", "content": model["content"]}
                    await _ask(session, "PUT", where, params=_QUIETLY, json=body)
                    return True
        raise Unreachable("the notebook is being written all the time")

    @asynccontextmanager
    async def _session(self, socket_path: str, token: str) -> AsyncIterator[aiohttp.ClientSession]:
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(path=socket_path),
                    headers={"Authorization": f"token {token}"},
                ) as session,
            ):
                yield session
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"the notebook server: {type(error).__name__}") from error
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise Unreachable("the notebook server answered something else") from error


async def _ask(
    session: aiohttp.ClientSession, method: str, path: str, **sent: Any
) -> tuple[int, Any]:
    """Raises ClientError or ValueError for anything but an answer in JSON, or a 404."""
    async with session.request(
        method, f"http://notebook{path}", allow_redirects=False, **sent
    ) as answer:
        if answer.status == 404:
            return 404, {}
        if answer.status not in (200, 201):
            raise ValueError(f"answered with {answer.status}")
        body = bytearray()
        async for part in answer.content.iter_any():
            body += part
            if len(body) > NOTEBOOK_BYTES:
                raise ValueError("answered with too much")
        return answer.status, json.loads(bytes(body))
