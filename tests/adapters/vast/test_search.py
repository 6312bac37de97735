"""Offers: what is asked, what is kept, which rows are left out."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.adapters.vast.client import Vast
from bot.domain.money import Usd
from bot.domain.offers import Sort, Wish
from bot.errors import Denied, Down, Nonsense, RateLimited
from tests.adapters.vast.rows import offer_row
from tests.adapters.vast.town import Reply, Town, VirtualTimer

SEARCH = "POST /api/v0/bundles/"
NAMES = "GET /api/v0/gpu_names/unique/"


async def test_a_search_asks_for_prices_at_the_wished_disk(town: Town, vast: Vast) -> None:
    """`allocated_storage` is the disk: else prices are for five GB."""
    town.script(SEARCH, {"offers": []})

    assert await vast.search(Wish(disk_gb=40)) == []

    assert town.seen[0].json == {
        "verified": {"eq": True},
        "external": {"eq": False},
        "rentable": {"eq": True},
        "num_gpus": {"eq": 1},
        "gpu_ram": {"gte": 15073},
        "disk_space": {"gte": 40},
        "order": [["dph_total", "asc"]],
        "type": "on-demand",
        "limit": 64,
        "allocated_storage": 40,
    }


async def test_every_limit_of_a_wish_is_a_filter(town: Town, vast: Vast) -> None:
    """Only 64 offers come back, so Vast must leave out what does not fit."""
    town.script(SEARCH, {"offers": []})
    wish = Wish(
        gpu="RTX_4090",
        max_price=Usd.of("0.45"),
        min_vram_gb=24,
        gpus=2,
        region="se",
        sort=Sort.VALUE,
        offer_id=9,
    )

    await vast.search(wish, max_compute_cap=890)

    body = town.seen[0].json
    assert body["gpu_name"] == {"eq": "RTX 4090"}
    assert body["dph_total"] == {"lte": "0.4505"}  # what is shown as $0.450/h
    assert body["gpu_ram"] == {"gte": 22609}
    assert body["num_gpus"] == {"eq": 2}
    assert body["geolocation"] == {"in": ["SE"]}
    assert body["compute_cap"] == {"lte": 890}
    assert body["ask_contract_id"] == {"eq": 9}
    assert body["order"] == [["dlperf_per_dphtotal", "desc"]]


async def test_an_offer_is_read_with_its_exact_prices(town: Town, vast: Vast) -> None:
    """Prices are decimals to the micro-dollar; memory is the offer's share of the machine's."""
    town.script(SEARCH, {"offers": [offer_row(dph_base=0.297, storage_cost=0.49968)]})

    [offer] = await vast.search(Wish())

    assert offer.id == 6995713
    assert offer.rates.gpu_per_hour == Usd(297_000)
    assert offer.rates.storage_per_gb_month == Usd(499_680)
    assert offer.rates.per_hour(10) == Usd(303_940)
    assert offer.rates.download_per_gb == Usd(2_700)
    assert (offer.vram_mb, offer.ram_mb, offer.disk_free_gb) == (24564, 16098, 1607)
    assert (offer.country, offer.verified, offer.datacenter) == ("CN", True, False)
    assert offer.reliability == Decimal("0.9974")
    assert offer.available_until == datetime(2026, 11, 23, tzinfo=UTC)


async def test_numbers_may_be_strings(town: Town, vast: Vast) -> None:
    """Vast is known to write numbers as text."""
    as_text = {
        name: str(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else value
        for name, value in offer_row().items()
    }
    town.script(SEARCH, {"offers": [offer_row()]}, {"offers": [as_text]})

    first, second = await vast.search(Wish()), await vast.search(Wish(disk_gb=31))

    assert first == second


async def test_an_unreadable_offer_is_left_out_and_counted(
    town: Town, vast: Vast, caplog: pytest.LogCaptureFixture
) -> None:
    """One odd row does not hide the market."""
    odd = [
        offer_row(2, dph_base=None),
        offer_row(3, storage_cost="free"),
        offer_row(4, inet_up_cost=-1),
        offer_row(5, gpu_name=None),
        offer_row(6, gpu_ram="lots"),
        offer_row(7, num_gpus=0),
        offer_row(8, ask_contract_id="x"),
        offer_row(9, disk_space=float("1e300")),
        "text",
    ]
    town.script(SEARCH, {"offers": [offer_row(1), *odd]})

    found = await vast.search(Wish())

    assert [offer.id for offer in found] == [1]
    assert "left out 9 of 10 offers that cannot be read" in caplog.text


async def test_what_is_not_for_rent_at_a_fixed_price_is_left_out(
    town: Town, vast: Vast, caplog: pytest.LogCaptureFixture
) -> None:
    """Vast ignores filters at times, and sends the same offer twice."""
    rows = [
        offer_row(1),
        offer_row(1, score=2),
        offer_row(2, is_bid=True),
        offer_row(3, rentable=False),
        offer_row(4, external=True),
    ]
    town.script(SEARCH, {"offers": rows})
    caplog.set_level(logging.WARNING)

    found = await vast.search(Wish())

    assert [offer.id for offer in found] == [1]
    assert caplog.text == ""


async def test_the_same_search_is_kept_for_fifteen_seconds(
    town: Town, vast: Vast, timer: VirtualTimer
) -> None:
    """Vast allows ten searches a minute; another wish is another search."""
    town.script(SEARCH, {"offers": [offer_row()]})

    await vast.search(Wish())
    (await vast.search(Wish())).clear()
    assert len(await vast.search(Wish())) == 1
    assert town.count(SEARCH) == 1

    await vast.search(Wish(gpus=2))
    assert town.count(SEARCH) == 2

    timer.seconds += 15.1
    await vast.search(Wish())
    assert town.count(SEARCH) == 3


async def test_fifty_people_who_search_at_once_are_one_search(town: Town, vast: Vast) -> None:
    """Those who come while it is asked wait for the same answer."""
    town.script(SEARCH, {"offers": [offer_row()]})

    found = await asyncio.gather(*(vast.search(Wish()) for _ in range(50)))

    assert {len(offers) for offers in found} == {1}
    assert town.count(SEARCH) == 1


async def test_a_failed_search_is_shared_but_not_kept(town: Town, vast: Vast) -> None:
    """All who wait hear of it at once; the next one asks again. A search is not sent twice."""
    town.script(SEARCH, Reply(cut=True), {"offers": []})

    failed = await asyncio.gather(*(vast.search(Wish()) for _ in range(3)), return_exceptions=True)

    assert [type(error) for error in failed] == [Down] * 3
    assert town.count(SEARCH) == 1
    assert await vast.search(Wish()) == []


async def test_who_gives_up_does_not_take_the_answer_from_others(town: Town, vast: Vast) -> None:
    """The first who asked is cancelled; the second gets the offers all the same."""
    town.script(SEARCH, {"offers": [offer_row()]})
    first = asyncio.ensure_future(vast.search(Wish()))
    second = asyncio.ensure_future(vast.search(Wish()))
    await asyncio.sleep(0)

    first.cancel()

    assert len(await second) == 1
    assert town.count(SEARCH) == 1


async def test_closing_ends_a_search_that_runs(town: Town, vast: Vast) -> None:
    """Nothing is left running behind the house's back."""
    town.script(SEARCH, Reply(stall=True))
    search = asyncio.ensure_future(vast.search(Wish()))
    await town.stalling.wait()

    await vast.close()

    with pytest.raises(Down):
        await search


async def test_the_daily_quota_says_until_when(town: Town, vast: Vast) -> None:
    """It is reset at midnight UTC, and further searches are not even sent."""
    reset = str(int(datetime(2026, 11, 23, tzinfo=UTC).timestamp()))
    town.script(
        SEARCH, Reply(429, {"error": "search_quota_exceeded"}, {"X-RateLimit-Reset": reset})
    )

    for wish in (Wish(), Wish(gpus=2)):
        with pytest.raises(RateLimited) as caught:
            await vast.search(wish)
        assert caught.value.retry_after is not None
        assert caught.value.retry_after.total_seconds() == 12 * 3600
        assert caught.value.public == "Today's searches on Vast.ai are used up."

    assert town.count(SEARCH) == 1
    assert vast.searches() == "Today's searches on Vast.ai are used up."


async def test_a_search_that_waits_a_moment_is_no_shortage(town: Town, vast: Vast) -> None:
    """A plain 429 of some seconds is nothing that people need to know."""
    town.script(SEARCH, Reply(429, "too frequent", {"Retry-After": "5"}))

    with pytest.raises(RateLimited):
        await vast.search(Wish())

    assert vast.searches() == ""


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(200, {}), Nonsense),
        (Reply(200, {"offers": {"id": 1}}), Nonsense),
        (Reply(200, "<html>"), Down),
        (Reply(404, {"error": "auth_error"}), Denied),
    ],
)
async def test_a_search_without_a_list_is_an_error(
    town: Town, vast: Vast, reply: Reply, kind: type[Exception]
) -> None:
    """No offers and no answer are not the same."""
    town.script(SEARCH, reply)

    with pytest.raises(kind):
        await vast.search(Wish())


async def test_the_models_on_the_market_are_kept_for_an_hour(
    town: Town, vast: Vast, timer: VirtualTimer
) -> None:
    """Autocomplete asks at every letter."""
    town.script(NAMES, {"gpu_names": ["RTX 4090", "L4", "", None, "L4"]})

    assert await vast.gpu_names() == ["L4", "RTX 4090"]
    timer.seconds += 3599
    await vast.gpu_names()
    assert town.count(NAMES) == 1

    timer.seconds += 2
    await vast.gpu_names()
    assert town.count(NAMES) == 2


async def test_models_that_are_no_list_are_nonsense(town: Town, vast: Vast) -> None:
    """An empty market is not concluded from it."""
    town.script(NAMES, {"gpu_names": "RTX 4090"})

    with pytest.raises(Nonsense):
        await vast.gpu_names()
