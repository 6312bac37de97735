"""What is not on the disk yet is put there before an archive looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.archive.vault import PlaceVault
from bot.adapters.archive.workspace import SshWorkspaces
from bot.domain.archive_costs import Caps
from bot.domain.archives import Failure
from bot.domain.rentals import RentalId
from bot.ports.books import Store
from bot.services.archives import Archives
from tests.builders import SetClock
from tests.services.archives.conftest import Rig
from tests.services.archives.hands import saved


@dataclass
class Notebooks:
    """ports.Unsaved: writes a file when asked, or says why not."""

    workspace: Path
    words: str = ""
    asked: RentalId | None = None

    async def flush(self, rental_id: RentalId) -> str:
        self.asked = rental_id
        if not self.words:
            (self.workspace / "train.ipynb").write_text("with its output")
        return self.words


@pytest.fixture
def notebooks(rig: Rig) -> Notebooks:
    return Notebooks(rig.workspace)


@pytest.fixture
def archives(
    store: Store,
    vault: PlaceVault,
    workspaces: SshWorkspaces,
    clock: SetClock,
    notebooks: Notebooks,
) -> Archives:
    return Archives(books=store, vault=vault, workspaces=workspaces, clock=clock, outputs=notebooks)


async def test_what_was_only_in_memory_is_in_the_archive(
    archives: Archives, rig: Rig, notebooks: Notebooks
) -> None:
    """It is written before the first look at the workspace."""
    proof = await saved(archives, rig)

    assert notebooks.asked == rig.rental.id
    assert proof.unwritten == ""
    manifest = await archives.contents(proof.archive.id)
    assert b"train.ipynb" in manifest.stored


async def test_an_archive_goes_on_without_it_and_says_so(
    archives: Archives, rig: Rig, notebooks: Notebooks
) -> None:
    """Whether it is proven in the end or not."""
    notebooks.words = "Output could not be written first."
    (rig.workspace / "data").write_text("x" * 1000)

    failure = await archives.save(rig.rental, rig.shell, caps=Caps(bytes=10))
    assert isinstance(failure, Failure)
    assert failure.unwritten == notebooks.words

    assert (await saved(archives, rig)).unwritten == notebooks.words
