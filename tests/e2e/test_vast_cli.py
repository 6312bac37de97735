"""The official Vast CLI, unmodified, against the sandbox.

It is installed into an environment of its own (kept in pytest's cache folder), and run as its
authors meant it: a fresh home, the address and the key in the environment, nothing on stdin.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox.life import Timing
from bot.sandbox.serve import Sandbox
from bot.sandbox.yard import NoMachines

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

VERSION = "1.9.1"
TUTORIAL = "6995713"
RUN_S = 60.0
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMK0wGhS5hXkNNsCZg0Tj0Y8Vq9m0aY7m2Jq5Zk0aX1B me@here"

Said = tuple[str, str]
Cli = Callable[..., Awaitable[Said]]


@pytest.fixture(scope="session")
def vastai(request: pytest.FixtureRequest) -> Path:
    """The CLI's program. A registry that cannot be reached fails the test; nothing is skipped."""
    folder = Path(request.config.cache.mkdir(f"vastai-{VERSION}"))
    program = folder / "env" / "bin" / "vastai"
    done = folder / "installed"
    if not done.exists():
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder / "env")],
            [
                *(str(folder / "env" / "bin" / "python"), "-m", "pip", "install", "--quiet"),
                *("--disable-pip-version-check", f"vastai=={VERSION}"),
            ],
        ):
            ran = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
            assert ran.returncode == 0, f"{command[1:]} failed: {ran.stderr[-2000:]}"
        done.touch()
    return program


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    timing = Timing(load_s=0.5, ssh_s=0, list_lag_s=0.1, stop_s=0.1, start_s=0.1)
    sandbox = Sandbox(yard=NoMachines(), timing=timing)
    await sandbox.start()
    yield sandbox
    await sandbox.close()


@pytest.fixture
def cli(vastai: Path, sandbox: Sandbox, tmp_path: Path) -> Cli:
    """Runs the CLI; what it said on stdout and stderr. It must end with 0 unless told."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        **{f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "CACHE", "STATE")},
        "XDG_DATA_HOME": str(tmp_path / "DATA"),
        "VAST_URL": sandbox.url,
        "VAST_API_KEY": "sandbox",
        "VASTAI_NO_UPDATE_CHECK": "1",
        "COLUMNS": "250",
    }

    # The CLI makes its own folders, and falls when a second one made them a moment before.
    for name in ("CONFIG", "CACHE", "STATE", "DATA"):
        (tmp_path / name / "vastai").mkdir(parents=True)

    async def run(*words: str, key: str = "sandbox", status: int = 0) -> Said:
        process = await asyncio.create_subprocess_exec(
            str(vastai),
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment | {"VAST_API_KEY": key},
        )
        try:
            async with asyncio.timeout(RUN_S):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == status, (words, out.decode(), err.decode())
        assert "Traceback" not in err.decode()
        return out.decode(), err.decode()

    return run


async def raw(cli: Cli, *words: str) -> Any:
    out, err = await cli(*words, "--raw")
    assert out, err
    return json.loads(out)


async def rent(cli: Cli, *words: str, offer: str = TUTORIAL) -> int:
    image = ("--image", "pytorch/pytorch:2.9", "--disk", "10", "--ssh", "--direct")
    made = await raw(cli, "create", "instance", offer, *image, "--cancel-unavail", *words)
    assert made["success"] is True
    return int(made["new_contract"])


async def until(sandbox: Sandbox, contract: int, status: str) -> None:
    """Wait for a state of the market; asking the CLI again and again would take long."""
    async with asyncio.timeout(RUN_S):
        while True:
            if sandbox.world.contract(contract).actual == status:
                return
            await asyncio.sleep(0.05)


async def books(sandbox: Sandbox) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(sandbox.url + "/sandbox/books") as got,
    ):
        return dict(await got.json())


async def test_it_searches_offers(cli: Cli) -> None:
    """With its operators, its order and its storage; as JSON and as a table."""
    query = "gpu_ram>=16 num_gpus=1 reliability>0.9 cuda_vers>=12.0 verified=any"
    tutorial = "gpu_name=RTX_A5000 host_id=81269"

    found, one, new, (table, _) = await asyncio.gather(
        raw(cli, "search", "offers", query, "-o", "dph", "--storage", "20"),
        raw(cli, "search", "offers", tutorial, "--storage", "10"),
        raw(cli, "search", "offers", "--new", "gpu_name in [RTX_4090,RTX_5090]"),
        cli("search", "offers", "gpu_name=RTX_A5000", "--limit", "3"),
    )

    prices = [offer["dph_total"] for offer in found]
    assert prices == sorted(prices)
    assert all(offer["gpu_ram"] >= 16000 and offer["num_gpus"] == 1 for offer in found)
    assert round(one[0]["dph_total"], 5) == 0.30394
    assert {offer["gpu_name"] for offer in new} == {"RTX 4090", "RTX 5090"}
    assert "RTX_A5000" in table


async def test_it_rents_shows_labels_stops_starts_and_destroys(cli: Cli, sandbox: Sandbox) -> None:
    """A machine's whole life, and what the books have of it."""
    contract = await rent(cli, "--label", "team/one", "--env", "-p 8080:8080 -e A=b")
    number = str(contract)
    await until(sandbox, contract, "running")
    running = await raw(cli, "show", "instance", number)
    listed, (table, _), (address, _) = await asyncio.gather(
        raw(cli, "show", "instances"), cli("show", "instances"), cli("ssh-url", number)
    )
    labelled, _ = await cli("label", "instance", number, "team/two")
    stopping, _ = await cli("stop", "instance", number)
    await until(sandbox, contract, "exited")
    stopped = await raw(cli, "show", "instance", number)
    starting, _ = await cli("start", "instance", number)
    await until(sandbox, contract, "running")
    rebooting, _ = await cli("reboot", "instance", number)
    await until(sandbox, contract, "running")
    destroying, _ = await cli("destroy", "instance", number, "-y")
    gone = await raw(cli, "show", "instance", number)

    assert running["extra_env"] == {"-p 8080:8080": "1", "A": "b"}
    assert [each["id"] for each in listed] == [contract]
    assert listed[0]["public_ipaddr"] == "127.0.0.1"
    assert "team/one" in table
    assert address.strip() == f"ssh://root@127.0.0.1:{running['ssh_port']}"
    assert "team/two" in labelled
    assert f"stopping instance {number}" in stopping
    assert (stopped["label"], stopped["cur_state"]) == ("team/two", "stopped")
    assert f"starting instance {number}" in starting
    assert f"Rebooting instance {number}" in rebooting
    assert f"destroying instance {number}" in destroying
    assert gone == {"instances": None}
    entry = (await books(sandbox))["instances"][0]
    assert (entry["id"], entry["label"], entry["state"]) == (contract, "team/two", "destroyed")
    assert entry["billed"]["gpu"] > 0
    assert entry["billed"]["storage"] > 0


async def test_it_works_on_several_instances_at_once(cli: Cli, sandbox: Sandbox) -> None:
    offers = [str(offer) for offer in list(sandbox.world.offers)[1:3]]
    numbers = [*map(str, await asyncio.gather(*(rent(cli, offer=offer) for offer in offers)))]
    for number in numbers:
        await until(sandbox, int(number), "running")

    await cli("stop", "instances", *numbers)
    for number in numbers:
        await until(sandbox, int(number), "exited")
    await cli("destroy", "instances", *numbers, "-y")

    assert {each["state"] for each in (await books(sandbox))["instances"]} == {"destroyed"}


async def test_it_manages_ssh_keys(cli: Cli, tmp_path: Path) -> None:
    """On the account, and on one instance from a file with its newline."""
    other = tmp_path / "other.pub"
    other.write_text(KEY.replace("me@here", "you@there") + "\n")
    created, _ = await cli("create", "ssh-key", KEY)
    keys = await raw(cli, "show", "ssh-keys")
    number = str(await rent(cli))
    attached, _ = await cli("attach", "ssh", number, str(other))
    detached, _ = await cli("detach", "ssh", number, str(keys[0]["id"]))
    deleted, _ = await cli("delete", "ssh-key", str(keys[0]["id"]))

    assert "ssh-key created" in created
    assert [key["key"] for key in keys] == [KEY]
    assert "'success': True" in attached
    assert "success" in detached
    assert "success" in deleted
    assert await raw(cli, "show", "ssh-keys") == []


async def test_it_reads_logs(cli: Cli, sandbox: Sandbox) -> None:
    contract = await rent(cli)
    await until(sandbox, contract, "running")

    said, _ = await cli("logs", str(contract), "--daemon-logs", "--tail", "2")

    assert "success, running pytorch/pytorch_2.9/ssh" in said


async def test_it_tells_the_account_and_its_charges(cli: Cli, sandbox: Sandbox) -> None:
    """Seconds of GPU cost too little to show; 1 GB up and 5 GB down at $0.02 show."""
    contract = await rent(cli, "--label", "team/one")
    await until(sandbox, contract, "running")
    sandbox.world.carried(sandbox.world.contract(contract), 10**9, 5 * 10**9)
    user, charges, paid, (table, _), old, balance = await asyncio.gather(
        raw(cli, "show", "user"),
        raw(cli, "show", "invoices-v1", "-c"),
        raw(cli, "show", "invoices-v1", "-i"),
        cli("show", "invoices-v1", "-c"),
        raw(cli, "show", "invoices"),
        raw(cli, "show", "deposit", str(contract)),
    )

    assert 99.8 < user["credit"] < 99.88
    row = charges["results"][0]
    assert (row["source"], row["metadata"]) == (f"instance-{contract}", {"label": "team/one"})
    amounts = {item["type"]: item["amount"] for item in row["items"]}
    assert (amounts["bwu"], amounts["bwd"]) == (0.02, 0.1)
    assert paid["results"][0]["amount"] == -100
    assert str(contract) in table
    assert old
    assert balance["refundable_deposit"] == 0


async def test_it_is_told_in_words_what_cannot_be_done(cli: Cli, sandbox: Sandbox) -> None:
    """A rented offer, a wrong key, a missing instance, no credit, what the sandbox lacks."""
    contract = await rent(cli)
    again, wrong_key, missing, lacking = await asyncio.gather(
        cli("create", "instance", TUTORIAL, "--image", "x", "--disk", "10"),
        cli("show", "instances", key="other"),
        cli("stop", "instance", "1"),
        cli("take", "snapshot", str(contract), "--repo", "x"),
    )
    sandbox.world.set_credit(0)
    other = str(list(sandbox.world.offers)[1])
    poor = await cli("create", "instance", other, "--image", "x", "--disk", "10")

    assert "no_such_ask" in again[1]
    assert "Invalid user key" in wrong_key[1]
    assert "no_such_instance" in missing[1]
    assert "The sandbox has no" in lacking[1]
    assert "lacks credit" in poor[1]


async def test_it_obeys_a_rate_limit_and_tries_again(cli: Cli, sandbox: Sandbox) -> None:
    sandbox.faults.add("rate_limited", times=2, match={"path": "/bundles"}, retry_after=1)

    found = await raw(cli, "search", "offers", "gpu_name=RTX_A5000")

    assert found
    assert sandbox.faults.in_force() == []
