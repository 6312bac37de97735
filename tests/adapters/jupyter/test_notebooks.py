"""Real Jupyter on simulated machines, found, started, installed and used over real SSH."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest

from bot.adapters.jupyter.notebooks import JupyterNotebooks
from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.images import FASTBOOK
from bot.domain.rentals import Address, RentalId
from bot.errors import NotebookFailed
from bot.ports.machines import NotebookAt, Shell
from tests.sandbox.rooms import Room, open_room, until

pytestmark = pytest.mark.e2e

_ID = RentalId("bcdfgh")


@dataclass(slots=True, kw_only=True)
class Desk:
    """Everything between us and one machine."""

    room: Room
    tunnels: SshTunnels
    notebooks: JupyterNotebooks
    address: Address | None = None

    async def connect(self, *, image: str = "vastai/pytorch") -> Shell:
        self.address = await self.room.start(image=image)
        return await self.reconnect()

    async def reconnect(self) -> Shell:
        assert self.address is not None
        await self.tunnels.connect(_ID, [self.address], host_key=None, patience_s=10)
        return self.tunnels.shell(_ID)

    async def ensure(self, shell: Shell, *, course: str | None = None) -> NotebookAt:
        return await self.notebooks.ensure(shell, packages=[], course=course)

    async def answering(self, notebook: NotebookAt) -> str:
        path = await self.tunnels.forward(_ID, notebook)
        for _ in range(400):
            if await self.notebooks.answers(path, notebook.token):
                return path
            await asyncio.sleep(0.05)
        raise AssertionError("Jupyter does not answer")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_room(tmp_path) as room:
        tunnels = SshTunnels(key=room.key)
        try:
            yield Desk(room=room, tunnels=tunnels, notebooks=JupyterNotebooks(start_s=60))
        finally:
            await tunnels.aclose()


async def test_jupyter_starts_once_and_is_found_again(desk: Desk) -> None:
    """Two at once, and another process later, all come to the same server."""
    shell = await desk.connect()

    first, second = await asyncio.gather(desk.ensure(shell), desk.ensure(shell))
    await desk.tunnels.close(_ID)
    again = await desk.reconnect()
    found = await JupyterNotebooks().ensure(again, packages=[], course=None)

    assert (first.started or second.started, found.started) == (True, False)
    assert _same(first, second, found)
    assert await _count(again) == 1
    assert found.root == str(desk.room.data / "7" / "workspace")
    await desk.answering(found)


async def test_a_cell_runs_through_the_tunnel(desk: Desk) -> None:
    """The whole way: local socket, SSH, Jupyter, kernel, and back; under a foreign host name."""
    notebook = await desk.ensure(await desk.connect())

    path = await desk.answering(notebook)

    assert await _execute(path, notebook, "print(6 * 7)") == "42\n"


async def test_nobody_gets_in_without_the_token(desk: Desk) -> None:
    """The machine may have other users, and the token is nowhere they could see it."""
    shell = await desk.connect()
    notebook = await desk.ensure(shell)
    path = await desk.answering(notebook)
    stranger = NotebookAt(socket=notebook.socket, port=None, token="guess", root="/")

    lines = await shell.run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; env")
    files = await shell.run(
        f"grep -rl {notebook.token} ~ $WORKSPACE | grep -v ^$HOME/.bellhop/ || true"
    )
    folder = await shell.run("stat -c %a ~/.bellhop")
    noisy = await shell.run(f"grep -c {notebook.token} ~/.bellhop/*.log", check=False)

    assert not await desk.notebooks.answers(path, stranger.token)
    assert notebook.token not in lines.stdout
    assert files.stdout == ""
    assert folder.stdout == "700\n"
    assert noisy.stdout == "0\n"


async def test_a_killed_jupyter_is_started_anew(desk: Desk) -> None:
    """Out of memory, or a container that was restarted: a new one, with a new token."""
    shell = await desk.connect()
    before = await desk.ensure(shell)
    await shell.run("kill -9 $(cat ~/.bellhop/jupyter.pid)")

    after = await desk.ensure(shell)

    assert after.token != before.token
    await desk.answering(after)
    assert await _count(shell) == 1


async def test_jupyter_is_started_again_after_a_stop_of_the_machine(desk: Desk) -> None:
    """Its files say that it runs; its number may belong to another process by now."""
    shell = await desk.connect()
    await desk.ensure(shell)
    await desk.room.machines.stop(7)
    pid_file = desk.room.data / "7" / "root" / ".bellhop" / "jupyter.pid"
    pid_file.write_text(str(os.getpid()))

    shell = await desk.connect()
    notebook = await desk.ensure(shell)

    await desk.answering(notebook)


async def test_jupyter_survives_our_disconnect(desk: Desk) -> None:
    """A kernel goes on computing while nobody is connected."""
    notebook = await desk.ensure(await desk.connect())
    path = await desk.answering(notebook)
    await _execute(path, notebook, "x = 41")

    await desk.tunnels.close(_ID)
    shell = await desk.reconnect()

    found = await desk.ensure(shell)
    assert not found.started
    assert _same(notebook, found)
    path = await desk.answering(notebook)
    async with _session(path, notebook) as http, http.get("http://n/api/kernels") as answer:
        assert len(await answer.json()) == 1


async def test_a_home_with_a_long_path_gets_a_port(tmp_path: Path) -> None:
    """A Unix socket's path has 107 bytes at most; then loopback has to do."""
    deep = tmp_path / ("deep" * 25)
    async with open_room(deep) as room:
        tunnels = SshTunnels(key=room.key)
        desk = Desk(room=room, tunnels=tunnels, notebooks=JupyterNotebooks(start_s=60))

        shell = await desk.connect()
        notebook = await desk.ensure(shell)
        await desk.answering(notebook)
        listening = await shell.run(f"grep -i ':{notebook.port:04X} ' /proc/net/tcp /proc/net/tcp6")
        await tunnels.aclose()

    assert notebook.socket is None
    assert " 0100007F:" in listening.stdout
    assert " 00000000:0000 0A" in listening.stdout


async def test_the_course_comes_in_the_background_once(desk: Desk) -> None:
    """Cloned beside the notebook, not over what the person made of it."""
    shell = await desk.connect()
    folder = desk.room.data / "7" / "workspace" / "fastbook"

    await desk.ensure(shell, course=FASTBOOK)
    await until(lambda: (folder / "01_intro.ipynb").exists())
    (folder / "01_intro.ipynb").write_text("my own")
    await desk.ensure(shell, course=FASTBOOK)
    await asyncio.gather(*(desk.ensure(shell, course=FASTBOOK) for _ in range(2)))

    assert (folder / "01_intro.ipynb").read_text() == "my own"
    assert (await shell.run("grep -c Cloning ~/.bellhop/setup.log")).stdout == "1\n"


async def test_packages_that_cannot_be_had_stop_nothing(desk: Desk) -> None:
    """The notebook is there without them, and beside it a file that says what is missing."""
    shell = await desk.connect()

    notebook = await desk.notebooks.ensure(shell, packages=["fastai"], course=None)

    await desk.answering(notebook)
    told = desk.room.data / "7" / "workspace" / "bellhop-setup-failed.txt"
    await until(told.exists)
    await until(lambda: "The packages fastai could not be installed." in told.read_text())
    assert "-m pip install fastai\n" in told.read_text()


async def test_a_course_that_cannot_be_fetched_is_told_where_one_looks_for_it(desk: Desk) -> None:
    """In the workspace, with the command that fetches it; gone again once it is there."""
    shell = await desk.connect()
    lost = str(desk.room.data / "nowhere" / "fastbook")
    told = desk.room.data / "7" / "workspace" / "bellhop-setup-failed.txt"

    await desk.ensure(shell, course=lost)
    await until(lambda: told.exists() and bool(told.read_text()))
    said = told.read_text()
    await desk.ensure(shell, course=FASTBOOK)
    await until((told.parent / "fastbook" / "01_intro.ipynb").exists)

    assert "The course could not be fetched." in said
    assert f"git clone {lost}" in said
    assert not told.exists()


async def test_a_jupyter_that_does_not_start_says_why(desk: Desk) -> None:
    """The end of its log is in the error."""
    shell = await desk.connect()
    broken = desk.room.data / "7" / "bin" / "jupyter-lab"
    broken.write_text("#!/bin/sh\necho the disk is full >&2\nexit 1\n")
    broken.chmod(0o755)

    with pytest.raises(NotebookFailed, match=r"(?s)Jupyter.*the disk is full"):
        await desk.ensure(shell)


@pytest.mark.timeout(300)
async def test_jupyter_is_installed_where_the_image_has_none(desk: Desk) -> None:
    """Into an environment of its own, from the package registry, with a kernel that runs."""
    shell = await desk.connect(image="example/no-jupyter")

    notebook = await desk.ensure(shell)

    path = await desk.answering(notebook)
    prefix = await _execute(path, notebook, "import sys; print(sys.prefix)")
    assert prefix.strip() == str(desk.room.data / "7" / "root" / ".bellhop" / "venv")


def _same(*found: NotebookAt) -> bool:
    """Whether these are one server, whoever started it."""
    return len({replace(one, started=False) for one in found}) == 1


async def _count(shell: Shell) -> int:
    ran = await shell.run(
        "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c \"[c]onfig=$HOME/\""
    )
    return int(ran.stdout)


def _session(path: str, notebook: NotebookAt) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(path=path),
        headers={
            "Authorization": f"token {notebook.token}",
            "Host": "bcdfgh.relay.example",
            "Origin": "https://bcdfgh.relay.example",
        },
    )


async def _execute(path: str, notebook: NotebookAt, code: str) -> str:
    """Run a cell in a new kernel as a browser does; what it prints."""
    async with asyncio.timeout(60), _session(path, notebook) as http:
        async with http.post("http://n/api/kernels", json={}) as answer:
            assert answer.status == 201, await answer.text()
            kernel = (await answer.json())["id"]
        async with http.ws_connect(f"http://n/api/kernels/{kernel}/channels") as channels:
            await channels.send_json(_request(code))
            printed, awaited = "", {"reply", "idle"}  # in either order, on channels of their own
            while awaited:
                said = json.loads((await channels.receive()).data)
                if said["msg_type"] == "stream":
                    printed += said["content"]["text"]
                elif said["msg_type"] == "execute_reply":
                    assert said["content"]["status"] == "ok"
                    awaited.discard("reply")
                elif said["parent_header"].get("msg_type") == "execute_request":
                    awaited.discard(said["content"].get("execution_state", ""))
    return printed


def _request(code: str) -> dict[str, object]:
    return {
        "channel": "shell",
        "header": {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "username": "",
            "session": uuid.uuid4().hex,
            "version": "5.3",
            "date": "",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False, "store_history": True, "allow_stdin": False},
    }
