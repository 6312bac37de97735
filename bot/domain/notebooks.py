"""Outputs into a notebook file (nbformat 4), without touching what a person wrote.

A run's outputs go into the cell that was run, if it still says what was run; who runs a cell again
makes the older run void, and whoever keeps the runs knows that. If the file knows no such cell,
because the tab that ran it never saved, code and outputs are added as a cell of their own: nothing
is lost and nothing of anybody's is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.outputs import Execution, Json


def insert(notebook: Json, runs: Iterable[Execution]) -> bool:
    """Put the outputs of `runs`, oldest first, into a notebook; whether that changed it."""
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        return False  # a format before 4, or no notebook at all
    changed = False
    for run in runs:
        changed |= _insert(cells, run, ids=_has_ids(notebook))
    return changed


def source(cell: Json) -> str:
    text = cell.get("source", "")
    return "".join(text) if isinstance(text, list) else str(text)


def _insert(cells: list[Json], run: Execution, *, ids: bool) -> bool:
    found = _by_id(cells, run.cell_id) or _by_id(cells, _own_id(run))
    if found is not None and run.code is not None and source(found) != run.code:
        return _add(cells, run, after=found, ids=ids)
    if found is None and run.code is not None:
        found = _by_source(cells, run)
        if found is not None and run.again and found.get("outputs"):
            return False  # the newer run's
    if found is not None:
        return _fill(found, run)
    return _add(cells, run, after=None, ids=ids) if run.code is not None else False


def _fill(cell: Json, run: Execution) -> bool:
    new = run.outputs
    same = cell.get("execution_count") == run.count
    if same and _plain(cell.get("outputs") or []) == _plain(new):
        return False
    cell["outputs"] = new
    cell["execution_count"] = run.count
    # Jupyter shows scripts and the like only in cells a person ran; this one was.
    cell.setdefault("metadata", {})["trusted"] = True
    return True


def _add(cells: list[Json], run: Execution, *, after: Json | None, ids: bool) -> bool:
    """Code and outputs as a cell of their own, once."""
    for other in cells:
        if other.get("metadata", {}).get("bellhop") == run.id:
            return _fill(other, run)
    if not run.outputs:
        return False
    cell: Json = {
        "cell_type": "code",
        "source": run.code or "",
        "metadata": {"bellhop": run.id, "trusted": True},
        "outputs": run.outputs,
        "execution_count": run.count,
    }
    if ids:
        taken = {other.get("id") for other in cells}
        cell["id"] = run.cell_id if run.cell_id and run.cell_id not in taken else _own_id(run)
    at = next((at for at, other in enumerate(cells) if other is after), len(cells) - 1)
    cells.insert(at + 1, cell)
    return True


def _by_id(cells: list[Json], cell_id: str) -> Json | None:
    return next((cell for cell in _code(cells) if cell_id and cell.get("id") == cell_id), None)


def _by_source(cells: list[Json], run: Execution) -> Json | None:
    """The cell that says what was run; of several, one that shows the same run, or nothing yet.

    Files before nbformat 4.5 have no ids: JupyterLab makes them up anew in every tab.
    """
    same = [
        cell
        for cell in _code(cells)
        if source(cell) == run.code and not (run.cell_id and cell.get("id"))
    ]
    if len(same) < 2:
        return same[0] if same else None
    for cell in same:
        if run.count is not None and cell.get("execution_count") == run.count:
            return cell
    return next((cell for cell in same if not cell.get("outputs")), same[0])


def _code(cells: list[Json]) -> list[Json]:
    return [cell for cell in cells if cell.get("cell_type") == "code"]


def _own_id(run: Execution) -> str:
    kept = "".join(char for char in run.id if char.isalnum() or char in "-_")
    return f"bellhop-{kept}"[:64]


def _has_ids(notebook: Json) -> bool:
    major, minor = notebook.get("nbformat"), notebook.get("nbformat_minor")
    return isinstance(major, int) and isinstance(minor, int) and (major, minor) >= (4, 5)


def _plain(outputs: list[Json]) -> list[Json]:
    """Outputs with their texts in one piece, however the file has cut them into lines."""
    return [
        {**output, "text": "".join(output["text"])}
        if isinstance(output.get("text"), list)
        else output
        for output in outputs
    ]
