"""OpenSSH's own programs beside the relay, as /ssh tells people: in a terminal, and as VS Code.

VS Code itself is not run here. What it does is: `ssh -T -D <port> … bash`, a script over its
standard input that starts a server on the machine's loopback, and connections to that server
through the SOCKS port.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncssh
import pytest

from bot.demo.hands import Hands, Seen
from bot.demo.run import PATIENT
from bot.demo.stage import Stage, set_stage
from bot.demo.visitor import Visitor
from tests.relay.conftest import free_port

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("ssh") is None, reason="NO OpenSSH CLIENT HERE"),
]

PATIENCE_S = 60
READY_S = 120
LET_IN = "let-in"
SERVER = """
python3 - <<'END'
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: self.wfile.write(line.upper())
class Server(socketserver.ThreadingTCPServer): daemon_threads = True
server = Server(("127.0.0.1", 0), Echo)
print("listening on", server.server_address[1], flush=True)
server.serve_forever()
END
"""


async def test_a_terminal_a_copy_and_what_vs_code_does(tmp_path: Path) -> None:
    """All at once, beside a notebook in use; a key that is taken back opens nothing more."""
    async with (
        set_stage(data=None, fast=4, page_port=None, policy=PATIENT, watch_s=1.0) as stage,
        Visitor() as visitor,
    ):
        ada = Hands(stage.demo.env, stage.demo.world, stage.demo.world.people["ada"])
        await _rented(ada)
        key = _key(tmp_path)
        await _add(stage, key)
        shown = await ada.command("ssh")
        ssh = await _client(shown, key, tmp_path / "known_hosts")
        await ssh.until_let_in()
        opened = await ada.command("open")
        assert opened.link is not None
        await visitor.enter(opened.link)

        async with ssh.as_vs_code() as (socks, server):
            reader, writer = await _through(socks, server)
            writer.write(b"typed in an editor\n")
            assert await asyncio.wait_for(reader.readline(), PATIENCE_S) == b"TYPED IN AN EDITOR\n"
            assert await visitor.run_cell("open('made.txt', 'w').write('x' * 100)") == ""
            assert await ssh.run('wc -c < "$WORKSPACE/made.txt"') == "100\n"
            await ssh.copy(Path(__file__), "/workspace/mine.py")
            assert "mine.py" in await visitor.contents()
            writer.write(b"still there\n")
            assert await asyncio.wait_for(reader.readline(), PATIENCE_S) == b"STILL THERE\n"
            writer.close()

        removed = await ada.command("sshkey remove", key=_fingerprint(key))
        assert "removed" in removed.text
        assert "Permission denied" in await ssh.until_refused()


async def _rented(ada: Hands) -> None:
    offers = await ada.command("offers", gpu="RTX 3090")
    quote = await ada.command("rent", offer=offers.choices[0], disk=10)
    await ada.press(quote, "Rent")
    await ada.see(lambda one: "Open" in one.buttons, "a card with Open", READY_S)


def _key(folder: Path) -> Path:
    """A key as ssh-keygen makes it."""
    path = folder / "id_ed25519"
    path.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh"))
    path.chmod(0o600)
    return path


async def _add(stage: Stage, key: Path) -> None:
    """The public half goes into the form of /sshkey add."""
    public = asyncssh.read_private_key(key).export_public_key("openssh").decode()
    env, ada = stage.demo.env, stage.demo.world.people["ada"].member
    async with env.lock:
        form = await ada.slash(stage.demo.world.gpu, "sshkey add")
        await ada.submit_modal(form, {"keys": public})


def _fingerprint(path: Path) -> str:
    return str(asyncssh.read_private_key(path).convert_to_public().get_fingerprint())


async def _client(shown: Seen, key: Path, known: Path) -> _Client:
    """The host's key is believed if its fingerprint is the one that is shown."""
    command = re.search(r"```\nssh -p (\d+) root@(\S+)\n```", shown.text)
    fingerprint = re.search(r"`(SHA256:\S+)`", shown.text)
    assert command is not None, shown.text
    assert fingerprint is not None, shown.text
    port, host = command.groups()
    scan = await _output("ssh-keyscan", "-p", port, "-t", "ed25519", host)
    (line,) = [one for one in scan.splitlines() if not one.startswith("#")]
    public = asyncssh.import_public_key(line.partition(" ")[2])
    assert public.get_fingerprint() == fingerprint[1]
    await asyncio.to_thread(known.write_text, f"{line}\n")
    return _Client(port, host, key, known)


class _Client:
    """OpenSSH, told nothing but what /ssh shows."""

    def __init__(self, port: str, host: str, key: Path, known: Path) -> None:
        self._port, self._who = port, f"root@{host}"
        self._options = [
            *("-F", "none", "-i", str(key), "-o", f"UserKnownHostsFile={known}"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"),
        ]

    def _words(self, *more: str) -> Sequence[str]:
        return ("ssh", *self._options, *more, "-p", self._port, self._who)

    async def run(self, line: str) -> str:
        return await _output(*self._words(), line)

    async def copy(self, file: Path, to: str) -> None:
        await _output("scp", *self._options, "-P", self._port, str(file), f"{self._who}:{to}")

    async def until_let_in(self) -> None:
        """Until the machine has the key; fails after a while."""
        await self._until(LET_IN)

    async def until_refused(self) -> str:
        """Until it has it no more; what ssh says."""
        return await self._until("Permission denied")

    async def _until(self, want: str) -> str:
        said = ""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while want not in said:
                    said = await _said(*self._words(), f"echo {LET_IN}")
        assert want in said, said
        return said

    @contextlib.asynccontextmanager
    async def as_vs_code(self) -> AsyncIterator[tuple[int, int]]:
        """The local SOCKS port, and the port of the server that the script started."""
        socks = free_port()
        process = await asyncio.create_subprocess_exec(
            *self._words("-T", "-D", f"127.0.0.1:{socks}", "-o", "ConnectTimeout=15"),
            "bash",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(SERVER.encode())
            line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
            yield socks, int(line.split()[-1])
        finally:
            process.kill()
            await process.wait()


async def _through(socks: int, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection by SOCKS 5 to the machine's own loopback (RFC 1928)."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", socks)
        writer.write(b"\x05\x01\x00")
        assert await reader.readexactly(2) == b"\x05\x00"
        writer.write(b"\x05\x01\x00\x01\x7f\x00\x00\x01" + port.to_bytes(2, "big"))
        answer = await reader.readexactly(10)
    assert answer[1] == 0, answer
    return reader, writer


async def _output(*words: str) -> str:
    """What a program prints. Fails with its complaint where it ends with another status than 0."""
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, complaint = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0, complaint.decode()
    return out.decode()


async def _said(*words: str) -> str:
    """All that a program prints, however it ends."""
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    return out.decode()
