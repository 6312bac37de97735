"""What is installed in production is enough: no package of the demo, of tests or of tools."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

# Runs the program as if every other module were not installed, as in the image.
WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        missing = name.partition(".")[0] in MISSING
        return None if missing else super().find_spec(name, path, target)

MISSING = set(sys.argv.pop(1).split(","))
sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
from bot.__main__ import main
from bot.client import EXTENSIONS
for name in EXTENSIONS:
    __import__(name)
sys.exit(main())
"""


def _installed_with(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """The distributions that a plain install of this one brings, itself among them."""
    found = {canonicalize_name(name)}
    for line in distribution(name).requires or []:
        wanted = Requirement(line)
        marker = wanted.marker
        if marker is None or any(marker.evaluate({"extra": one}) for one in {"", *extras}):
            found |= _installed_with(wanted.name, frozenset(wanted.extras))
    return found


def _missing_modules() -> set[str]:
    installed = _installed_with("bellhop")
    return {
        module
        for module, owners in packages_distributions().items()
        if not installed & {canonicalize_name(owner) for owner in owners}
    }


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, ",".join(_missing_modules()), *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_only_development_has_is_known() -> None:
    """The list the other tests stand on: neither empty nor too long."""
    missing = _missing_modules()

    assert {"simcord", "jupyterlab", "pytest", "playwright"} <= missing
    assert not {"bot", "cogs", "discord", "sqlalchemy", "greenlet"} & missing


def test_the_database_is_migrated(tmp_path: Path) -> None:
    """With both the commands and the store loaded."""
    ran = _run(tmp_path, "migrate")

    assert ran.returncode == 0, ran.stderr
    assert "The database is now at" in ran.stdout


@pytest.mark.parametrize("words", [("demo",), ("demo", "--tour")])
def test_the_demo_says_what_to_install(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A sentence with the command to type, not a trace."""
    ran = _run(tmp_path, *words)

    assert ran.returncode == 2
    assert 'pip install "bellhop[demo]"' in ran.stderr
    assert ran.stderr.count("\n") == 1
