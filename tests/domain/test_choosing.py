"""Choosing among offers: the reason is the ranking's own, and what speaks against one is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.choosing import Against, Trait, best_in, distinct, marks, stand_in, why_first
from bot.domain.images import DEFAULT, Image
from bot.domain.money import Usd
from bot.domain.offers import Offer, Sort, Wish, rank, session_price, standing
from bot.domain.rentals import ContractId, Reason, RentalId
from bot.domain.replacement import Grudge
from tests.builders import NOW, an_offer, some_rates

GRUDGE = Grudge(
    rental_id=RentalId("b2k7xq"),
    contract=ContractId(5),
    machine_id=1,
    host_id=1,
    reason=Reason.NO_SSH,
    at=NOW - timedelta(hours=3),
)


def offer(id: int, per_hour: str = "0.30", **changes: Any) -> Offer:
    rates = some_rates(gpu_per_hour=Usd.of(per_hour))
    return an_offer(**{"id": id, "machine_id": id, "rates": rates} | changes)


def why(*offers: Offer, sort: Sort = Sort.PRICE, bad: tuple[int, ...] = ()) -> str:
    wish = Wish(sort=sort)
    return why_first(rank(offers, wish, DEFAULT, bad=bad), wish, DEFAULT, bad=bad)


def test_the_whole_price_counts_the_transfer() -> None:
    """An hour that costs a little less loses to a host whose transfer is free."""
    dear_line = offer(1, "0.29")
    free_line = offer(
        2,
        rates=some_rates(gpu_per_hour=Usd.of("0.30"), upload_per_gb=Usd(0), download_per_gb=Usd(0)),
    )

    ranked = rank([dear_line, free_line], Wish(), DEFAULT)

    assert [one.id for one in ranked] == [2, 1]
    # 4 hours of 0.29 and 30 GB of disk, 8 GB there and 1 GB back at $0.02.
    assert session_price(dear_line, Wish(), DEFAULT) == Usd.of("1.42328")


def test_an_image_of_unknown_size_counts_its_archive_only() -> None:
    """What nobody knows is not guessed at."""
    image = Image(name="someone/something", reference="someone/something")

    assert offer(1).rates.transfer(image) == Usd.of("0.02")


def test_the_reason_is_what_the_ranking_decided_by() -> None:
    """In the measure that was asked for, with the figures of both."""
    cheap = offer(1, "0.20", dlperf=Decimal(20), reliability=Decimal("0.991"))
    strong = offer(2, "0.40", dlperf=Decimal(100), reliability=Decimal("0.9994"), vram_mb=81_559)

    by_price = why(cheap, strong)
    by_value = why(cheap, strong, sort=Sort.VALUE)
    by_reliability = why(cheap, strong, sort=Sort.RELIABILITY)
    by_vram = why(cheap, strong, sort=Sort.VRAM)

    assert by_price == ("4 hours on it cost about $1.06 with disk and transfer, on number 2 $1.86.")
    assert by_value == (
        "A dollar an hour buys a speed of 238 (Vast's DLPerf) there, and 91 on number 2."
    )
    assert by_reliability == (
        "Its host is up more of the time than that of number 2: 99.9 % against 99.1 %."
    )
    assert by_vram == "Each of its GPUs has 80 GB of VRAM, those of number 2 have 24 GB."


def test_two_prices_are_told_apart_however_near_they_are() -> None:
    """Two figures that read the same would be no reason."""
    said = why(offer(1, "0.300000"), offer(2, "0.300001"))

    assert "cost about $1.463280 with disk and transfer, on number 2 $1.463284." in said


def test_a_tie_is_decided_by_price_then_reliability_and_says_so() -> None:
    """The next part of the standing that differs."""
    sure = offer(1, reliability=Decimal("0.99912"))
    unsure = offer(2, reliability=Decimal("0.99908"))
    cheaper = offer(3, "0.20", reliability=Decimal("0.99908"))

    assert why(unsure, sure) == (
        "It has the same price as number 2, and its host is up more of the time: "
        "99.912 % against 99.908 %."
    )
    assert why(unsure, cheaper, sort=Sort.VRAM) == (
        "It has the same VRAM as number 2, and 4 hours on it cost $0.40 less."
    )
    assert why(sure, replace(sure, id=9)) == (
        "It and number 2 have the same price and are equally reliable."
    )


def test_a_machine_that_failed_us_comes_last_and_the_reason_says_so() -> None:
    """However cheap it is."""
    cheap, usual, dear = offer(1, "0.10"), offer(2, "0.30"), offer(3, "0.40")

    assert why(cheap, usual, bad=(1,)) == (
        "It is the only one whose machine has not failed us lately. "
        "One machine would come before it, but failed us lately."
    )
    assert why(cheap, usual, dear, bad=(1,)).endswith(
        "on number 2 $1.86. One machine would come before it, but failed us lately."
    )
    assert "before it" not in why(cheap, usual, bad=(1, 2))


def test_one_or_none_needs_no_comparison() -> None:
    """Nothing is compared with nothing."""
    assert why(offer(1)) == "It is the only one that fits."
    assert why() == ""


FEW = st.lists(
    st.builds(
        offer,
        id=st.integers(1, 6),
        per_hour=st.sampled_from(["0.10", "0.30", "0.3001", "0.90"]),
        reliability=st.sampled_from([Decimal("0.99"), Decimal("0.990001"), Decimal(0)]),
        dlperf=st.sampled_from([Decimal(0), Decimal("39.271"), Decimal("39.4")]),
        vram_mb=st.sampled_from([24_564, 24_576, 81_559]),
    ),
    max_size=6,
    unique_by=lambda one: one.id,
)


@given(few=FEW, sort=st.sampled_from(list(Sort)), bad=st.sets(st.integers(1, 6)))
@settings(max_examples=150, deadline=None)
def test_the_reason_never_claims_what_the_standings_deny(
    few: list[Offer], sort: Sort, bad: set[int]
) -> None:
    """“The same …” only where it is the same, “the only one” only where it is; one short text."""
    wish = Wish(sort=sort)
    ranked = rank(few, wish, DEFAULT, bad=bad)

    said = why_first(ranked, wish, DEFAULT, bad=bad)

    if len(ranked) < 2:
        return
    first, second = (standing(one, wish, DEFAULT, bad=bad) for one in ranked[:2])
    assert ("not failed us" in said) == (first.failed != second.failed)
    if first.failed == second.failed:
        assert ("same" in said) == (first.order == second.order)
    assert ("would come before it" in said) == any(
        one.machine_id in bad
        and not first.failed
        and standing(one, wish, DEFAULT, bad=bad).order < first.order
        for one in ranked
    )
    assert len(said) < 250


def test_what_speaks_against_a_machine_is_found() -> None:
    """Its history, an end within a day, a line on which the image takes long."""
    fine = offer(1)
    poor = offer(
        2,
        download_mbps=Decimal("80"),
        available_until=NOW + timedelta(hours=23),
    )
    mute = offer(3, upload_mbps=Decimal("12"))

    history, short, slow = marks(poor, DEFAULT, NOW, failed=GRUDGE)

    assert marks(fine, DEFAULT, NOW) == ()
    assert (history.against, history.at) == (Against.FAILED, GRUDGE.at)
    assert (short.against, short.at) == (Against.SHORT, poor.available_until)
    assert (slow.against, slow.loads_in) == (Against.SLOW, timedelta(seconds=1000))
    assert [one.loads_in for one in marks(mute, DEFAULT, NOW)] == [None]


@pytest.mark.parametrize(("gone", "instead"), [(7, 8), (8, 10), (10, 1), (99, 1)])
def test_the_next_best_has_the_place_of_what_is_gone(gone: int, instead: int) -> None:
    """Of a later page, with 9 gone as well; the best of all after the last one."""
    ranked = [offer(id, f"0.{id + 10}") for id in (1, 2, 3, 7, 8, 10)]  # a list may be old
    listed = {7: 4, 8: 5, 9: 6, 10: 7}

    found = stand_in(ranked, listed, gone)

    assert found is not None
    assert found.id == instead
    assert stand_in([offer(7)], {7: 1}, 7) is None


def test_the_next_best_is_not_one_that_is_compared_already() -> None:
    """What stands above and is left out of the ranking does not move the place."""
    ranked = [offer(id, f"0.{id + 10}") for id in (3, 4)]

    found = stand_in(ranked, {1: 1, 2: 2, 3: 3}, 2)

    assert found is not None
    assert found.id == 3


def test_what_is_alike_on_one_machine_is_one_offer() -> None:
    """Hosts offer GPUs one by one; another price or machine is another offer."""
    twins = [offer(id, machine_id=1) for id in (1, 2, 3)]
    others = [
        offer(4, "0.31", machine_id=1),
        offer(5, machine_id=5),
        offer(6, machine_id=1, gpus=2),
    ]

    shown, more = distinct([*twins, *others])

    assert [one.id for one in shown] == [1, 4, 5, 6]
    assert more == {1: 2}


def test_side_by_side_only_what_is_better_than_all_others_counts() -> None:
    """A tie is nobody's; one alone is compared with nothing."""
    cheap = offer(1, "0.20", dlperf=Decimal(30))
    strong = offer(2, "0.40", dlperf=Decimal(90))
    twin = offer(3, "0.40", dlperf=Decimal(90))

    best = best_in([cheap, strong, twin], Wish(), DEFAULT)

    assert best == {1: (Trait.PRICE,), 2: (), 3: ()}
    assert best_in([cheap, strong], Wish(), DEFAULT)[2] == (Trait.SPEED, Trait.VALUE)
    assert best_in([cheap], Wish(), DEFAULT) == {1: ()}
