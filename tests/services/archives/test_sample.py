"""`bellhop check` reads some of the stored archives whole, beside whatever runs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from bot.config import Settings, read
from bot.services.archives import Archives
from bot.verbs.check_house import archives as look
from bot.verbs.lines import Level
from tests.services.archives.conftest import SECRET, Rig
from tests.services.archives.hands import saved
from tests.services.archives.test_damage import chunks, flip


async def test_stored_archives_are_read_whole(
    rig: Rig, archives: Archives, place_folder: Path, sqlite_url: str, tmp_path: Path
) -> None:
    """One that is damaged is a fault that names it; one that was deleted is none."""
    (rig.workspace / "data").write_bytes(os.urandom(700_000))
    proof = await saved(archives, rig)
    settings = _settings(place_folder, sqlite_url, tmp_path)

    good = await look(settings)
    flip(chunks(place_folder, "/part-00000")[-1])
    bad = await look(settings)
    foreign = await look(replace(settings, secret="another installation's"))

    assert [line.level for line in good] == [Level.OK, Level.OK]
    assert good[1].said == "1 of 1 read whole and compared with the manifest."
    assert bad[1].level is Level.FAULT
    assert proof.archive.id in bad[1].said
    assert "written by another Bellhop" in foreign[1].said
    assert [name for name in os.listdir(place_folder) if name.startswith("check-")] == []


def _settings(place: Path, database: str, tmp_path: Path) -> Settings:
    env = {"BELLHOP_DATA": str(tmp_path / "own"), "BELLHOP_ARCHIVE_URL": f"file://{place}"}
    return replace(read({**env, "BELLHOP_SECRET": SECRET}), database_url=database)
