"""The page of attacks is true: each has a test, and the test is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def _rows() -> list[list[str]]:
    """The cells of every row, without the tables' heads."""
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if row[0] != "attack" and not set(row[0]) <= {"-"}]


ROWS = _rows()


def _tests(path: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse((ROOT / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name: node for node in tree.body if isinstance(node, functions)}


def test_at_least_thirty_attacks_are_described() -> None:
    """Each once."""
    assert len(ROWS) >= 30
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:40] for row in ROWS])
def test_every_attack_says_what_happens_and_names_tests_that_are_there(row: list[str]) -> None:
    """In three cells; the tests are functions of that file, and none is left out by a mark."""
    attack, happens, tests = row
    named = _NAMED.findall(tests)

    assert attack
    assert happens
    assert named
    assert _NAMED.sub("", tests).strip(" ,") == ""
    for path, name in named:
        found = _tests(path).get(name)
        assert found is not None, f"{path} has no {name}"
        assert name.startswith("test_")
        marks = [ast.unparse(mark) for mark in found.decorator_list]
        assert not any("skip" in mark or "xfail" in mark for mark in marks)
