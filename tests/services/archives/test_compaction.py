"""Archives that build on one another, of a workspace that changes bit by bit."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bot.adapters.archive.places import Place
from bot.services.archives import Archives
from tests import nasty
from tests.builders import SetClock
from tests.services.archives.conftest import Rig
from tests.services.archives.hands import saved

_FILES = 12
_NIGHT = timedelta(days=1)


async def test_what_never_changes_does_not_keep_every_old_part(
    rig: Rig, rent: Callable[..., Any], archives: Archives, place: Place, clock: SetClock
) -> None:
    """Three files of twelve stay; when less than a third is needed they are sent once more."""
    _write(rig, range(_FILES))
    first = await saved(archives, rig)
    _write(rig, range(3, 8))
    clock.turn(_NIGHT)
    second = await saved(archives, rig)
    _write(rig, range(8, _FILES))

    clock.turn(_NIGHT)
    third = await saved(archives, rig)
    clock.turn(_NIGHT)
    fourth = await saved(archives, rig)

    assert 400_000 < second.archive.sent < 600_000
    assert 600_000 < third.archive.sent < 800_000  # four that changed, and three of the first part
    assert fourth.archive.sent < 10_000
    for proof in (first, second, third):
        await archives.delete(proof.archive.id)
    assert sum(each.size for each in place.list() if "/part-" in each.key) < 1_400_000
    other = await rent()
    await archives.restore(fourth.archive.id, other.shell)
    assert nasty.portrait(other.workspace) == nasty.portrait(rig.workspace)


def _write(rig: Rig, numbers: range) -> None:
    for number in numbers:
        (rig.workspace / f"{number:02d}").write_bytes(os.urandom(100_000))
