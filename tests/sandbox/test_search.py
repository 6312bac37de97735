"""Vast's query language."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox.catalog import draw_market
from bot.sandbox.offers import Row, row
from bot.sandbox.refusal import Refusal
from bot.sandbox.search import find, parse
from tests.sandbox.conftest import START, TUTORIAL

ROWS: list[Row] = [
    row(offer, now=START, disk_gb=10, bid=False, rented=False)
    for offer in draw_market(1, START, size=400)
]
COLUMNS = frozenset(ROWS[0])


def search(**body: Any) -> list[Row]:
    return find(ROWS, parse({"limit": 64, **body}, COLUMNS))


def test_numbers_may_come_as_strings() -> None:
    """The CLI sends most of them so."""
    found = search(num_gpus={"eq": "2"}, reliability2={"gt": "0.98"})

    assert found
    assert all(each["num_gpus"] == 2 and each["reliability"] > 0.98 for each in found)


def test_several_operators_of_a_column_all_hold() -> None:
    found = search(dph_total={"gte": 0.2, "lt": "0.5"})

    assert found
    assert all(0.2 <= each["dph_total"] < 0.5 for each in found)


@pytest.mark.parametrize("name", ["RTX 4090", "RTX_4090"])
def test_a_model_is_found_with_spaces_and_with_underscores(name: str) -> None:
    found = search(gpu_name={"eq": name})

    assert {each["gpu_name"] for each in found} == {"RTX 4090"}
    assert len(search(gpu_name={"in": [name]})) == len(found)


def test_a_country_is_found_by_its_code() -> None:
    found = search(geolocation={"in": ["SE", "NO"]})

    assert {each["geolocation"] for each in found} <= {"Sweden, SE", "Norway, NO"}
    assert found
    assert all(each["geolocation"] != "Sweden, SE" for each in search(geolocation={"neq": "SE"}))


def test_the_words_of_the_cli_stand_for_columns() -> None:
    """`verified`, `datacenter`, `external` and `driver_version` are no columns of their own."""
    unverified = search(verified={"eq": False}, external={"eq": "false"})
    newest = search(driver_version={"gte": "580.0.0"}, datacenter={"eq": True})

    assert {each["verification"] for each in unverified} == {"unverified"}
    assert {each["driver_version"] for each in newest} == {"580.95.05"}
    assert {each["hosting_type"] for each in newest} == {1}


def test_orders_are_applied_one_after_the_other() -> None:
    found = search(order=[["num_gpus", "desc"], ["dph_total", "asc"]])

    keys = [(-each["num_gpus"], each["dph_total"]) for each in found]
    assert keys == sorted(keys)
    assert len({key[0] for key in keys}) > 1


def test_without_an_order_the_best_score_comes_first() -> None:
    scores = [each["score"] for each in search()]

    assert scores == sorted(scores, reverse=True)


def test_at_most_64_offers_come_whatever_is_asked() -> None:
    assert len(find(ROWS, parse({"limit": 500}, COLUMNS))) == 64
    assert len(find(ROWS, parse({"limit": "5"}, COLUMNS))) == 5


def test_by_id_nothing_is_found_and_by_ask_contract_id_one_is() -> None:
    assert search(id={"eq": TUTORIAL}) == []
    assert [each["id"] for each in search(ask_contract_id={"eq": TUTORIAL})] == [TUTORIAL]


def test_ram_is_filtered_by_the_share_of_the_machine() -> None:
    """128,576 MB in four parts are 32,144 a part."""
    one = {"ask_contract_id": {"eq": TUTORIAL}}

    assert search(**one, cpu_ram={"gte": 32_000.0})
    assert not search(**one, cpu_ram={"gte": 33_000.0})


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"gpu_nam": {"eq": "RTX 4090"}}, "gpu_nam"),
        ({"gpu_ram": {"about": 3}}, "about"),
        ({"gpu_ram": {"gte": "much"}}, "much"),
        ({"gpu_name": "RTX 4090"}, "gpu_name"),
        ({"type": "gift"}, "gift"),
        ({"order": [["beauty", "desc"]]}, "beauty"),
        ({"limit": "few"}, "limit"),
        ({"geolocation": {"in": "SE"}}, "geolocation"),
    ],
)
def test_what_is_not_known_is_refused_by_name(body: dict[str, Any], named: str) -> None:
    with pytest.raises(Refusal, match=named):
        search(**body)
