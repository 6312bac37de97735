"""A machine that no row knows, as after a restored backup: taken in and archived for real."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from bot.demo.run import PATIENT
from bot.demo.stage import Stage, set_stage
from bot.domain.rentals import RentalId, State

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

STRAY = RentalId("zzk7m2")


async def rent_by_hand(stage: Stage) -> int:
    """A machine with our label and nobody's key on it."""
    headers = {"Authorization": "Bearer sandbox"}
    url = stage.sandbox.url
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{url}/api/v0/bundles/", json={"limit": 1}) as answer:
            offer = (await answer.json())["offers"][0]["ask_contract_id"]
        body = {"image": "pytorch/pytorch", "disk": 10, "label": f"bellhop/{STRAY}"}
        async with session.put(f"{url}/api/v0/asks/{offer}/", json=body) as answer:
            return int((await answer.json())["new_contract"])


async def test_a_stray_that_runs_is_archived_and_kept(tmp_path: Path) -> None:
    """Our key is put onto it, its work is archived and proven, and it is watched like any other."""
    async with set_stage(
        data=tmp_path, fast=10, page_port=None, policy=PATIENT, watch_s=5
    ) as stage:
        contract = await rent_by_hand(stage)

        async with asyncio.timeout(120):
            while True:
                rental = await stage.app.store.rental(STRAY)
                if rental is not None and rental.state is State.READY:
                    break
                await asyncio.sleep(0.2)

        assert (rental.contract, rental.waived_by) == (contract, None)
        assert rental.adopted_at is not None
        assert rental.proven_at is not None
        assert rental.proven_at >= rental.adopted_at
        (archive,) = await stage.app.store.archives(rental_id=rental.id)
        assert archive.proven_at is not None
        assert stage.sandbox.world.contract(contract).alive
        told = await stage.app.store.bulletin(f"stray/{contract}")
        assert told is not None
        assert "taken in" in told.title
