"""Choosing among offers: every limit holds whatever Vast sent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.images import DEFAULT, PRESETS, choose
from bot.domain.money import Usd
from bot.domain.offers import (
    Offer,
    Sort,
    Wish,
    find_gpu,
    next_best,
    rank,
    sold_gb,
    suggest,
    tightest,
)
from bot.errors import BadInput
from tests.domain.facts import OFFER, TUTORIAL_RATES, offer

MODELS = ["RTX 4090", "RTX 4080", "RTX 3090", "RTX 3090 Ti", "A100 SXM4", "H100 SXM", "L40S"]


def _priced(id: int, per_hour: str, **changes: Any) -> Offer:
    rates = replace(TUTORIAL_RATES, gpu_per_hour=Usd.of(per_hour))
    return offer(id=id, rates=rates, **changes)


def test_offers_are_ranked_by_the_whole_price_at_the_asked_disk() -> None:
    """A cheap GPU with a dear disk loses to the other way round once the disk is large."""
    dear_disk = offer(
        id=1,
        rates=replace(
            TUTORIAL_RATES, gpu_per_hour=Usd.of("0.20"), storage_per_gb_month=Usd.of("1.50")
        ),
    )
    cheap_disk = offer(
        id=2,
        rates=replace(
            TUTORIAL_RATES, gpu_per_hour=Usd.of("0.25"), storage_per_gb_month=Usd.of("0.10")
        ),
    )

    small = rank([dear_disk, cheap_disk], Wish(disk_gb=10), DEFAULT)
    large = rank([dear_disk, cheap_disk], Wish(disk_gb=200), DEFAULT)

    assert [one.id for one in small] == [1, 2]
    assert [one.id for one in large] == [2, 1]


@pytest.mark.parametrize(
    "unfit",
    [
        offer(gpus=2),
        offer(vram_mb=12288),
        offer(disk_free_gb=5),
        offer(gpu_name="RTX 3060"),
        offer(region="Berlin, DE"),
        offer(rates=replace(TUTORIAL_RATES, gpu_per_hour=Usd.of("9"))),
    ],
)
def test_every_limit_is_checked_again_whatever_vast_sent(unfit: Offer) -> None:
    """Vast sometimes ignores a filter; what does not fit is not shown."""
    wish = Wish(gpu="RTX A5000", disk_gb=10, region="us", max_price=Usd.of("1"))

    assert rank([unfit, OFFER], wish, DEFAULT) == [OFFER]


@pytest.mark.parametrize(
    ("per_hour", "limit", "fits"),
    [
        ("0.312499", "0.312", True),  # shown as $0.312/h
        ("0.3125", "0.312", False),  # shown as $0.313/h
        ("0.300499", "0.30", True),
        ("0.312400", "0.3124", True),
        ("0.312401", "0.3124", False),  # who types that many digits means them
    ],
)
def test_a_price_typed_as_it_is_shown_lets_its_machine_in(
    per_hour: str, limit: str, fits: bool
) -> None:
    """Prices are shown rounded; whoever types one off a card means the machine beside it."""
    one = _priced(1, per_hour)
    disk = one.rates.per_hour(10) - one.rates.gpu_per_hour
    one = replace(one, rates=replace(one.rates, gpu_per_hour=Usd.of(per_hour) - disk))

    found = rank([one], Wish(disk_gb=10, max_price=Usd.of(limit)), DEFAULT)

    assert (found == [one]) is fits


def test_an_offer_that_comes_twice_is_shown_once() -> None:
    """Vast may send one offer twice with different scores."""
    assert rank([OFFER, OFFER], Wish(), DEFAULT) == [OFFER]


def test_the_2022_image_is_kept_off_hopper_and_blackwell() -> None:
    """Its PyTorch has no kernels for compute capability 9.0 and above."""
    hopper = offer(id=2, compute_cap=900, gpu_name="H100 SXM")

    assert rank([hopper, OFFER], Wish(), choose("fastai")) == [OFFER]
    assert len(rank([hopper, OFFER], Wish(), choose("pytorch"))) == 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("rtx_4090", "RTX 4090"), ("4090", "RTX 4090"), ("a100sxm4", "A100 SXM4"), ("RTX 5000", None)],
)
def test_models_are_found_however_they_are_spelt(typed: str, meant: str | None) -> None:
    """Underscores, case and the maker's prefix do not matter."""
    assert find_gpu(typed, MODELS) == meant


def test_unknown_models_bring_near_ones() -> None:
    """A typo is answered with what was probably meant, best first."""
    assert suggest("RTX 4091", MODELS)[0] in ("RTX 4090", "RTX 4080")
    assert suggest("3090", MODELS)[:2] == ["RTX 3090", "RTX 3090 Ti"]
    assert suggest("toaster", MODELS) == []


def test_the_limit_that_keeps_out_most_is_named() -> None:
    """Somebody with an empty answer learns what to loosen."""
    market = [offer(id=n, vram_mb=8192) for n in range(5)] + [offer(id=9, gpus=4)]

    assert tightest(market, Wish(min_vram_gb=24), DEFAULT) == "at least 24 GB of VRAM"
    assert tightest([], Wish(), DEFAULT) is None


def test_the_stand_in_for_a_lost_offer_never_costs_more_than_was_agreed() -> None:
    """The next best within the quoted price, else none."""
    agreed = OFFER.rates.per_hour(30)
    dearer = _priced(2, "0.40")
    cheaper = _priced(3, "0.29")
    market = [OFFER, dearer, cheaper]

    found = next_best(market, Wish(), DEFAULT, like=OFFER, gone=[], at_most=agreed)
    none = next_best([OFFER, dearer], Wish(), DEFAULT, like=OFFER, gone=[], at_most=agreed)

    assert found == cheaper
    assert none is None


def test_a_lost_offer_that_was_asked_for_by_number_may_be_stood_in_for() -> None:
    """Somebody who chose offer 1001 in the menu gets the next best of that model."""
    wish = Wish(offer_id=OFFER.id)
    twin = _priced(3, "0.29")
    other = _priced(4, "0.20", gpu_name="RTX 3090")

    found = next_best([twin, other], wish, DEFAULT, like=OFFER, gone=[], at_most=Usd.of("1"))

    assert found == twin


@pytest.mark.parametrize(
    ("reported_mb", "sold"), [(24564, 24), (15360, 16), (23034, 24), (81559, 80), (16376, 16)]
)
def test_vram_is_counted_as_it_is_sold(reported_mb: int, sold: int) -> None:
    """A driver reports a little less than the box says; a 16 GB card passes a 16 GB limit."""
    assert sold_gb(reported_mb) == sold


def test_sorting_follows_the_wish() -> None:
    """By value, reliability or memory instead of price."""
    strong = _priced(1, "1.00", dlperf=Decimal(200), reliability=Decimal("0.90"), vram_mb=49140)
    cheap = _priced(2, "0.20", dlperf=Decimal(10), reliability=Decimal("0.99"))
    market = [strong, cheap]

    def first(sort: Sort) -> int:
        return rank(market, Wish(sort=sort), DEFAULT)[0].id

    assert [first(sort) for sort in (Sort.PRICE, Sort.VALUE, Sort.RELIABILITY, Sort.VRAM)] == [
        2,
        1,
        2,
        1,
    ]


def test_any_image_may_be_named_and_nonsense_is_refused() -> None:
    """A preset by name, any reference as it is, and a clear word for the rest."""
    assert choose(None) is DEFAULT
    assert choose("FastAI").reference == "fastdotai/fastai-course:latest"
    assert choose("nvcr.io/nvidia/pytorch:24.10-py3").reference == (
        "nvcr.io/nvidia/pytorch:24.10-py3"
    )
    with pytest.raises(BadInput) as refusal:
        choose("rm -rf /; echo")
    assert refusal.value.public == "That is not the name of an image."
    assert all(preset.name in refusal.value.hint for preset in PRESETS)
