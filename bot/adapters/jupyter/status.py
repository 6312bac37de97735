"""Asking a notebook server, through its local socket, whether it is there."""

from __future__ import annotations

import aiohttp

TIMEOUT_S = 5.0


async def answers(socket_path: str, token: str, *, timeout_s: float = TIMEOUT_S) -> bool:
    """Whether `/api/status` is answered to our token. Never raises.

    The request does not count as somebody's activity in Jupyter (reference idle, 1.3).
    """
    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(path=socket_path),
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                headers={"Authorization": f"token {token}"},
            ) as session,
            session.get("http://notebook/api/status", allow_redirects=False) as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, OSError):
        return False
