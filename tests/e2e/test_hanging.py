"""A machine whose SSH hangs beside one that is well: real SSH and Jupyter, the whole service."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import aiohttp
import pytest

from bot.demo.hands import Hands
from bot.demo.run import PATIENT
from bot.demo.stage import Stage, set_stage
from bot.domain.access import Actor
from bot.domain.limits import Limits
from bot.domain.rentals import Reason, Rental, State
from tests.e2e.programs import control

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

WITHIN_S = 120.0
FOREVER_S = 3600
QUICK = Limits(ssh=timedelta(seconds=15), doubt=timedelta(seconds=6))


@contextlib.asynccontextmanager
async def _stage(limits: Limits) -> AsyncIterator[tuple[Stage, Hands]]:
    async with set_stage(
        data=None, fast=4, page_port=None, policy=PATIENT, watch_s=1.0, limits=limits
    ) as stage:
        yield stage, Hands(stage.demo.env, stage.demo.world, stage.demo.world.people["ada"])


async def _rented(stage: Stage, ada: Hands) -> Rental:
    before = {one.id for one in await stage.app.store.open_rentals()}
    await ada.press(await ada.command("rent", disk=10), "Rent")
    (rental,) = [one for one in await stage.app.store.open_rentals() if one.id not in before]
    return rental


async def _row(stage: Stage, rental: Rental) -> Rental:
    row = await stage.app.store.rental(rental.id)
    assert row is not None
    return row


async def _until(stage: Stage, rental: Rental, holds: Callable[[Rental], object]) -> Rental:
    deadline = time.monotonic() + WITHIN_S
    while not holds(row := await _row(stage, rental)):
        assert time.monotonic() < deadline, row
        await asyncio.sleep(0.1)
    return row


async def _soon(holds: Callable[[], Awaitable[object]], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not await holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


async def _hang(stage: Stage, rental: Rental) -> None:
    url = f"{stage.sandbox.url}/sandbox/instances/{rental.contract}"
    async with (
        aiohttp.ClientSession() as session,
        session.put(url, json={"ssh_hangs_s": FOREVER_S}) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def test_beside_a_machine_that_hangs_everything_goes_on() -> None:
    """Looked at, saved, opened and rented, while the other one is blind; that one can be ended."""
    async with _stage(Limits(doubt=timedelta(seconds=6))) as (stage, ada):
        stuck, well = [await _rented(stage, ada) for _ in range(2)]
        for rental in (stuck, well):
            await _until(stage, rental, lambda row: row.state is State.READY)
        stuck = await _row(stage, stuck)
        await _hang(stage, stuck)
        hung_at = stage.app.clock.now()
        await ada.command("save", rental=stuck.id)  # it will hang, too

        # Probe: the other one is looked at and judged all the while.
        async def looked_at() -> bool:
            return len(await stage.app.store.samples(well.id, since=hung_at)) >= 3

        await _soon(looked_at, "looks at the other machine")
        # Archive.
        await ada.command("save", rental=well.id)
        saved = await _until(stage, well, lambda row: row.proven_at and row.proven_at > hung_at)
        # Relay.
        assert await stage.app.relay.fault(well.id) == ""
        # Rent.
        third = await _rented(stage, ada)
        await _until(stage, third, lambda row: row.state is State.READY)
        # Nothing was made of the silence, but that there is silence.
        still = await _row(stage, stuck)
        assert (still.contract, still.released_at) == (stuck.contract, None)
        assert still.proven_at is None
        assert saved.state in (State.READY, State.ARCHIVING)

        # The end of the one that hangs needs no SSH.
        await stage.app.client.services.desk.end(_owner(still), stuck.id, discard=True)
        await _until(stage, stuck, lambda row: row.state is State.CLOSED)
        books = (await control(stage.sandbox.url, "/sandbox/books"))["instances"]
        assert [one["id"] for one in books if one["destroyed_at"]] == [stuck.contract]


async def test_a_host_that_hangs_from_the_beginning_is_replaced() -> None:
    """ssh_hangs at once: its port is open, so that it is no refusal; the deadline is the same."""
    async with _stage(QUICK) as (stage, ada):
        fault = {"fault": "ssh_hangs", "after_s": 0, "seconds": FOREVER_S}
        await control(stage.sandbox.url, "/sandbox/faults", fault)
        rental = await _rented(stage, ada)

        # The next best, or where that costs more than was agreed the question about its price.
        row = await _until(stage, rental, lambda row: row.tries and row.replacing is False)

        (tried,) = row.tries
        assert tried.reason is Reason.NO_SSH
        assert "does not answer" in tried.words
        books = (await control(stage.sandbox.url, "/sandbox/books"))["instances"]
        (first,) = [one for one in books if one["id"] == tried.contract]
        assert first["destroyed_at"] is not None


def _owner(rental: Rental) -> Actor:
    return Actor(id=rental.owner_id, guild_id=rental.guild_id, name=rental.owner_name)
