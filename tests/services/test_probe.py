"""The minute's look at real machines: real SSH, real processes, a real Jupyter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.adapters.jupyter.notebooks import JupyterNotebooks
from bot.adapters.ssh.connect import Pace
from bot.adapters.ssh.looks import ShellLooks
from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.evidence import Evidence, Kind, weigh
from bot.domain.rentals import Address, Rental
from bot.domain.samples import Gpu, Process, Sample, Where
from bot.services.probe import Probe
from bot.services.routes import Route, Routes, Traffic
from tests.builders import a_rental
from tests.sandbox.rooms import Room, open_room

pytestmark = pytest.mark.e2e

Run = Callable[[str], Awaitable[None]]


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Site:
    """A ready machine and all that looks at it."""

    room: Room
    address: Address
    tunnels: SshTunnels
    routes: Routes
    traffic: Traffic
    probe: Probe
    rental: Rental
    before: Sample | None = None

    async def look(self) -> Sample:
        return await self.probe.sample(self.rental, vast_gpu_util=0)

    async def runs(self, script: str) -> str:
        return (await self.tunnels.shell(self.rental.id).run(script)).stdout

    async def processes(self) -> dict[str, Process]:
        machine = (await self.look()).machine
        assert machine is not None
        assert machine.processes is not None
        return {one.name: one for one in machine.processes}

    async def starts_jupyter(self) -> None:
        """As the reconciler does it; from here on the machine is ready."""
        notebooks = JupyterNotebooks()
        shell = self.tunnels.shell(self.rental.id)
        notebook = await notebooks.ensure(shell, packages=(), course=None)
        path = await self.tunnels.forward(self.rental.id, notebook)
        self.routes.set(self.rental.id, Route(socket_path=path, token=notebook.token))
        self.rental = replace(self.rental, ready_at=datetime.now(UTC))

    def jupyter(self) -> aiohttp.ClientSession:
        route = self.routes.get(self.rental.id)
        assert route is not None
        return aiohttp.ClientSession(
            "http://notebook",
            connector=aiohttp.UnixConnector(path=route.socket_path),
            headers={"Authorization": f"token {route.token}"},
        )


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_room(tmp_path) as room:
        address = await room.start()
        tunnels = SshTunnels(key=room.key, pace=Pace(attempt_s=5, first_pause_s=0.05))
        rental = a_rental(ready_at=datetime.now(UTC))
        await tunnels.connect(rental.id, [address], host_key=None, patience_s=10)
        routes, traffic = Routes(), Traffic()
        probe = Probe(
            tunnels=tunnels,
            notebooks=JupyterNotebooks(),
            looks=ShellLooks(),
            routes=routes,
            traffic=traffic,
            clock=RealClock(),
        )
        try:
            yield Site(
                room=room,
                address=address,
                tunnels=tunnels,
                routes=routes,
                traffic=traffic,
                probe=probe,
                rental=rental,
            )
        finally:
            await tunnels.aclose()


def evidence(sample: Sample) -> Evidence:
    assert sample.machine is not None
    return weigh(sample, loads=[sample.machine.load], quiet_since=sample.at)


async def test_a_machine_at_rest_shows_nothing(site: Site) -> None:
    """Jupyter runs, nobody does anything: no process, no key, no kernel, hardly any load."""
    await site.starts_jupyter()
    await site.look()
    sample = await _after_a_while(site)

    assert sample.machine is not None
    assert sample.machine.processes == ()
    assert sample.machine.typed_at is None
    assert sample.machine.gpus is not None
    assert [gpu.util for gpu in sample.machine.gpus] == [0, 0]
    assert sample.machine.load.cpu_cores is not None
    assert sample.notebook is not None
    assert sample.notebook.kernels == ()
    assert sample.input_at is None
    assert not evidence(sample).weak


async def test_a_kernel_is_busy_and_then_idle(site: Site) -> None:
    """A silent cell is busy as long as it runs, and our own looks are nobody's activity."""
    await site.starts_jupyter()
    async with site.jupyter() as session, _kernel(session) as (kernel, cell):
        await cell("import time; time.sleep(600)")
        busy = await _when(site, "busy")
        last = busy.notebook.active_at if busy.notebook else None
        await asyncio.sleep(1.1)
        again = await site.look()
        async with session.post(f"/api/kernels/{kernel}/interrupt") as answer:
            assert answer.status == 204
        idle = await _when(site, "idle")

    assert again.notebook is not None
    assert again.notebook.active_at is not None
    assert last is not None
    assert again.notebook.active_at - last < timedelta(seconds=1.1)
    assert Kind.KERNELS_BUSY in {fact.kind for fact in evidence(busy).facts}
    kinds = {fact.kind for fact in evidence(idle).facts}
    assert {Kind.KERNELS_IDLE, Kind.TAB} <= kinds
    assert not {Kind.KERNELS_BUSY, Kind.PROCESSES} & kinds


async def test_what_a_kernel_starts_hangs_below_it(site: Site) -> None:
    """`subprocess.Popen` leaves the kernel idle and goes on."""
    await site.starts_jupyter()
    async with site.jupyter() as session, _kernel(session) as (_, cell):
        await cell("import subprocess; subprocess.Popen(['sleep', '600'])")
        found = await _process(site, "sleep")

    assert found.where is Where.KERNEL


async def test_a_key_in_a_terminal_is_seen(site: Site) -> None:
    """Over plain SSH, past the relay; what a program prints there is not a key."""
    async with site.room.login(site.address) as connection:
        session = await connection.create_process(term_type="xterm", encoding=None)
        session.stdin.write(b"sleep 600\n")
        found = await _process(site, "sleep")
        sample = await site.look()
        session.close()

    assert found.where is Where.TERMINAL
    assert sample.machine is not None
    assert sample.machine.typed_at is not None
    assert sample.at - sample.machine.typed_at < timedelta(seconds=30)


async def test_what_was_left_running_is_seen(site: Site) -> None:
    """With nohup, in a session of its own, in a detached tmux."""
    await site.runs("nohup sleep 600 >/dev/null 2>&1 &")
    await site.runs("setsid tail -f /dev/null >/dev/null 2>&1 &")
    await site.runs("TMUX= tmux -S ~/mux -f /dev/null new-session -d 'exec cat'")

    await _process(site, "cat")
    processes = await site.processes()
    sample = await site.look()
    await site.runs("tmux -S ~/mux kill-server")

    assert processes["sleep"].where is Where.DAEMON
    assert processes["tail"].where is Where.DAEMON
    assert processes["cat"].where is Where.TMUX
    assert sample.machine is not None
    assert sample.machine.tmux_sessions == 1
    waiting = [fact for fact in evidence(sample).facts if fact.kind is Kind.PROCESSES]
    assert waiting[0].names == ("cat", "sleep")  # `tail` only looks on


async def test_what_ran_before_is_the_images(site: Site) -> None:
    """The baseline is what is older than the machine's readiness."""
    await site.runs("nohup sleep 600 >/dev/null 2>&1 &")
    await _process(site, "sleep")

    site.rental = replace(site.rental, ready_at=datetime.now(UTC) + timedelta(seconds=1))

    assert await site.processes() == {}


async def test_load_is_measured_between_two_looks(site: Site) -> None:
    """A loop that burns one core, although the host has others to feed."""
    await site.look()
    await site.runs("nohup awk 'BEGIN { while (1) n++ }' >/dev/null 2>&1 &")
    sample = await _after_a_while(site)

    assert sample.machine is not None
    assert sample.machine.load.cpu_cores is not None
    assert sample.machine.load.cpu_cores > 0.1
    assert sample.machine.processes is not None
    assert sample.machine.processes[0].cpu_cores > 0.1


async def test_our_own_commands_are_nobodys_work(site: Site) -> None:
    """An archive runs through the same connection while we look."""
    shell = site.tunnels.shell(site.rental.id)
    await site.look()
    ours = asyncio.create_task(shell.run("awk 'BEGIN { while (1) n++ }'", timeout_s=4, check=False))
    await asyncio.sleep(2)
    sample = await site.look()
    await asyncio.gather(ours, return_exceptions=True)

    assert sample.machine is not None
    assert sample.machine.processes == ()
    assert (sample.machine.load.cpu_cores or 0) < 0.1


async def test_the_gpus_load_is_seen(site: Site) -> None:
    """As nvidia-smi tells it, each card."""
    site.room.machines.set_gpu(7, util=93, vram_mb=20_000)

    sample = await site.look()

    assert sample.machine is not None
    assert sample.machine.gpus == (Gpu(93, 20_000), Gpu(93, 20_000))
    assert evidence(sample).strong


async def test_a_new_file_is_seen(site: Site) -> None:
    """At the first look and at every fifth; what Git does is not counted, nor one from the future:
    that would be new for ever."""
    await site.runs("mkdir -p $WORKSPACE/.git && echo 1 > $WORKSPACE/.git/HEAD")
    await site.runs("touch -d 2100-01-01 $WORKSPACE/photo.jpg")
    nothing = await site.look()
    await site.runs("echo 1 > $WORKSPACE/result.csv")
    for _ in range(5):
        sample = await site.look()

    assert nothing.machine is not None
    assert nothing.machine.changed_at is None
    assert sample.machine is not None
    assert sample.machine.changed_at is not None


async def test_a_dead_jupyter_is_down_and_a_dead_machine_unknown(site: Site) -> None:
    """The first is known from the machine itself; of the second nothing is known."""
    await site.starts_jupyter()
    await site.runs("kill -9 $(cat ~/.bellhop/jupyter.pid)")
    site.routes.drop(site.rental.id)
    stopped = await site.look()
    await site.room.machines.stop(7)
    gone = await site.look()

    assert stopped.machine is not None
    assert stopped.notebook is not None
    assert stopped.notebook.down
    assert gone.machine is None
    assert gone.notebook is None


async def test_what_a_person_did_in_the_relay_is_in_the_sample(site: Site) -> None:
    """From the relay's book."""
    at = datetime.now(UTC)
    site.traffic.human(site.rental.id, at)

    assert (await site.look()).input_at == at


async def _after_a_while(site: Site) -> Sample:
    """The machine's clock tells whole seconds, so two looks need some between them."""
    deadline = time.monotonic() + 30
    await asyncio.sleep(2)
    while True:
        sample = await site.look()
        if sample.machine is not None and sample.machine.load.cpu_cores is not None:
            return sample
        assert time.monotonic() < deadline
        await asyncio.sleep(0.5)


async def _when(site: Site, state: str) -> Sample:
    """The first look at which the only kernel is in that state."""
    deadline = time.monotonic() + 30
    while True:
        sample = await site.look()
        kernels = sample.notebook.kernels if sample.notebook is not None else ()
        if [one.state for one in kernels] == [state]:
            return sample
        assert time.monotonic() < deadline, kernels
        await asyncio.sleep(0.1)


async def _process(site: Site, name: str) -> Process:
    deadline = time.monotonic() + 30
    while True:
        found = await site.processes()
        if name in found:
            return found[name]
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _kernel(session: aiohttp.ClientSession) -> AsyncIterator[tuple[str, Run]]:
    """A new kernel with a client, and a function that runs a cell in it without waiting."""
    async with session.post("/api/kernels") as answer:
        kernel = str((await answer.json())["id"])
    async with session.ws_connect(f"/api/kernels/{kernel}/channels") as socket:

        async def cell(code: str) -> None:
            names = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "s"}
            message = {
                "header": {**names, "version": "5.3"},
                "parent_header": {},
                "metadata": {},
                "content": {"code": code, "silent": False},
                "channel": "shell",
                "buffers": [],
            }
            await socket.send_json(message)

        yield kernel, cell
