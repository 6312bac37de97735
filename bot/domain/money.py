"""Money: one type, integer micro-dollars, and the one place that rounds.

Prices come from Vast as decimal dollars and are charged by the second; a float would lose cents
over a month and, on SQLite, so would a NUMERIC column. A `Usd` is an exact count of micro-dollars.
Rates are `Usd` values whose unit is in the name of the field (`gpu_per_hour`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

MONTH = timedelta(days=30)
"""Vast's month for storage prices: 30 days, 720 hours (derived from every sample of its API)."""


@dataclass(frozen=True, slots=True, order=True)
class Usd:
    """An amount of US dollars as integer micro-dollars; may be negative."""

    micros: int = 0

    @classmethod
    def of(cls, dollars: Decimal | str | int) -> Usd:
        """Dollars, rounded half up to a micro-dollar. Raises ValueError for what is no number."""
        try:
            amount = Decimal(dollars)
            if not amount.is_finite():
                raise ValueError(f"not an amount: {dollars!r}")
            return cls(int((amount * 1_000_000).quantize(Decimal(1), rounding=ROUND_HALF_UP)))
        except InvalidOperation as error:
            raise ValueError(f"not an amount: {dollars!r}") from error

    @classmethod
    def sum(cls, amounts: Iterable[Usd]) -> Usd:
        return cls(sum(amount.micros for amount in amounts))

    @property
    def dollars(self) -> Decimal:
        return Decimal(self.micros) / 1_000_000

    def __add__(self, other: Usd) -> Usd:
        return Usd(self.micros + other.micros)

    def __sub__(self, other: Usd) -> Usd:
        return Usd(self.micros - other.micros)

    def __neg__(self) -> Usd:
        return Usd(-self.micros)

    def times(self, quantity: Decimal | int) -> Usd:
        """This price for a quantity, rounded half up to a micro-dollar."""
        exact = Decimal(self.micros) * Decimal(quantity)
        return Usd(int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)))

    def over(self, span: timedelta, *, per: timedelta) -> Usd:
        """This rate (so much `per` span of time) over another span, rounded half up."""
        micros = self.micros * (span // timedelta(microseconds=1))
        unit = per // timedelta(microseconds=1)
        return Usd((2 * micros + unit) // (2 * unit))

    def __str__(self) -> str:
        """Two decimals from a cent up, four below: `$12.40`, `$0.0069`, `-$1.00`, `$0.00`."""
        amount = abs(self.dollars)
        small = Decimal("0.00005") <= amount < Decimal("0.01")
        shown = amount.quantize(Decimal("0.0001" if small else "0.01"), rounding=ROUND_HALF_UP)
        return f"{'-' if self.micros < 0 and shown else ''}${shown:,}"


ZERO = Usd()


def hourly(rate: Usd) -> str:
    """An hourly price with the three decimals that tell machines apart: `$0.297/h`."""
    return f"${rate.dollars.quantize(Decimal('0.001'), rounding=ROUND_HALF_UP)}/h"


def hourly_part(rate: Usd) -> str:
    """Part of an hourly price, with a fourth decimal where it has one, so that parts add up."""
    exact = rate.dollars.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)
    return f"${str(exact).removesuffix('0')}/h"


def at_most(limit: Usd) -> str:
    """A highest hourly price with every digit that was typed: `at most $0.40 an hour`."""
    digits = f"{limit.dollars:.6f}"
    return f"at most ${digits[:-4]}{digits[-4:].rstrip('0')} an hour"


def above(limit: Usd) -> Usd:
    """The lowest hourly price that is more than a limit.

    Whole thousandths are what `hourly` shows, and were read off there: all that is shown as so much
    is within them. A finer limit is meant as it is.
    """
    return limit + Usd(1 if limit.micros % 1_000 else 500)


def storage_per_hour(per_gb_month: Usd, disk_gb: int) -> Usd:
    """What a disk costs per hour at Vast's price per GB and month (reference vast-api, 4.1)."""
    return Usd(per_gb_month.micros * disk_gb).over(timedelta(hours=1), per=MONTH)
