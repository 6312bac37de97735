"""People's own keys on a machine, tried with OpenSSH's own client; and the ways to its ports."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import shutil
import socket
from pathlib import Path

import aiohttp
import asyncssh
import pytest

from bot.adapters.ssh.people import MachineKeyLists
from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.rentals import Address, RentalId
from bot.domain.ssh_keys import lines_for, read
from bot.errors import BadInput
from bot.ports.machines import NotebookAt
from tests.sandbox.rooms import Room

RENTAL = RentalId("bcdfgh")

pytestmark = pytest.mark.e2e


async def ssh(key: Path, address: Address, *command: str) -> tuple[int, str]:
    """OpenSSH's client, with that key and no other."""
    process = await asyncio.create_subprocess_exec(
        *("ssh", "-F", "none", "-i", str(key), "-p", str(address.port)),
        *("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"),
        *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
        *("-o", "LogLevel=ERROR", f"root@{address.host}", *command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(30):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def new_key(folder: Path, name: str) -> tuple[Path, str]:
    """A person's pair: the private file, and the public line they paste."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment=f"{name}@laptop")
    file = folder / name
    file.write_bytes(key.export_private_key("openssh"))
    file.chmod(0o600)
    return file, key.export_public_key("openssh").decode()


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client here")
async def test_a_persons_key_lets_in_plain_ssh_until_it_is_taken_off(
    room: Room, tunnels: SshTunnels, tmp_path: Path
) -> None:
    """Our own way in stays, and lines that are not ours stay as they were."""
    address = await room.start()
    await tunnels.connect(RENTAL, [address], host_key=None, patience_s=10)
    shell, lists = tunnels.shell(RENTAL), MachineKeyLists()
    ada, public = new_key(tmp_path, "ada")
    ben, his = new_key(tmp_path, "ben")
    lines = lines_for([*read(public), *read(his)])
    file = room.data / "7" / "root" / ".ssh" / "authorized_keys"
    theirs = file.read_text() + "# by hand, without an end"
    file.write_text(theirs)

    before, _ = await ssh(ada, address, "true")
    await lists.put(shell, lines)
    changed = file.stat()
    await lists.put(shell, lines)
    inside, said = await ssh(ada, address, "echo", "plain ssh works")
    await lists.put(shell, lines_for(read(public)))
    out, _ = await ssh(ben, address, "true")
    stays, _ = await ssh(ada, address, "true")
    await lists.put(shell, ())
    after, _ = await ssh(ada, address, "true")

    assert before != 0
    assert (inside, said.strip()) == (0, "plain ssh works")
    assert (out != 0, stays, after != 0) == (True, 0, True)
    assert file.read_text() == f"{theirs}\n"
    assert changed.st_mode & 0o777 == file.stat().st_mode & 0o777
    assert sorted(one.name for one in file.parent.iterdir()) == ["authorized_keys"]
    assert (await shell.run("echo ours")).stdout == "ours\n"


async def test_an_unchanged_list_is_not_written(room: Room, tunnels: SshTunnels) -> None:
    """It is looked at every few minutes, for as long as the machine runs."""
    address = await room.start()
    await tunnels.connect(RENTAL, [address], host_key=None, patience_s=10)
    file = room.data / "7" / "root" / ".ssh" / "authorized_keys"
    inode = file.stat().st_ino

    await MachineKeyLists().put(tunnels.shell(RENTAL), ())

    assert file.stat().st_ino == inode


async def test_a_port_of_the_machine_is_reached_through_our_connection(
    room: Room, tunnels: SshTunnels
) -> None:
    """A real web server; where nothing listens the connection ends, and works once it does."""
    address = await room.start()
    await tunnels.connect(RENTAL, [address], host_key=None, patience_s=10)
    port = _free_port()
    path = await tunnels.forward_port(RENTAL, port)
    assert await tunnels.forward_port(RENTAL, port) == path

    with pytest.raises(aiohttp.ClientError):
        await _get(path)
    async with tunnels.shell(RENTAL).stream(
        f"echo here > index.html; exec python3 -m http.server --bind 127.0.0.1 {port}",
        timeout_s=30,
    ):
        said = ""
        async with asyncio.timeout(20):
            while not said:
                with contextlib.suppress(aiohttp.ClientError):
                    said = await _get(path)
                await asyncio.sleep(0.05)

    assert said == "here\n"
    await tunnels.close(RENTAL)
    assert path not in await asyncio.to_thread(glob.glob, f"{path}*")


async def test_the_notebooks_own_port_is_not_opened_beside_it(
    room: Room, tunnels: SshTunnels
) -> None:
    """It would be Jupyter without its token."""
    address = await room.start()
    await tunnels.connect(RENTAL, [address], host_key=None, patience_s=10)
    at = NotebookAt(socket=None, port=8888, token="t", root="/workspace")
    await tunnels.forward(RENTAL, at)

    with pytest.raises(BadInput):
        await tunnels.forward_port(RENTAL, 8888)


async def _get(path: str) -> str:
    connector = aiohttp.UnixConnector(path)
    deadline = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=deadline) as session,
        session.get("http://machine/") as answer,
    ):
        return await answer.text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
