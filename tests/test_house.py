"""House rules that no linter knows: what is promised in one file is true in the others."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import alembic
import pytest

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Named differently by the package registry and by `import`.
IMPORTED_AS = {
    "discord-py": "discord",
    "python-dotenv": "dotenv",
    "ipykernel": "ipykernel",
    "pyyaml": "yaml",
}


def _dependencies() -> list[str]:
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["demo"]]
    return [re.split(r"[\[<>=]", one)[0].replace(".", "-").lower() for one in wanted]


def _sources() -> str:
    folders = [ROOT / "bot", ROOT / "cogs", ROOT / "alembic"]
    return "\n".join(file.read_text() for one in folders for file in one.rglob("*.py"))


def test_the_folder_alembic_does_not_hide_the_library() -> None:
    """With an `__init__.py` it would (reference durability, 4)."""
    assert not (ROOT / "alembic" / "__init__.py").exists()
    assert Path(alembic.__file__).parents[1] != ROOT


@pytest.mark.parametrize("name", _dependencies())
def test_every_dependency_is_justified_and_used(name: str) -> None:
    """One line in docs/dependencies.md, and an import somewhere."""
    module = IMPORTED_AS.get(name, name.replace("-", "_"))
    page = (
        (ROOT / "docs" / "dependencies.md").read_text().lower().replace("discord.py", "discord-py")
    )

    assert f"`{name}`" in page
    assert re.search(rf"(from|import) {module}\b|[\"'+]{module}[\"'.]", _sources())


def test_every_setting_is_in_the_example_and_in_the_readme() -> None:
    """What `config.py` reads, an operator can find."""
    names = set(re.findall(r'"([A-Z][A-Z_]{4,})"', (ROOT / "bot" / "config.py").read_text()))
    example = (ROOT / ".env.example").read_text()
    readme = (ROOT / "README.md").read_text()

    assert len(names) > 10
    assert {name for name in names if name not in example} == set()
    assert {name for name in names if f"`{name}`" not in readme} == set()


def test_uv_has_one_version() -> None:
    """The Makefile and the image bring the same one."""
    made = re.search(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text())
    image = re.search(r"uv==(\S+)", (ROOT / "Dockerfile").read_text())

    assert made
    assert image
    assert made[1] == image[1]


def test_no_error_sentence_shouts_or_is_empty() -> None:
    """Every error of the house has a public sentence, in plain words, without an exclamation."""
    from bot import errors

    kinds = [one for one in vars(errors).values() if isinstance(one, type)]
    own = [one for one in kinds if issubclass(one, errors.BotError)]

    assert len(own) > 20
    for kind in own:
        assert kind.public.endswith("."), kind
        assert "!" not in kind.public + kind.hint, kind
