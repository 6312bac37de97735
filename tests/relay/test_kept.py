"""What is kept of a kernel, and what its server does at the moments that matter."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from pathlib import Path

from bot.adapters.jupyter.documents import JupyterDocuments
from bot.relay.ears import Ear
from bot.relay.kept import Kept
from bot.relay.upstreams import Upstreams
from bot.services.outputs import Outputs
from bot.services.routes import Route, Routes
from tests.builders import SetClock
from tests.relay.books import RENTAL
from tests.relay.test_ears import V1, binary

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
KEY = (RENTAL, "k1", "s1")


async def test_a_run_whose_end_comes_with_the_handshake_is_over(tmp_path: Path) -> None:
    """Jupyter hands on what it held with its answer; nobody asks on a connection that is let go."""
    path = str(tmp_path / "jupyter.sock")
    over = binary("status", {"execution_state": "idle"}, parent="r1")
    asked: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        nonce = re.search(rb"(?i)sec-websocket-key: (\S+)", head)
        assert nonce is not None
        accept = base64.b64encode(hashlib.sha1(nonce[1] + _MAGIC).digest())
        frame = b"\x82\x7e" + len(over).to_bytes(2, "big") + over
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: " + V1.encode() + b"\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + frame
        )
        asked.set_result(await reader.read())
        writer.close()

    routes = Routes()
    outputs = Outputs(documents=JupyterDocuments(), routes=routes)
    upstreams = Upstreams()
    kept = Kept(upstreams=upstreams, routes=routes)
    talk = outputs.talk(RENTAL, "k1", "s1")
    ear = Ear(talk=talk, human=lambda: None, clock=SetClock())
    talk.asked("r1", cell_id="c1", code="print(1)")
    ear.leave()
    async with await asyncio.start_unix_server(answer, path):
        routes.set(RENTAL, Route(socket_path=path, token="t"))
        kept.resume(KEY, ear)

        await kept.rejoin()

        assert await asyncio.wait_for(asked, 30) == b""
        assert not ear.waiting
        assert outputs.kept(RENTAL, "k1") == 0
        await kept.aclose()
        await upstreams.close()
