"""Renting: one request, and exactly one meaning for each answer."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import aiohttp
import pytest

from bot.adapters.vast import renting
from bot.adapters.vast.client import Vast
from bot.adapters.vast.http import Cut, no_resend
from bot.domain.rentals import ContractId
from bot.errors import (
    BotError,
    Denied,
    Down,
    LowCredit,
    MayHaveRented,
    OfferGone,
    RateLimited,
    Refused,
)
from bot.ports.market import Order
from tests.adapters.vast.rows import instance_row
from tests.adapters.vast.town import KEY, Reply, StillClock, Town, VirtualTimer

ORDER = Order(offer_id=555, image="pytorch/pytorch:latest", disk_gb=30, label="bellhop/bc2d3f")
RENT = "PUT /api/v0/asks/555/"
INSTANCE_KEY = "instance-key-0123456789abcdef"

GONE = (
    "error 404/3603: no_such_ask  Instance type by id 555 is not available.",
    "error 410/3907: no_such_ask Instance type 555 is no longer available.",
)


async def test_a_yes_is_the_number_of_the_contract(town: Town, vast: Vast) -> None:
    """The order is sent whole, by header only, and holds nothing secret."""
    town.script(RENT, {"success": True, "new_contract": 77, "instance_api_key": INSTANCE_KEY})

    contract = await vast.rent(ORDER)

    assert contract == 77
    [seen] = town.seen
    assert seen.headers["Authorization"] == f"Bearer {KEY}"
    assert seen.query == {}
    assert seen.json == {
        "client_id": "me",
        "image": "pytorch/pytorch:latest",
        "disk": 30,
        "label": "bellhop/bc2d3f",
        "runtype": "ssh_direc ssh_proxy",
        "env": {},
        "onstart": "touch ~/.no_auto_tmux",
        "cancel_unavail": True,
        "target_state": "running",
    }


async def test_the_order_bears_the_mark_of_whoever_sends_it(town: Town, vast: Vast) -> None:
    """By which two Bellhops with one name on one account tell their machines apart."""
    town.script(RENT, {"success": True, "new_contract": 77})

    await vast.rent(replace(ORDER, mark="0123456789abcdef"))

    assert town.seen[0].json["onstart"] == "touch ~/.no_auto_tmux # bellhop 0123456789abcdef"


async def test_a_cut_connection_has_seen_one_order_and_is_in_doubt(town: Town, vast: Vast) -> None:
    """The server reads the order whole and drops the line: sent once, may have rented."""
    town.script(RENT, Reply(cut=True))

    with pytest.raises(MayHaveRented) as caught:
        await vast.rent(ORDER)

    assert town.count(RENT) == 1
    assert caught.value.contract is None
    assert caught.value.public == (
        "Vast.ai did not say whether the machine was rented; we are finding out."
    )


async def test_aiohttp_alone_would_rent_twice(town: Town) -> None:
    """Why the middleware is there: without it the same cut is seen as two orders."""
    town.script(RENT, Reply(cut=True))

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.put(f"{town.url}/api/v0/asks/555/", json={})

    assert town.count(RENT) == 2


async def test_an_order_on_a_kept_connection_that_vast_closed_is_not_sent_again(town: Town) -> None:
    """Even where connections are kept, one that broke under a PUT ends in an error."""
    town.script("GET /hello", {})
    town.script(RENT, Reply(cut=True), {"success": True, "new_contract": 1})

    async with aiohttp.ClientSession(middlewares=(no_resend,)) as session:
        async with session.get(f"{town.url}/hello") as response:
            await response.read()
        with pytest.raises(Cut):
            await session.put(f"{town.url}/api/v0/asks/555/", json={})

    assert town.count(RENT) == 1


async def test_every_order_has_a_connection_of_its_own(town: Town, vast: Vast) -> None:
    """Nothing is kept between requests, so none is lost on a line that Vast has closed."""
    town.script("GET /api/v0/instances/1/", {"instances": instance_row(1)})
    town.script(RENT, {"success": True, "new_contract": 77})
    await vast.machine(ContractId(1))

    await vast.rent(ORDER)

    assert [seen.headers["Connection"] for seen in town.seen] == ["close", "close"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, {"success": False, "error": "server", "msg": "oops"}),
        Reply(502, "<html>Bad gateway</html>", {"Content-Type": "text/html"}),
        Reply(200, "<html>Welcome</html>", {"Content-Type": "text/html"}),
        Reply(403, "<html>Blocked</html>", {"Content-Type": "text/html"}),
        Reply(200, {"success": True}),
        Reply(200, {"success": True, "new_contract": None}),
        Reply(200, {"success": True, "new_contract": "soon"}),
        Reply(200, "yes"),
        Reply(200, '{"success": tr'),
        Reply(200, "[" * 100_000),
        Reply(200, {"success": False, "error": "resources_unavailable", "msg": "queued"}),
        Reply(400, "bad"),
        Reply(400, {}),
        Reply(408, {"msg": "too slow"}),
        Reply(307, {"msg": "over there"}, {"Location": "/api/v0/asks/555/"}),
        Reply(half=True),
    ],
)
async def test_neither_yes_nor_no_is_in_doubt(town: Town, vast: Vast, reply: Reply) -> None:
    """A fault, a page, a cut answer, a yes without a contract, a moved address: may have rented."""
    town.script(RENT, reply)

    with pytest.raises(MayHaveRented) as caught:
        await vast.rent(ORDER)

    assert caught.value.contract is None
    assert town.count(RENT) == 1


async def test_a_silent_server_is_in_doubt(
    town: Town, vast: Vast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline passes after the order was sent."""
    monkeypatch.setattr(renting, "TOTAL_S", 1.5)  # the order must have left by then
    town.script(RENT, Reply(stall=True))

    with pytest.raises(MayHaveRented):
        await vast.rent(ORDER)

    assert town.count(RENT) == 1


async def test_an_error_that_names_a_contract_says_which(town: Town, vast: Vast) -> None:
    """A refused bid leaves a stopped machine that costs: its number must not be lost."""
    town.script(RENT, Reply(400, {"success": False, "error": "no_such_ask", "new_contract": 78}))

    with pytest.raises(MayHaveRented) as caught:
        await vast.rent(ORDER)

    assert caught.value.contract == 78


async def test_an_order_that_never_left_is_no_doubt(town: Town, vast: Vast) -> None:
    """Nobody listens: the order was not sent, so nothing is rented."""
    await town.stop()

    with pytest.raises(Down) as caught:
        await vast.rent(ORDER)

    assert caught.value.public == "Vast.ai is not answering right now."


@pytest.mark.parametrize("status", [400, 404, 409, 410, 200, 500])
@pytest.mark.parametrize("msg", GONE)
async def test_a_gone_offer_is_known_by_its_word(
    town: Town, vast: Vast, status: int, msg: str
) -> None:
    """`no_such_ask` comes with many statuses, and in the code or in the text."""
    town.script(
        RENT, Reply(status, {"success": False, "error": "invalid_args", "msg": msg, "ask_id": 555})
    )

    with pytest.raises(OfferGone) as caught:
        await vast.rent(ORDER)

    assert caught.value.public == "That machine was rented by somebody else a moment ago."


async def test_two_orders_for_one_offer_do_not_meet(town: Town, vast: Vast) -> None:
    """Vast may accept both and break both: the second one is not sent."""
    town.script(RENT, {"success": True, "new_contract": 77})

    first, second = await asyncio.gather(vast.rent(ORDER), vast.rent(ORDER), return_exceptions=True)

    assert first == 77
    assert isinstance(second, OfferGone)
    assert town.count(RENT) == 1


DEFINITE = [
    (
        Reply(400, {"success": False, "error": "insufficient_credit", "msg": "lacks credit"}),
        LowCredit,
        "The team's Vast credit is too low for this machine.",
    ),
    (
        Reply(404, {"success": False, "error": "auth_error", "msg": "Invalid user key"}),
        Denied,
        "Vast.ai refuses our key.",
    ),
    (
        Reply(429, "API requests too frequent", {"Content-Type": "text/plain"}),
        RateLimited,
        "Vast.ai asks us to slow down.",
    ),
    (
        Reply(400, {"success": False, "error": "invalid_args", "msg": "error 400/1: No disk."}),
        Refused,
        "Vast.ai did not rent this machine: error 400/1: No disk.",
    ),
    (
        Reply(400, {"success": False, "error": "spend_rate_limit", "msg": "slow"}),
        Refused,
        "Vast.ai limits how fast a new account may spend, so it did not rent the machine.",
    ),
    (
        Reply(403, {"success": False, "error": "x", "msg": "error 403/3586: own machine"}),
        OfferGone,
        "That machine was rented by somebody else a moment ago.",
    ),
]


@pytest.mark.parametrize(("reply", "kind", "public"), DEFINITE)
async def test_a_definite_no_is_told_apart(
    town: Town, vast: Vast, reply: Reply, kind: type[BotError], public: str
) -> None:
    """A 4xx with a reason is a no, each with its own sentence."""
    town.script(RENT, reply)

    with pytest.raises(kind) as caught:
        await vast.rent(ORDER)

    assert type(caught.value) is kind
    assert caught.value.public == public
    assert town.count(RENT) == 1


async def test_no_secret_is_logged_or_carried_by_an_error(
    town: Town, timer: VirtualTimer, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the key, even where Vast repeats it, nor the machine's own key."""
    caplog.set_level(logging.DEBUG)
    vast = Vast(url=town.url, api_key=KEY, clock=StillClock(), timer=timer)
    leaks = [
        Reply(400, {"error": "invalid_args", "msg": f"bad key {KEY}", "instance_api_key": "i" * 9}),
        Reply(404, {"error": "auth_error", "msg": f"Invalid user key {KEY}"}),
        Reply(500, {"error": "x", "msg": KEY, "instance_api_key": INSTANCE_KEY}),
        Reply(200, {"success": True, "instance_api_key": INSTANCE_KEY}),
        Reply(400, f"plain {KEY}"),
        Reply(429, f"slow down {KEY}", {"Retry-After": "1"}),
        Reply(cut=True),
        Reply(half=True),
        Reply(200, b"\x00\xff"),
    ]
    for reply in leaks:
        town.script(RENT, reply)

        with pytest.raises(BotError) as caught:
            await vast.rent(ORDER)

        shown = _everything(caught.value)
        assert KEY not in shown
        assert INSTANCE_KEY not in shown
    await vast.close()
    assert KEY not in caplog.text
    assert INSTANCE_KEY not in caplog.text


def _everything(error: BaseException | None) -> str:
    """All that an error and its causes show."""
    shown = ""
    while error is not None:
        shown += f"{error} {error!r} {error.args} {vars(error)}"
        error = error.__cause__
    return shown
