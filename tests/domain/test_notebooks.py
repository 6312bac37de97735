"""Outputs find their cell, and nothing that a person wrote is replaced."""

from __future__ import annotations

import copy

from bot.domain.notebooks import insert
from bot.domain.outputs import Execution, Json


def cell(source: str, cell_id: str | None = None, outputs: list[Json] | None = None) -> Json:
    made: Json = {
        "cell_type": "code",
        "source": source,
        "metadata": {},
        "outputs": outputs or [],
        "execution_count": None,
    }
    return made | ({"id": cell_id} if cell_id else {})


def notebook(*cells: Json, minor: int = 5) -> Json:
    return {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": list(cells)}


def run(code: str | None, cell_id: str = "", *, text: str = "out\n", number: int = 1) -> Execution:
    execution = Execution(id=f"run-{number}", cell_id=cell_id, code=code, count=number)
    execution.hear("stream", {"name": "stdout", "text": text})
    return execution


def texts(book: Json) -> list[list[str]]:
    return [[output["text"] for output in each.get("outputs", [])] for each in book["cells"]]


def test_outputs_go_into_the_cell_that_was_run() -> None:
    """With its number, and as a cell that a person ran; once is enough."""
    book = notebook(cell("a", "one"), cell("b", "two"))

    assert insert(book, [run("b", "two", number=4)])

    assert texts(book) == [[], ["out\n"]]
    assert book["cells"][1]["execution_count"] == 4
    assert book["cells"][1]["metadata"]["trusted"] is True
    assert not insert(book, [run("b", "two", number=4)])


def test_what_is_there_already_is_not_written_again() -> None:
    """The file may have the text cut into lines."""
    same = {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]}
    book = notebook(cell("a", "one", [same]))
    book["cells"][0]["execution_count"] = 1

    assert not insert(book, [run("a", "one", text="one\ntwo\n")])


def test_a_cell_that_somebody_edited_keeps_its_text_and_outputs() -> None:
    """What was run follows it as a cell of its own, once, with later output in the same place."""
    mine = {"output_type": "stream", "name": "stdout", "text": "theirs"}
    book = notebook(cell("edited", "one", [mine]), cell("c", "two"))

    insert(book, [run("original", "one")])
    insert(book, [run("original", "one", text="out\nmore\n")])

    assert [each["source"] for each in book["cells"]] == ["edited", "original", "c"]
    assert texts(book) == [["theirs"], ["out\nmore\n"], []]
    ids = [each["id"] for each in book["cells"]]
    assert len(set(ids)) == 3


def test_a_cell_that_was_never_saved_is_added_at_the_end() -> None:
    """The tab was closed before it saved: the code that ran is not lost either."""
    book = notebook(cell("same", "one"))

    insert(book, [run("same", "new")])

    assert [each["source"] for each in book["cells"]] == ["same", "same"]
    assert book["cells"][1]["id"] == "new"
    assert texts(book) == [[], ["out\n"]]


def test_files_without_ids_are_matched_by_what_the_cell_says() -> None:
    """Before nbformat 4.5, as the course's notebooks; of two such cells the one without outputs."""
    shown = {"output_type": "stream", "name": "stdout", "text": "before"}
    book = notebook(cell("x", outputs=[shown]), cell("x"), cell("y"), minor=4)

    insert(book, [run("x", "made-up"), run("y", "made-up-2", text="why", number=2)])

    assert texts(book) == [["before"], ["out\n"], ["why"]]
    assert "id" not in book["cells"][0]


def test_the_same_cell_run_again_elsewhere_keeps_the_newer_outputs() -> None:
    """Without ids it may be the same cell; then the older run is void."""
    newer = {"output_type": "stream", "name": "stdout", "text": "newer"}
    book = notebook(cell("x", outputs=[newer]), minor=4)
    older = run("x", "made-up")
    older.again = True

    assert not insert(book, [older])


def test_code_too_long_to_be_kept_still_finds_its_cell_by_id() -> None:
    """And is never added anywhere."""
    book = notebook(cell("very long", "one"))

    assert insert(book, [run(None, "one")])
    assert not insert(book, [run(None, "gone")])
    assert texts(book) == [["out\n"]]


def test_anything_but_a_notebook_of_format_4_is_left_alone() -> None:
    """Markdown cells and unknown formats too."""
    old = {"nbformat": 3, "worksheets": []}
    before = copy.deepcopy(old)
    assert not insert(old, [run("a")])
    assert old == before
