"""Pacing: calls wait their turn, a 429 closes its endpoint. No test of this waits itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.adapters.vast.client import Vast
from bot.adapters.vast.pacing import PACES, Endpoint, Pace, Pacing
from bot.domain.rentals import ContractId
from bot.errors import RateLimited
from tests.adapters.vast.rows import instance_row
from tests.adapters.vast.town import Reply, Town, VirtualTimer

SHOW = "GET /api/v0/instances/7/"
SEVEN = ContractId(7)
THERE = {"instances": instance_row(7)}


async def turns(pacing: Pacing, timer: VirtualTimer, endpoint: Endpoint, times: int) -> list[float]:
    left = []
    for _ in range(times):
        await pacing.turn(endpoint, patience_s=600)
        left.append(timer.monotonic() - 1000)
    return left


async def test_calls_keep_their_interval() -> None:
    """The intervals are those that Vast prints, and a little."""
    timer = VirtualTimer()

    left = await turns(Pacing(timer=timer), timer, Endpoint.RENT, 3)

    assert left == pytest.approx([0, 4.6, 9.2])


async def test_ten_searches_may_come_at_once_and_the_eleventh_waits() -> None:
    """ "10 per minute" allows a burst; then one more for each that is a minute old."""
    timer = VirtualTimer()

    left = await turns(Pacing(timer=timer), timer, Endpoint.SEARCH, 12)

    assert left == pytest.approx([0] * 10 + [60, 60])


async def test_endpoints_do_not_wait_for_one_another() -> None:
    """Vast counts each by itself."""
    timer = VirtualTimer()
    pacing = Pacing(timer=timer)

    for endpoint in Endpoint:
        await pacing.turn(endpoint, patience_s=0)

    assert timer.slept == []
    assert set(PACES) == set(Endpoint)


async def test_who_cannot_wait_so_long_is_told_at_once() -> None:
    """And takes no turn from others."""
    timer = VirtualTimer()
    pacing = Pacing(timer=timer, paces={Endpoint.SHOW: Pace(1, 10)})
    await pacing.turn(Endpoint.SHOW, patience_s=0)

    with pytest.raises(RateLimited) as caught:
        await pacing.turn(Endpoint.SHOW, patience_s=5)

    assert caught.value.retry_after == timedelta(seconds=10)
    await pacing.turn(Endpoint.SHOW, patience_s=10)
    assert timer.monotonic() == pytest.approx(1010)


async def test_a_429_holds_back_those_who_wait_already() -> None:
    """Their turn comes after the pause, one by one."""
    timer = VirtualTimer()
    pacing = Pacing(timer=timer, paces={Endpoint.SHOW: Pace(1, 2)})
    await pacing.turn(Endpoint.SHOW, patience_s=0)
    waiting = [asyncio.ensure_future(pacing.turn(Endpoint.SHOW, patience_s=60)) for _ in range(2)]
    await asyncio.sleep(0)

    pacing.slow_down(Endpoint.SHOW, timedelta(seconds=20))
    await asyncio.gather(*waiting)

    assert timer.monotonic() >= 1022


async def test_a_bare_429_waits_longer_each_time_up_to_a_minute() -> None:
    """With a little chance in it, and from the start again once Vast has served us."""
    timer = VirtualTimer()
    pacing = Pacing(timer=timer)
    waits = []
    for _ in range(5):
        pacing.slow_down(Endpoint.RENT, None)
        before = timer.monotonic()
        await pacing.turn(Endpoint.RENT, patience_s=600)
        waits.append(timer.monotonic() - before)

    assert [12 <= waits[0] <= 15, 24 <= waits[1] <= 30, 48 <= waits[2] <= 60] == [True] * 3
    assert all(60 <= wait <= 75 for wait in waits[3:])

    pacing.served(Endpoint.RENT)
    pacing.slow_down(Endpoint.RENT, None)
    before = timer.monotonic()
    await pacing.turn(Endpoint.RENT, patience_s=600)
    assert timer.monotonic() - before <= 15


@pytest.mark.parametrize(
    "reply",
    [
        Reply(429, "API requests too frequent", {"Content-Type": "text/plain", "Retry-After": "7"}),
        Reply(429, {"detail": "too frequent threshold=2.0"}, {"Retry-After": "7"}),
        Reply(429, {"success": False, "error": "rate_limit_exceeded", "retry_after": 7.0}),
        Reply(429, "<html>", {"Retry-After": "7"}),
    ],
)
async def test_retry_after_is_obeyed(
    town: Town, vast: Vast, timer: VirtualTimer, reply: Reply
) -> None:
    """By header or body, in a text, a page or JSON; then the read goes through."""
    town.script(SHOW, reply, THERE)

    assert await vast.machine(SEVEN) is not None

    assert town.seen[1].at - town.seen[0].at >= 7
    assert timer.monotonic() - 1000 < 10


async def test_a_long_retry_after_is_said_and_not_waited_for(
    town: Town, vast: Vast, timer: VirtualTimer
) -> None:
    """A read has a deadline; until the pause is over nothing more is sent."""
    town.script(SHOW, Reply(429, "slow", {"Retry-After": "300"}), THERE)

    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            await vast.machine(SEVEN)
        assert caught.value.retry_after == timedelta(seconds=300)

    assert timer.slept == []
    assert town.count(SHOW) == 1
    timer.seconds += 300
    assert await vast.machine(SEVEN) is not None


async def test_a_429_to_a_destroy_is_not_repeated_but_remembered(
    town: Town, vast: Vast, timer: VirtualTimer
) -> None:
    """The caller comes again later; its next call waits as long as Vast asked."""
    destroy = "DELETE /api/v0/instances/7/"
    town.script(destroy, Reply(429, {"msg": "slow"}, {"Retry-After": "8"}), {"success": True})

    with pytest.raises(RateLimited) as caught:
        await vast.destroy(SEVEN)
    assert caught.value.retry_after == timedelta(seconds=8)
    assert town.count(destroy) == 1

    await vast.destroy(SEVEN)
    assert town.seen[1].at - town.seen[0].at >= 8


@pytest.mark.parametrize(
    "reply",
    [
        Reply(429, "slow", {"Retry-After": "0"}),
        Reply(429, "slow", {"Retry-After": "0.0"}),
        Reply(429, {"msg": "slow", "retry_after": 0}),
    ],
)
async def test_a_pause_of_no_seconds_is_none(
    town: Town, vast: Vast, timer: VirtualTimer, reply: Reply
) -> None:
    """It may be asked again at once; a little later is polite."""
    town.script(SHOW, reply, THERE)

    assert await vast.machine(SEVEN) is not None

    assert timer.monotonic() - 1000 < 10


@pytest.mark.parametrize("absurd", ["86400", "1e15"])
async def test_a_machine_is_not_left_running_for_a_day_because_vast_said_so(
    town: Town, vast: Vast, timer: VirtualTimer, absurd: str
) -> None:
    """What must be destroyed is tried again within minutes, whatever the header says."""
    destroy = "DELETE /api/v0/instances/7/"
    town.script(destroy, Reply(429, "slow", {"Retry-After": absurd}), {"success": True})

    with pytest.raises(RateLimited) as caught:
        await vast.destroy(SEVEN)
    assert caught.value.retry_after == timedelta(minutes=10)

    timer.seconds += 600
    await vast.destroy(SEVEN)
    assert town.count(destroy) == 2


@pytest.mark.parametrize("odd", ["soon", "-1", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_an_odd_retry_after_is_as_good_as_none(town: Town, vast: Vast, odd: str) -> None:
    """Then the wait is our own choice."""
    town.script(SHOW, Reply(429, "slow", {"Retry-After": odd}), THERE)

    assert await vast.machine(SEVEN) is not None
