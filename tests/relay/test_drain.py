"""A relay that is stopped: no new connections, and what is open goes on for a time."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.relay.conftest import House, until

WITHIN_S = 20.0


async def test_an_open_websocket_goes_on_while_nobody_new_is_let_in(house: House) -> None:
    """And the drain is over when it ends, however much time is left."""
    cookie = await house.cookie()
    async with house.connect("/ws", cookie) as socket:
        draining = asyncio.ensure_future(house.relay.drain(600))
        await until(lambda: not house.relay._runner.sites, within_s=WITHIN_S)

        with pytest.raises(aiohttp.ClientConnectorError):
            async with house.ask("/-/healthz", host=f"127.0.0.1:{house.port}"):
                pass
        await socket.send_str("still here")
        assert (await socket.receive(timeout=WITHIN_S)).data == "still here"
        assert not draining.done()

    await asyncio.wait_for(draining, WITHIN_S)


async def test_a_drain_has_its_end(house: House) -> None:
    """A tab may stay open for days."""
    cookie = await house.cookie()
    async with house.connect("/ws", cookie):
        await asyncio.wait_for(house.relay.drain(0.05), WITHIN_S)

        assert house.relay.carried().open_sockets == 1


async def test_who_is_leaving_is_alive_and_not_ready(house: House) -> None:
    """On a connection that was kept open, as a load balancer has; it is told to make a new one."""
    place = {"host": f"127.0.0.1:{house.port}"}
    cookie = await house.cookie()
    async with house.connect("/ws", cookie):
        async with house.ask("/-/readyz", **place) as answer:
            assert answer.status == 200
            await answer.read()  # else the connection is not kept
        draining = asyncio.ensure_future(house.relay.drain(600))
        await until(lambda: not house.relay._runner.sites, within_s=WITHIN_S)

        async with house.ask("/-/readyz", **place) as answer:
            assert answer.status == 503
            assert answer.headers["Connection"] == "close"
            assert (await answer.json())["checks"] == {"relay": "It is being stopped."}
    await asyncio.wait_for(draining, WITHIN_S)
