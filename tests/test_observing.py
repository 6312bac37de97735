"""The dashboard and the alert rules: they can be read, and every metric in them exists."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.adapters.metrics.exposition import Exposition
from bot.domain.durations import SPANS
from bot.domain.rentals import State
from tests.adapters.metrics.test_exposition import WHOLE

DOCS = Path(__file__).parents[1] / "docs"
BOARD: dict[str, Any] = json.loads((DOCS / "grafana.json").read_text())
RULES: list[dict[str, Any]] = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"][0][
    "rules"
]
PAGE = (DOCS / "operations.md").read_text()

_NAME = re.compile(r"\b(?:bellhop|process)_[a-z_]+")
_LABELS = re.compile(r"\b((?:bellhop|process)_[a-z_]+)\{([^}]*)\}")


def exported() -> dict[str, set[str]]:
    """Every sample's name, and the labels it has."""
    metrics = Exposition(version="1")
    metrics.faults.handle(logging.makeLogRecord({"levelno": 40}))
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.page(WHOLE).decode()):
        for sample in family.samples:
            if sample.name.endswith("_created"):
                continue  # the library's own, of which nobody makes use
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


EXPORTED = exported()


def expressions() -> Iterator[str]:
    for rule in RULES:
        yield rule["expr"]
    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


@pytest.mark.parametrize("expression", list(expressions()))
def test_every_metric_and_label_in_an_expression_exists(expression: str) -> None:
    """And what is asked of a label has the values that there are."""
    assert set(_NAME.findall(expression)) <= set(EXPORTED)
    assert _NAME.search(expression) or "up{" in expression
    assert expression.count("(") == expression.count(")")
    for name, labels in _LABELS.findall(expression):
        told = dict(re.findall(r'(\w+)=~?"([^"]*)"', labels))
        assert set(told) <= EXPORTED[name]
        if name == "bellhop_rentals":
            assert told["state"] in {state.value for state in State}
        if "phase" in told:
            assert told["phase"] in SPANS


def test_nothing_is_measured_that_nobody_sees() -> None:
    """Each metric of ours is on the dashboard or in a rule, and explained on the page."""
    seen = "\n".join(expressions())
    ours = {re.sub(r"_(bucket|sum|count)$", "", one) for one in EXPORTED}
    ours = {one for one in ours if one.startswith("bellhop_")}

    assert len(ours) > 15
    assert {one for one in ours if one not in seen} == set()
    assert {one for one in ours if f"`{one}`" not in PAGE} == set()


def test_each_rule_says_how_bad_it_is_and_what_happened() -> None:
    """And the page says what to do about it."""
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "warn")
        assert rule["annotations"]["summary"].endswith(".")
        assert f"`{rule['alert']}`" in PAGE
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_the_loops_that_rules_name_are_run() -> None:
    """A loop that is called otherwise would never be stuck."""
    app = DOCS.parent / "bot" / "app"
    made = "\n".join(file.read_text() for file in app.glob("*.py"))
    named = {
        name
        for expression in expressions()
        for names in re.findall(r'loop=~?"([^"]*)"', expression)
        for name in names.split("|")
    }

    assert len(named) > 3
    assert {name for name in named if f'tasks.forever("{name}"' not in made} == set()


def test_the_dashboard_stands_on_its_own() -> None:
    """Panels do not overlap, and read from the data source that is chosen."""
    places = [(one["gridPos"]["x"], one["gridPos"]["y"]) for one in BOARD["panels"]]

    assert len(set(places)) == len(places)
    for panel in BOARD["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
    assert BOARD["templating"]["list"][0]["query"] == "prometheus"
