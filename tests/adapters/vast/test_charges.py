"""Vast's charges: all pages or an error, parts by their names, labels where there are any."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.adapters.vast.client import Vast
from bot.domain.bills import Parts
from bot.domain.money import Usd
from bot.errors import Nonsense, Provider
from tests.adapters.vast.town import NOW, Reply, Town

CHARGES = "GET /api/v0/charges/"
SPAN = {"since": NOW - timedelta(days=3), "until": NOW}


def line(contract: int, amount: float | str = 38.421, **changes: Any) -> dict[str, Any]:
    """A row of the documented example."""
    items = [("gpu", 37.344), ("disk", "0.9"), ("bwd", 0.1), ("bwu", 0.077), ("tax", 1)]
    return {
        "start": 1730419200,
        "end": 1730678400,
        "type": "instance",
        "source": f"instance-{contract}",
        "amount": amount,
        "metadata": {"label": "bellhop/b2k7xq"},
        "items": [{"type": kind, "amount": amount} for kind, amount in items],
        **changes,
    }


def page(*rows: Any, token: str | None = None, total: int | None = None) -> dict[str, Any]:
    return {"success": True, "count": len(rows), "total": total, "next_token": token} | {
        "results": list(rows)
    }


async def test_a_charge_has_its_parts_and_its_label(town: Town, vast: Vast) -> None:
    """Both bounds are sent, or Vast refuses; what is no instance is passed over."""
    volume = line(0, source="volume-7", type="volume")
    town.script(CHARGES, page(line(12345678), line(9, metadata=None), volume, total=3))

    one, bare = await vast.charges(**SPAN)

    assert (one.contract, one.label, one.total) == (12345678, "bellhop/b2k7xq", Usd(38_421_000))
    assert one.parts == Parts(Usd(37_344_000), Usd(900_000), Usd(100_000), Usd(77_000))
    assert bare.label == ""
    asked = town.seen[0].query["select_filters"]
    midnight = (NOW - timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert midnight < NOW - timedelta(days=3)
    assert f'"gte": {int(midnight.timestamp())}' in asked  # the first day whole
    assert '"lte"' in asked


async def test_all_pages_are_read(town: Town, vast: Vast) -> None:
    """Each with the token of the one before."""
    town.script(CHARGES, page(line(1), token="a", total=3), page(line(2), line(3), total=3))

    assert [one.contract for one in await vast.charges(**SPAN)] == [1, 2, 3]
    assert town.seen[1].query["after_token"] == "a"


@pytest.mark.parametrize("odd", [{"amount": "much"}, {"start": None}, {"end": "soon"}])
async def test_a_line_that_cannot_be_read_keeps_out_its_own_machine_alone(
    town: Town, vast: Vast, odd: dict[str, Any]
) -> None:
    """Whole: of three lines without one the bill would seem to have shrunk."""
    town.script(CHARGES, page(line(1), line(2), token="a"), page(line(1, **odd), total=3))

    assert [one.contract for one in await vast.charges(**SPAN)] == [2]


@pytest.mark.parametrize(
    "replies",
    [
        [page(line(1), token="a", total=2), Reply(500, "<html>")],
        [page(line(1), total=2)],
        [page(line(1), token="a"), page(line(1), token="a")],
        [{"success": True, "results": None}],
        [page("a line")],
        [page(line(1, source="instance-much"))],
        [Reply(404, {"error": "auth_error", "msg": "Invalid user key"})],
    ],
)
async def test_a_part_of_the_list_is_an_error(
    town: Town, vast: Vast, replies: list[object]
) -> None:
    """A page that fails, a count that does not fit, a line that cannot be read."""
    town.script(CHARGES, *replies)

    with pytest.raises((Nonsense, Provider)):
        await vast.charges(**SPAN)
