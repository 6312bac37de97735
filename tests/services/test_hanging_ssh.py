"""Real SSH servers that hang, each in its own way: whoever is beside them is as if alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from bot.adapters.ssh.connect import Pace
from bot.adapters.ssh.tunnels import SshTunnels
from bot.domain.rentals import Address, ContractId, Instance, Rental, RentalId, State
from bot.ports.books import Store
from bot.ports.market import Order
from tests.builders import SetClock, an_offer, begun
from tests.sandbox.rooms import open_room
from tests.services.worlds import DictMarket, House, Wires

HANGING = 12
"""More than begin at once."""

WITHIN_S = 40.0

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection, and that is all."""
    await asyncio.Event().wait()


async def _greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says who it is, and nothing after that."""
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    await asyncio.Event().wait()


async def _drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever: no line ever ends, no silence is long."""
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _hanging(talk: Talk) -> AsyncIterator[Address]:
    talks: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


class Placed(DictMarket):
    """A market whose machines stand where they are put: the next one at the next address."""

    places: list[Address]

    async def rent(self, order: Order) -> ContractId:
        contract = await super().rent(order)
        made: Instance = self.alive[contract]
        self.alive[contract] = replace(made, addresses=(self.places.pop(0),))
        return contract


class RealWires(SshTunnels):
    up: set[RentalId] = set()  # noqa: RUF012 - what `House.start` clears, and nothing else


@pytest.mark.parametrize("talk", [_silent, _greets, _drips], ids=["silent", "greets", "drips"])
async def test_hosts_whose_ssh_hangs_delay_nobody(
    talk: Talk, store: Store, clock: SetClock, tmp_path: Path
) -> None:
    """A dozen of them were rented before; the one whose machine answers is ready all the same."""
    market = Placed(offers=[an_offer(id=number) for number in range(1, HANGING + 2)])
    async with _hanging(talk) as bad, open_room(tmp_path) as room:
        market.places = [bad] * HANGING + [await room.start()]
        wires = RealWires(key=room.key, pace=Pace(attempt_s=30))
        house = House(store=store, market=market, clock=clock, wires=cast(Wires, wires))
        try:
            stuck = [await _wanted(house) for _ in range(HANGING)]
            await _until(house, lambda rows: all(one.contract for one in rows), stuck)
            good = await _wanted(house)

            await _until(house, lambda rows: rows[0].state is State.READY, [good])

            states = {(await _row(house, one)).state for one in stuck}
            assert states == {State.BOOTING}
        finally:
            await house.tasks.aclose()
            await wires.aclose()


async def _wanted(house: House) -> Rental:
    taken = len(await house.store.open_rentals())
    return await begun(house.store, offer=house.market.offers[taken])


async def _row(house: House, rental: Rental) -> Rental:
    row = await house.store.rental(rental.id)
    assert row is not None
    return row


async def _until(
    house: House, holds: Callable[[list[Rental]], bool], rentals: list[Rental]
) -> None:
    """Passes of which nobody waits for the end; the house's own time stands still."""
    async with asyncio.timeout(WITHIN_S):
        while not holds([await _row(house, one) for one in rentals]):
            await house.reconciler.pass_once()
            await asyncio.sleep(0.05)
