"""What people read when something cannot be done: each sentence once, and each with a next step."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import errors
from bot.errors import BotError, Down, told

ROOT = Path(__file__).parents[1]

KINDS = {
    one.__name__: one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, BotError)
}

# Where the sentence itself says what to do, or nobody is told at all.
WITHOUT = {"Refused", "Repeated", "Config", "Backup"}


def raised() -> Iterator[tuple[str, str, dict[str, ast.expr]]]:
    """Where an error of the house is made, its kind, and what it is told."""
    for folder in ("bot", "cogs"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    words = {one.arg: one.value for one in node.keywords if one.arg}
                    if node.func.id in KINDS:
                        yield f"{file.relative_to(ROOT)}:{node.lineno}", node.func.id, words


@pytest.mark.parametrize("kind", sorted(set(KINDS) - WITHOUT))
def test_every_kind_of_error_says_what_to_do_next(kind: str) -> None:
    """In a sentence of its own, unless it is said where the error is raised."""
    hint = KINDS[kind].hint

    assert hint.endswith("."), kind
    assert hint[0] == "/" or hint[0].isupper(), kind


def test_a_refusal_of_no_kind_says_what_to_do_where_it_is_raised() -> None:
    """`Refused` itself knows no next step."""
    found = list(raised())
    bare = [where for where, kind, said in found if kind == "Refused" and "hint" not in said]

    assert len(found) > 100
    assert bare == []


def test_the_same_fault_reads_the_same_everywhere() -> None:
    """A sentence that is needed twice, with the same next step, is a kind of error of its own."""
    written = Counter(
        (said["public"].value, ast.unparse(said["hint"]) if "hint" in said else "")
        for _, kind, said in raised()
        if kind not in WITHOUT - {"Refused"} and isinstance(said.get("public"), ast.Constant)
    )
    kinds = {kind.public for kind in KINDS.values()}

    assert len(written) > 40
    assert [sentence for sentence, times in written.items() if times > 1] == []
    assert [sentence for sentence, _ in written if sentence in kinds] == []


def test_an_error_of_the_house_is_told_in_its_own_words() -> None:
    """No incident: nothing of ours is broken."""
    said = told(Down("ECONNREFUSED 10.0.0.1"))

    assert said == errors.Told(Down.public, Down.hint)


def test_a_fault_of_ours_gets_a_number_and_nothing_else_of_it_is_said() -> None:
    """The number finds it in the log; the person reads no trace, name or value."""
    first, second = told(KeyError("secret")), told(KeyError("secret"))

    assert first.public == BotError.public
    assert len(first.incident) == 8
    assert f"incident {first.incident}." in first.hint
    assert "secret" not in first.public + first.hint
    assert first.incident != second.incident


@pytest.mark.parametrize("file", sorted((ROOT / "cogs").glob("*.py")), ids=lambda one: one.stem)
def test_a_cog_says_nothing_itself(file: Path) -> None:
    """What Discord's people read is in `cogs/ui`, so that it can be found, and put into another
    language; beside what describes a command, which Discord's own translator is given."""
    assert [said for said in _literals(file.read_text()) if _is_sentence(said)] == []


def test_a_sentence_is_told_from_a_docstring_and_a_line_of_the_log() -> None:
    """The check above can fail."""
    code = '''
def f():
    """It says this."""
    log.info("this was said.")
    return "This is said to somebody."
'''

    assert [said for said in _literals(code) if _is_sentence(said)] == ["This is said to somebody."]


def _is_sentence(said: str) -> bool:
    return len(said.split()) > 2 and said.rstrip().endswith((".", "?"))


def _literals(code: str) -> Iterator[str]:
    """The texts in it, but for docstrings, decorators and what goes to the log."""
    tree = ast.parse(code)
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(id(node.value))
        apart: list[ast.AST] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            apart += node.decorator_list
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."):
            apart.append(node)
        passed |= {id(part) for one in apart for part in ast.walk(one)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in passed
        ):
            yield node.value
