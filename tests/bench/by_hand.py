"""The tutorial's way: connect, start JupyterLab, forward its port, ask until it answers.

As a script that does nothing else and is as impatient as is decent; a person is slower.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time

import aiohttp
import asyncssh

from bot.domain.rentals import Address
from tests.bench.outside import Moments, door_opens, first

ASK_S = 0.1
PATIENCE_S = 60.0
_OUTSIDE_S = 0.02


async def open_by_hand(address: Address, key: asyncssh.SSHKey) -> Moments:
    """Until the notebook answers through the forwarded port; the machine is left as it is then."""
    port, token = _free_port(), secrets.token_hex(16)
    opening = asyncio.ensure_future(door_opens(address))
    connection = await _connected(address, key)
    async with connection, _session(token) as session:
        command = (
            f'cd "${{WORKSPACE:-/workspace}}" && exec jupyter lab --no-browser --allow-root '
            f"--ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 "
            f"--IdentityProvider.token={token}"
        )
        jupyter = await connection.create_process(
            command, stdin=asyncssh.DEVNULL, stdout=asyncssh.DEVNULL, stderr=asyncssh.DEVNULL
        )
        forward = await connection.forward_local_port("127.0.0.1", 0, "127.0.0.1", port)
        link, notebook = await asyncio.gather(
            _answers(session, forward.get_port(), every_s=ASK_S),
            _answers(session, port, every_s=_OUTSIDE_S),
        )
        forward.close()
        jupyter.close()
    return Moments(ssh=await opening, notebook=notebook, link=link)


async def _connected(address: Address, key: asyncssh.SSHKey) -> asyncssh.SSHClientConnection:
    deadline = time.perf_counter() + PATIENCE_S
    while True:
        try:
            return await asyncssh.connect(
                address.host,
                address.port,
                username="root",
                client_keys=[key],
                known_hosts=None,
                agent_path=None,
                config=None,
                connect_timeout=PATIENCE_S,
            )
        except ConnectionRefusedError:
            assert time.perf_counter() < deadline, "SSH never let anybody in"
            await asyncio.sleep(ASK_S)


async def _answers(session: aiohttp.ClientSession, port: int, *, every_s: float) -> float:
    async def ask() -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{port}/api/status") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError):
            return False

    return await first(ask, every_s=every_s, within_s=PATIENCE_S)


def _session(token: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers={"Authorization": f"token {token}"},
        timeout=aiohttp.ClientTimeout(total=PATIENCE_S),
        connector=aiohttp.TCPConnector(force_close=True),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
