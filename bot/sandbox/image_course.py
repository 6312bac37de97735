"""The course as machines see it: a few small notebooks of our own words, in a real Git repository.

They stand for the fast.ai book, which a machine on the Internet would clone; they need nothing but
Python's standard library.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

NAME = "fastbook"
ADDRESS = "https://github.com/fastai/fastbook"

_GIT_S = 30

_Cell = tuple[str, str]

_NOTEBOOKS: Mapping[str, Sequence[_Cell]] = {
    "01_intro.ipynb": (
        (
            "markdown",
            "# A first look\n\nThis notebook shows where you are and that cells run. "
            "Press Shift+Enter on each cell.",
        ),
        ("code", "import platform\n\nprint('Python', platform.python_version())"),
        ("code", "!nvidia-smi"),
        (
            "markdown",
            "What you write in this folder stays on the machine only as long as you rent it.",
        ),
    ),
    "02_numbers.ipynb": (
        (
            "markdown",
            "# Learning from numbers\n\nA line through points, found by gradient descent.",
        ),
        (
            "code",
            "import random\n\nrandom.seed(1)\n"
            "xs = [x / 10 for x in range(50)]\n"
            "ys = [3 * x + 2 + random.gauss(0, 0.3) for x in xs]",
        ),
        (
            "code",
            "slope, offset, rate = 0.0, 0.0, 0.05\n"
            "for step in range(400):\n"
            "    errors = [slope * x + offset - y for x, y in zip(xs, ys)]\n"
            "    slope -= rate * sum(e * x for e, x in zip(errors, xs)) / len(xs)\n"
            "    offset -= rate * sum(errors) / len(xs)\n"
            "print(f'slope {slope:.2f}, offset {offset:.2f}')",
        ),
    ),
    "03_pictures.ipynb": (
        ("markdown", "# Pictures are numbers\n\nA tiny picture, and a filter that finds its edge."),
        (
            "code",
            "picture = [[1 if column > row else 0 for column in range(12)] for row in range(12)]\n"
            "for row in picture:\n    print(''.join('#' if value else '.' for value in row))",
        ),
        (
            "code",
            "edges = [[row[i + 1] - row[i] for i in range(len(row) - 1)] for row in picture]\n"
            "for row in edges:\n    print(''.join('|' if value else '.' for value in row))",
        ),
    ),
}


def write(folder: Path) -> None:
    """Put the notebooks into a folder of their own; what is there already is kept. Blocks."""
    if folder.exists():
        return
    folder.mkdir(parents=True)
    for name, cells in _NOTEBOOKS.items():
        (folder / name).write_text(json.dumps(_notebook(cells), indent=1) + "\n")
    (folder / "README.md").write_text(
        "# The course\n\nBegin with 01_intro.ipynb. These notebooks belong to the sandbox.\n"
    )


def make_repository(folder: Path) -> bool:
    """Make the repository that machines clone, once; False where there is no git. Blocks."""
    if (folder / ".git").exists():
        return True
    if shutil.which("git") is None:
        return False
    making = folder.with_name(folder.name + ".part")
    shutil.rmtree(making, ignore_errors=True)
    write(making)
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "The course"]):
        subprocess.run(
            ["git", "-C", str(making), *command], env=_git_env(), check=True, timeout=_GIT_S
        )
    making.rename(folder)
    return True


def git_config(repository: Path) -> str:
    """A machine's Git configuration: the course's address leads to our repository."""
    return f'[url "file://{repository}"]\n\tinsteadOf = {ADDRESS}\n'


def _notebook(cells: Sequence[_Cell]) -> dict[str, object]:
    return {
        "cells": [_cell(number, kind, text) for number, (kind, text) in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(number: int, kind: str, text: str) -> dict[str, object]:
    cell: dict[str, object] = {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {},
        "source": text.splitlines(keepends=True),
    }
    return cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []}


def _git_env() -> dict[str, str]:
    """Git without anybody's settings or name."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "The sandbox"), ("EMAIL", "sandbox@localhost"))
        },
    }
