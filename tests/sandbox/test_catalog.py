"""What the market has for rent."""

from __future__ import annotations

from bot.sandbox.catalog import MODELS, draw_market
from bot.sandbox.offers import row
from tests.sandbox.conftest import START, TUTORIAL


def test_the_market_has_a_hundred_offers_of_twenty_models() -> None:
    """Every model of the catalogue is for rent, in several regions and sizes, some unverified."""
    offers = draw_market(1, START)

    assert len(offers) >= 100
    assert {offer.model.name for offer in offers} == {model.name for model in MODELS}
    assert len(MODELS) >= 20
    assert {offer.gpus for offer in offers} == {1, 2, 4, 8}
    assert len({offer.region for offer in offers}) >= 8
    assert {offer.verified for offer in offers} == {True, False}
    assert {900, 1000, 1200} <= {offer.model.compute_cap for offer in offers}


def test_offers_have_numbers_of_their_own() -> None:
    offers = draw_market(3, START, size=2000)

    assert len({offer.id for offer in offers}) == len(offers) >= 2000


def test_the_same_seed_draws_the_same_market() -> None:
    assert draw_market(7, START) == draw_market(7, START)
    assert draw_market(7, START) != draw_market(8, START)


def test_the_gpus_of_a_machine_are_offered_once() -> None:
    """The offers of one machine share it without overlap."""
    shares: dict[int, int] = {}
    whole: dict[int, int] = {}

    for offer in draw_market(1, START, size=500)[1:]:
        shares[offer.machine_id] = shares.get(offer.machine_id, 0) + offer.gpus
        whole[offer.machine_id] = offer.machine_gpus

    assert shares == whole


def test_the_machine_of_the_tutorial_costs_what_the_tutorial_says() -> None:
    """$0.297 an hour, with 10 GB $0.30394, with the CLI's 5 GB $0.30047; $0.02 a GB."""
    offer = next(each for each in draw_market(1, START) if each.id == TUTORIAL)

    ten = row(offer, now=START, disk_gb=10, bid=False, rented=False)
    five = row(offer, now=START, disk_gb=5, bid=False, rented=False)

    assert ten["dph_base"] == 0.297
    assert round(ten["dph_total"], 9) == 0.30394
    assert round(five["dph_total"], 9) == 0.30047
    assert (ten["storage_cost"], ten["inet_up_cost"], ten["inet_down_cost"]) == (
        0.49968,
        0.02,
        0.02,
    )
    assert ten["gpu_ram"] >= 16 * 1024
