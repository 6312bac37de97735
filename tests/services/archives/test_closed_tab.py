"""A cell ends after its tab was closed, the machine is archived, and another one gets the work.

A real JupyterLab in the workspace of a sandbox machine, reached through the relay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.archive.vault import PlaceVault
from bot.adapters.archive.workspace import SshWorkspaces
from bot.domain.rentals import RentalId
from bot.ports.books import Store
from bot.services.archives import Archives
from tests.builders import SetClock
from tests.relay.books import RENTAL
from tests.relay.conftest import House, house, lab, until
from tests.relay.talking import go, in_file, lines, opened, steps, tab
from tests.services.archives.conftest import Rig
from tests.services.archives.hands import saved

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

__all__ = ["house", "lab"]  # fixtures


@pytest.fixture
def lab_folder(rig: Rig) -> Path:
    return rig.workspace


@dataclass(frozen=True)
class Behind:
    """ports.Unsaved: the relay's house knows the machine by another name."""

    house: House

    async def flush(self, rental_id: RentalId) -> str:
        return await self.house.outputs.flush(RENTAL)


async def test_output_of_a_closed_tab_comes_back_on_another_machine(
    lab: House,
    rig: Rig,
    rent: Callable[..., Any],
    store: Store,
    vault: PlaceVault,
    workspaces: SshWorkspaces,
    clock: SetClock,
) -> None:
    """Nobody has opened or saved the notebook since: the archive puts the output in first."""
    archives = Archives(
        books=store, vault=vault, workspaces=workspaces, clock=clock, outputs=Behind(lab)
    )
    kernel = await opened(lab, rig.workspace, {"one": steps(4)})
    async with tab(lab, kernel, "s1") as seen:
        await seen.run(steps(4), cell="one")
        go(rig.workspace, 0)
        await seen.hears("line 0\n")
    go(rig.workspace, 1, 2, 3)
    await until(lambda: all(run.done for run in lab.outputs.held(RENTAL)), within_s=30)
    assert in_file(rig.workspace, "one") == ""

    proof = await saved(archives, rig)
    other = await rent()
    await archives.restore(proof.archive.id, other.shell)

    assert proof.unwritten == ""
    assert in_file(other.workspace, "one") == lines(0, 1, 2, 3)
