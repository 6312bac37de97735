"""docs/faults.md is true: it has a line for whatever the sandbox can bring about, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bot.sandbox.faults import KINDS, Faults
from bot.sandbox.routes.control import INSTANCE_FIELDS

PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
ROWS = re.findall(r"^\| (`[a-z0-9_`, ]+`) \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)


def named() -> set[str]:
    return {name for names, _, _ in ROWS for name in re.findall(r"[a-z0-9_]+", names)}


def test_every_fault_has_a_line_and_every_line_its_fault() -> None:
    """A fault that is added to the sandbox is added to the page."""
    assert named() == set(KINDS) | set(INSTANCE_FIELDS) | {"credit"}


def test_what_the_page_says_to_type_is_taken() -> None:
    """Each command is about its own fault, and the sandbox knows its fields."""
    for names, how, sees in ROWS:
        assert len(sees) > 10, names
        for body in re.findall(r"fault '(\{.+?\})'", how):
            fault = json.loads(body)
            assert f"`{fault['fault']}`" in names
            Faults().add(fault.pop("fault"), **{"times": 1, **fault})
        for body in re.findall(r"change ID '(\{.+?\})'", how):
            assert set(json.loads(body)) <= named()


def test_every_fault_is_shown_by_a_command() -> None:
    """With the words to type."""
    for names, how, _ in ROWS:
        for name in re.findall(r"[a-z0-9_]+", names):
            if name in KINDS:
                assert f'"{name}"' in how
