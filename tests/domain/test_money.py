"""Money: exact, rounded in one place, readable."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import MONTH, Usd, at_most, hourly, storage_per_hour


@pytest.mark.parametrize(
    ("disk_gb", "per_hour"), [(5, "0.00347"), (10, "0.00694"), (20, "0.01388"), (100, "0.0694")]
)
def test_the_tutorials_disk_costs_what_the_tutorial_says(disk_gb: int, per_hour: str) -> None:
    """$0.49968 per GB and month of 720 hours (reference vast-api, 4.3)."""
    rate = Usd.of("0.49968")

    assert storage_per_hour(rate, disk_gb) == Usd.of(per_hour)


def test_eight_hours_of_the_tutorials_machine_cost_what_the_tutorial_says() -> None:
    """$0.30394 an hour with 10 GB, eight hours: $2.43 (to four decimals 2.4315)."""
    whole = Usd.of("0.297") + storage_per_hour(Usd.of("0.49968"), 10)

    assert whole.over(timedelta(hours=8), per=timedelta(hours=1)) == Usd.of("2.43152")


@given(
    rate=st.integers(0, 50_000_000),
    cuts=st.lists(st.integers(0, 10**10), min_size=1, max_size=20),
)
def test_differences_of_cumulative_amounts_add_up_to_the_whole(rate: int, cuts: list[int]) -> None:
    """However time is cut into periods, the entries sum to the cost of the whole span."""
    marks = sorted({0, *cuts})
    amounts = [Usd(rate).over(timedelta(microseconds=m), per=MONTH) for m in marks]

    parts = [later - earlier for earlier, later in itertools.pairwise(amounts)]

    assert Usd.sum(parts) == amounts[-1]
    assert all(part.micros >= 0 for part in parts)


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (0, "$0.00"),
        (12_400_000, "$12.40"),
        (6_940, "$0.0069"),
        (-1_000_000, "-$1.00"),
        (1_234_567_890_000, "$1,234,567.89"),
        (10_000, "$0.01"),
    ],
)
def test_amounts_read_like_money(micros: int, shown: str) -> None:
    """Two decimals from a cent up, four below."""
    assert str(Usd(micros)) == shown


def test_hourly_prices_show_three_decimals() -> None:
    """$0.297/h and $0.303/h are different machines."""
    assert hourly(Usd.of("0.29694")) == "$0.297/h"


@pytest.mark.parametrize(
    ("limit", "said"),
    [("0.4", "$0.40"), ("0.312", "$0.312"), ("0.31205", "$0.31205"), ("2", "$2.00")],
)
def test_a_highest_price_is_said_with_every_digit(limit: str, said: str) -> None:
    """“At most $0.31” is not what somebody asked for who typed 0.312."""
    assert at_most(Usd.of(limit)) == f"at most {said} an hour"


@pytest.mark.parametrize("text", ["", "abc", "NaN", "Infinity", "1,5"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """A malformed amount never becomes a number."""
    with pytest.raises(ValueError, match="not an amount"):
        Usd.of(text)


def test_rates_are_rounded_half_up_once() -> None:
    """The same digits as Vast's own example: 0.1493333 x 10 / 720."""
    assert storage_per_hour(Usd.of(Decimal("0.1493333")), 10) == Usd.of("0.002074")
