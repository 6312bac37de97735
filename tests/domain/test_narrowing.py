"""Narrowing down: the menus know the market, and an empty answer says what to give up."""

from __future__ import annotations

from typing import Any

from bot.domain.images import DEFAULT
from bot.domain.money import Usd
from bot.domain.narrowing import around, countries, loosening, models, prices, sizes
from bot.domain.offers import Offer, Sort, Wish
from tests.builders import an_offer, some_rates


def offer(id: int, per_hour: str, gpu: str = "RTX 4090", **changes: Any) -> Offer:
    rates = some_rates(gpu_per_hour=Usd.of(per_hour), storage_per_gb_month=Usd(0))
    return an_offer(**{"id": id, "gpu_name": gpu, "rates": rates} | changes)


MARKET = [
    offer(1, "0.40"),
    offer(2, "0.30", region="Texas, US"),
    offer(3, "0.20", "RTX 3090", region="Utah, US"),
    offer(4, "2.10", "H100 SXM", vram_mb=81_559, region="somewhere"),
    offer(5, "0.05", "RTX 3060", vram_mb=12_288),
]
KNOWN = ["A100 PCIE", "H100 SXM", "L4", "RTX 3060", "RTX 3090", "RTX 4090"]


def test_the_models_that_fit_come_first_with_their_lowest_price() -> None:
    """Then those that Vast knows; what does not fit the other limits has no price."""
    seen = models(MARKET, Wish(gpu="L4"), DEFAULT, KNOWN, most=24)

    assert [(one.name, one.cheapest and one.cheapest.id) for one in seen] == [
        ("RTX 3090", 3),
        ("RTX 4090", 2),
        ("H100 SXM", 4),
        ("A100 PCIE", None),
        ("L4", None),
        ("RTX 3060", None),
    ]


def test_the_wished_value_is_always_among_the_choices() -> None:
    """However few there may be, and whether or not the market has it."""
    wish = Wish(gpu="RTX 5090", region="jp", max_price=Usd.of("0.333"), min_vram_gb=22)

    assert [one.name for one in models(MARKET, wish, DEFAULT, KNOWN, most=2)][-1] == "RTX 5090"
    assert [one.name for one in countries(MARKET, wish, DEFAULT, most=1)] == ["JP"]
    assert Usd.of("0.333") in prices(MARKET, wish, DEFAULT, most=3)
    assert 22 in sizes(wish)


def test_countries_come_by_price_with_their_places() -> None:
    """What is no country is left out."""
    us, se = countries(MARKET, Wish(region="SE"), DEFAULT, most=24)

    assert (us.name, us.places) == ("US", ("Utah", "Texas"))
    assert (se.name, se.places) == ("SE", ("Sweden",))


def test_a_highest_price_leaves_something() -> None:
    """Steps below the cheapest would leave nothing."""
    steps = prices(MARKET, Wish(gpu="RTX 4090"), DEFAULT, most=3)

    assert steps == [Usd.of("0.30"), Usd.of("0.40"), Usd.of("0.50")]


def test_the_limit_to_give_up_is_the_one_that_brings_most() -> None:
    """Named, with the wish that it leaves and the best that fits then."""
    wish = Wish(gpu="RTX 4090", max_price=Usd.of("0.25"))

    found = loosening(MARKET, wish, DEFAULT)

    assert found is not None
    assert found.limit == "at most $0.25 an hour"
    assert (found.wish.max_price, found.wish.gpu) == (None, "RTX 4090")
    assert found.first.id == 2


def test_where_no_single_limit_is_enough_none_is_named() -> None:
    """Nothing is promised that the market does not hold."""
    wish = Wish(gpu="H100 SXM", max_price=Usd.of("0.01"), region="NO")

    assert loosening(MARKET, wish, DEFAULT) is None
    assert loosening([], wish, DEFAULT) is None


def test_what_menus_look_at_keeps_the_limits_that_have_no_menu() -> None:
    """The number of GPUs, the disk and the VRAM stay as they were asked for."""
    wish = Wish(gpu="L4", gpus=2, disk_gb=99, min_vram_gb=24, region="SE", sort=Sort.VRAM)

    assert around(wish) == Wish(gpus=2, disk_gb=99, min_vram_gb=24)
