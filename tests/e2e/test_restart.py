"""Killed and started again with many live machines: all reached again, nothing started anew."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from bot.adapters.ssh.keys import load_or_create
from bot.adapters.storage.migrate import migrate
from bot.adapters.storage.store import open_store
from bot.app.parts import SystemClock
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Phase, RentalId, State
from tests.builders import a_quote, a_rental, an_offer
from tests.e2e.chat import ADA, CHANNEL, GUILD
from tests.e2e.programs import offers, sandbox
from tests.e2e.scene import Scene, scene
from tests.postgres import Postgres

LONG = "CRASH_LONG" in os.environ
MACHINES = int(os.environ.get("CRASH_MACHINES") or (50 if LONG else 3))
BACK_S = 15.0
START_S = 60.0 + 20.0 * MACHINES
NAME = "many"

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500 if LONG else 300)]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_after_a_kill_every_machine_is_reached_again(
    kind: str, tmp_path: Path, postgres: Postgres
) -> None:
    """Real SSH, real Jupyter: the same servers, the same cards, and no message said again.

    The time is told, and asked for in the long form only: there the machine is for this alone.
    """
    with postgres.database() as name:
        url = postgres.url(name) if kind == "postgres" else None
        home = tmp_path / "home"
        async with (
            sandbox(
                tmp_path / "m", "--load-s", "0.2", "--ssh-s", "0.1", "--offers", "600"
            ) as market,
            scene(NAME, home, market, database=url, doubt_s=None) as set_up,
        ):
            ids = await _rented(market, home, url)
            await set_up.run()
            await set_up.sees(lambda: _ready(set_up) == set(ids), START_S, "all cards ready")
            servers, messages = _jupyters(tmp_path / "m"), set(set_up.chat.messages)
            set_up.kill()
            await set_up.dead()
            before = set_up.log().count("notebook reachable")

            began = time.monotonic()
            await set_up.run()
            await set_up.sees(
                lambda: set_up.log().count("notebook reachable") == before + len(ids),
                START_S,
                "all notebooks reached again",
            )
            took = time.monotonic() - began
            await asyncio.sleep(5)  # whatever would be said again has its chance

        sys.stdout.write(f"{len(ids)} machines on {kind} were back after {took:.1f} s\n")
        assert len(servers) == len(ids)
        assert _jupyters(tmp_path / "m") == servers
        assert set(set_up.chat.messages) == messages
        assert _ready(set_up) == set(ids)
        assert not LONG or took < BACK_S


async def _rented(market: str, home: Path, url: str | None) -> list[RentalId]:
    """So many machines, rented at Vast and on the books, not yet connected to."""
    key = load_or_create(home / "data" / "keys").public_line()
    database = url or f"sqlite+aiosqlite:///{home / 'data' / 'bellhop.db'}"
    await migrate(database)
    clock, ids = SystemClock(), []
    async with (
        open_store(database, clock=clock) as store,
        aiohttp.ClientSession(market, headers={"Authorization": "Bearer sandbox"}) as vast,
    ):
        await _say(vast, "POST", "/api/v0/ssh/", {"ssh_key": key})
        for offer_id in (await offers(market))[:MACHINES]:
            quote = a_quote(
                guild_id=GUILD,
                channel_id=CHANNEL,
                owner_id=ADA,
                made_at=clock.now(),
                offer=an_offer(),
            )
            await store.add_quote(quote)
            rental = await store.begin(
                a_rental(quote, agreed_per_hour=Usd.of(100)), quote_id=quote.id
            )
            contract = await _rent(vast, offer_id, f"{NAME}/{rental.id}")
            await store.apply(
                replace(
                    rental,
                    state=State.BOOTING,
                    phase=Phase.LOADING,
                    phase_at=clock.now(),
                    contract=contract,
                    created_at=clock.now(),
                    sent_at=clock.now(),
                    attempt=1,
                ),
                event="rented",
            )
            ids.append(rental.id)
    assert len(ids) == MACHINES, "the market has not so many machines"
    return ids


async def _rent(vast: aiohttp.ClientSession, offer_id: int, label: str) -> ContractId:
    order = {
        "image": "vastai/pytorch",
        "disk": 10,
        "label": label,
        "runtype": "ssh_direc ssh_proxy",
    }
    answer = await _say(vast, "PUT", f"/api/v0/asks/{offer_id}/", order)
    return ContractId(answer["new_contract"])


async def _say(vast: aiohttp.ClientSession, method: str, path: str, body: object) -> dict:  # type: ignore[type-arg]
    async with vast.request(method, path, json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()  # type: ignore[no-any-return]


def _ready(set_up: Scene) -> set[str]:
    return {one for one, text in set_up.shown().items() if "· ready" in text}


def _jupyters(machines: Path) -> dict[str, str]:
    """The notebook server of each machine, as its process wrote it."""
    return {
        str(file.parents[2].name): file.read_text()
        for file in machines.glob("*/root/.bellhop/jupyter.json")
    }
