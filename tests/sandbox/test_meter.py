"""The bill, against sums done by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from bot.sandbox.meter import Meter, gpu_burn, rounded, storage_burn, transfer
from tests.sandbox.conftest import START


def test_ten_minutes_cost_ten_minutes() -> None:
    """$0.297 an hour is 49,500 micro-dollars for ten minutes."""
    meter = Meter(START, {"gpu": gpu_burn(297_000)})

    meter.run(START + timedelta(minutes=10))

    assert meter.billed()["gpu"] == 49_500


def test_storage_is_priced_by_a_month_of_720_hours() -> None:
    """0.49968 x 10 GB / 720 h = $0.00694 an hour."""
    meter = Meter(START, {"storage": storage_burn(499_680, 10)})

    meter.run(START + timedelta(hours=1))

    assert meter.billed()["storage"] == 6_940


def test_a_bill_in_many_small_steps_is_the_same() -> None:
    """Sums are exact until they are read."""
    steps = Meter(START, {"storage": storage_burn(333_333, 7.5), "gpu": gpu_burn(123_457)})
    leap = Meter(START, dict(steps.burning))

    for second in range(1, 1001):
        steps.run(START + timedelta(seconds=second * 0.7))
    leap.run(START + timedelta(seconds=700))

    assert steps.billed() == leap.billed()


def test_transfer_is_billed_by_the_byte() -> None:
    """$0.02 a GB of 10^9 bytes: 5 GB are ten cents, 25 kB half a micro-dollar, rounded up."""
    assert rounded(transfer(20_000, 5 * 10**9)) == 100_000
    assert rounded(transfer(20_000, 25_000)) == 1
    assert rounded(transfer(20_000, 24_999)) == 0


def test_a_bill_is_kept_by_utc_day() -> None:
    meter = Meter(datetime(2026, 3, 1, 23, 0, tzinfo=UTC), {"gpu": gpu_burn(1_000_000)})

    meter.run(datetime(2026, 3, 3, 2, 0, tzinfo=UTC))

    assert meter.billed()["gpu"] == 27_000_000
    assert meter.billed(date(2026, 3, 2), date(2026, 3, 2))["gpu"] == 24_000_000
    assert meter.billed(date(2026, 3, 3))["gpu"] == 2_000_000
