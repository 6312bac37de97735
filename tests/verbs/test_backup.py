"""`bellhop backup` and `restore`: round trips between both databases, and every bad file."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from bot.adapters.archive.sealed_file import sealed_file, unsealed
from bot.adapters.ssh.keys import FILE, load_or_create
from bot.adapters.storage.copying import rows_out
from bot.adapters.storage.migrate import current, migrate, newest
from bot.adapters.storage.store import open_store
from bot.adapters.storage.tables import metadata
from bot.adapters.storage.unit import Database
from bot.config import Settings, read
from bot.errors import Backup, Config, Store
from bot.verbs.backup import backup, passphrase_of, restore
from tests.builders import SetClock, begun
from tests.test_migrations import a_row_in_every_table

ROOT = Path(__file__).parents[2]
PASS = "correct horse battery"


async def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in an order of its own."""
    database = Database(url)
    try:
        async with database.reading() as connection:
            return {
                table.name: sorted(
                    (tuple(row) for row in await connection.execute(select(table))), key=repr
                )
                for table in metadata.sorted_tables
            }
    finally:
        await database.aclose()


def settings_at(url: str, data: Path, **env: str) -> Settings:
    return replace(read({"BELLHOP_DATA": str(data), **env}), database_url=url)


def place(url: str, data: Path) -> dict[str, str]:
    """The environment of the computer that is restored onto."""
    plain = url.replace("+asyncpg", "").replace("sqlite+aiosqlite", "sqlite")
    return {"BELLHOP_DATA": str(data), "DATABASE_URL": plain}


@pytest.fixture
def target_url(bare_url: str, tmp_path: Path) -> str:
    """An empty database, once of each kind; beside the one that is backed up."""
    if bare_url.startswith("sqlite"):
        return f"sqlite+aiosqlite:///{tmp_path / 'target.db'}"
    return bare_url


async def test_what_comes_back_is_what_was_there(
    database_url: str, target_url: str, tmp_path: Path
) -> None:
    """A row in every table, the key, the secret: from each kind of database into each kind."""
    await a_row_in_every_table(database_url)
    settings = settings_at(database_url, tmp_path / "old", BELLHOP_POLL_S="7")
    load_or_create(settings.data / "keys")
    file = tmp_path / "bellhop.backup"

    env = {"BELLHOP_POLL_S": "7", "VAST_API_KEY": "it's", "DATABASE_URL": "sqlite:///x"}
    said = await backup(settings, env, file, PASS)
    told = await restore(place(target_url, tmp_path / "new"), file, PASS)

    before, after = await rows(database_url), await rows(target_url)
    assert after == before
    assert all(before.values())
    assert await current(target_url) == await newest()
    for name in (f"keys/{FILE}", "secret"):
        new, old = tmp_path / "new" / name, tmp_path / "old" / name
        assert new.read_bytes() == old.read_bytes()
        assert stat.S_IMODE(new.stat().st_mode) == 0o600
    kept = (tmp_path / "new" / "settings.env").read_text()
    assert "BELLHOP_POLL_S='7'" in kept
    assert "# of that computer: DATABASE_URL=" in kept
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"holds {sum(map(len, before.values()))} rows, 1 keys" in said[0]
    assert "copy the folder" in said[1]
    assert "does not run any more" in told[-1]


async def test_numbers_go_on_after_a_restore(
    sqlite_url: str, bare_postgres_url: str, tmp_path: Path
) -> None:
    """PostgreSQL gives out numbers by itself; the next one must not be one that is taken."""
    async with open_store(sqlite_url, clock=SetClock()) as store:
        await store.change_policy({"idle": "60"}, by=1)
        await store.change_policy({"idle": "90"}, by=1)
    file = tmp_path / "b"
    await backup(settings_at(sqlite_url, tmp_path / "old"), {}, file, PASS)
    await restore(place(bare_postgres_url, tmp_path / "new"), file, PASS)

    async with open_store(bare_postgres_url, clock=SetClock()) as store:
        await store.change_policy({"idle": "120"}, by=2)
        changes = await store.policy_changes()

    assert [one.after for one in changes] == ["120", "90", "60"]


async def test_a_copy_is_of_one_moment_while_others_write(database_url: str) -> None:
    """A rental begins between any two batches; what is in the copy has its parents there too."""
    copied: dict[str, list[dict[str, Any]]] = {}
    async with open_store(database_url, clock=SetClock()) as store:
        for _ in range(3):
            await begun(store)
        async for batch in rows_out(database_url):
            found = [dict(zip(batch.columns, row, strict=True)) for row in batch.rows]
            copied.setdefault(batch.table, []).extend(found)
            await begun(store)
        later = len(await store.open_rentals())

    assert later > 20
    assert [len(copied[name]) for name in ("quotes", "rentals", "events", "notices")] == [3] * 4
    assert {one["quote_id"] for one in copied["rentals"]} == {one["id"] for one in copied["quotes"]}


async def test_a_backup_of_an_older_bellhop_is_brought_up(
    bare_url: str, target_url: str, tmp_path: Path
) -> None:
    """Its rows go into the tables they are of; the migrations do the rest."""
    await migrate(bare_url)
    async with open_store(bare_url, clock=SetClock()) as store:
        await begun(store)
    file = tmp_path / "b"
    await backup(settings_at(bare_url, tmp_path / "old"), {}, file, PASS)
    older = _rewritten(file, tmp_path / "older", _as_of_0001)
    target = target_url if target_url != bare_url else f"sqlite+aiosqlite:///{tmp_path / 't.db'}"

    await restore(place(target, tmp_path / "new"), older, PASS)

    assert await current(target) == await newest()


def _as_of_0001(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As if it had been made when there was the first revision, and nothing rented."""
    records[0]["head"]["revision"] = "0001"
    return [records[0], {"end": 0}]


def _rewritten(
    file: Path, to: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> Path:
    records = [json.loads(one) for one in b"".join(unsealed(file, PASS)).splitlines()]
    with sealed_file(to, PASS) as write:
        for record in change(records):
            write(json.dumps(record).encode() + b"\n")
    return to


def _newer_rows(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    records[0]["head"]["revision"] = "9999"
    return records


def _newer_format(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    records[0]["head"]["format"] = 2
    return records


def _fewer_rows(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in records if one.get("table") != "events"]


def _orphans(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    gone = next(one for one in records if one.get("table") == "quotes")
    records.remove(gone)
    records[-1]["end"] -= len(gone["rows"])
    return records


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_newer_rows, "made by a newer Bellhop"),
        (_newer_format, "made by a newer Bellhop"),
        (_fewer_rows, "was altered"),
        (lambda records: records[:-1], "was altered"),
        (lambda _: [], "was altered"),
    ],
)
async def test_what_does_not_add_up_is_refused_before_anything_is_changed(
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    said: str,
    sqlite_url: str,
    tmp_path: Path,
) -> None:
    """Though it opens with the passphrase."""
    file = await _a_backup(sqlite_url, tmp_path)

    with pytest.raises(Backup) as refused:
        await restore(
            {"BELLHOP_DATA": str(tmp_path / "new")}, _rewritten(file, tmp_path / "c", change), PASS
        )

    assert said in refused.value.public
    assert not (tmp_path / "new").exists()


async def test_rows_without_their_parents_leave_nothing_behind(
    sqlite_url: str, target_url: str, tmp_path: Path
) -> None:
    """One transaction: whatever is wrong with a row, none is there afterwards."""
    file = _rewritten(await _a_backup(sqlite_url, tmp_path), tmp_path / "c", _orphans)

    with pytest.raises((Backup, Store)):
        await restore(place(target_url, tmp_path / "new"), file, PASS)

    await restore(place(target_url, tmp_path / "new"), tmp_path / "b", PASS)
    assert len((await rows(target_url))["rentals"]) == 1


async def test_a_full_place_is_left_as_it_is(
    sqlite_url: str, database_url: str, tmp_path: Path
) -> None:
    """A database with a rental, a folder with another key: both refuse, both are as before."""
    file = await _a_backup(sqlite_url, tmp_path)
    async with open_store(database_url, clock=SetClock()) as store:
        await begun(store)
    before = await rows(database_url)
    load_or_create(tmp_path / "theirs" / "keys")
    key = (tmp_path / "theirs" / "keys" / FILE).read_bytes()

    with pytest.raises(Backup, match="rows in"):
        await restore(place(database_url, tmp_path / "new"), file, PASS)
    with pytest.raises(Backup) as refused:
        await restore({"BELLHOP_DATA": str(tmp_path / "theirs")}, file, PASS)

    assert "belongs to another Bellhop" in refused.value.public
    assert await rows(database_url) == before
    assert (tmp_path / "theirs" / "keys" / FILE).read_bytes() == key
    assert not (tmp_path / "theirs" / "secret").exists()


async def test_a_restore_that_was_killed_while_it_wrote_a_key_is_repeated(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had begun to write is no other Bellhop's key; the repeated one leaves none of it."""
    file = await _a_backup(sqlite_url, tmp_path)
    there = place(f"sqlite+aiosqlite:///{tmp_path / 'target.db'}", tmp_path / "new")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            await restore(there, file, PASS)
    assert os.listdir(tmp_path / "new" / "keys") == [f"{FILE}.restoring"]

    told = await restore(there, file, PASS)

    assert "1 keys" in told[0]
    assert os.listdir(tmp_path / "new" / "keys") == [FILE]


async def test_tables_of_others_are_never_touched(
    sqlite_url: str, bare_postgres_url: str, tmp_path: Path
) -> None:
    """An empty table that is not ours is not ours to drop."""
    file = await _a_backup(sqlite_url, tmp_path)
    database = Database(bare_postgres_url)
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE theirs (id int)"))
    await database.aclose()

    with pytest.raises(Backup, match="theirs"):
        await restore(place(bare_postgres_url, tmp_path / "new"), file, PASS)


async def test_a_first_check_is_no_obstacle_and_its_secret_is_set_aside(
    sqlite_url: str, tmp_path: Path
) -> None:
    """`bellhop check` makes a secret; that one has sealed nothing yet."""
    file = await _a_backup(sqlite_url, tmp_path)
    own = read({"BELLHOP_DATA": str(tmp_path / "new")}).secret

    await restore({"BELLHOP_DATA": str(tmp_path / "new")}, file, PASS)

    assert (tmp_path / "new" / "secret").read_text() == (tmp_path / "old" / "secret").read_text()
    assert (tmp_path / "new" / "secret.before-restore").read_text() == own


@pytest.mark.parametrize(
    ("env", "named"),
    [({"BELLHOP_INSTALLATION": "other"}, "must be bellhop"), ({"BELLHOP_SECRET": "x" * 20}, "")],
)
async def test_a_setting_that_would_cut_us_off_is_named(
    env: dict[str, str], named: str, sqlite_url: str, tmp_path: Path
) -> None:
    """Another name makes strangers of the machines; another secret makes archives unreadable."""
    file = await _a_backup(sqlite_url, tmp_path)

    with pytest.raises(Config) as refused:
        await restore({"BELLHOP_DATA": str(tmp_path / "new"), **env}, file, PASS)

    assert refused.value.name == next(iter(env))
    assert named in refused.value.public
    assert not (tmp_path / "new" / "keys").exists()


def test_a_passphrase_may_not_be_short() -> None:
    """Whoever gets the file has all the time in the world."""
    assert passphrase_of({}) == ""
    with pytest.raises(Config, match="at least 8"):
        passphrase_of({"BELLHOP_BACKUP_PASSPHRASE": "seven77"})


async def test_a_backup_that_fails_leaves_the_older_one(sqlite_url: str, tmp_path: Path) -> None:
    """The name changes hands only when the new one was read back."""
    file = await _a_backup(sqlite_url, tmp_path)
    before = file.read_bytes()
    gone = f"sqlite+aiosqlite:///{tmp_path / 'gone.db'}"

    with pytest.raises(Backup, match="no "):
        await backup(settings_at(gone, tmp_path / "old"), {}, file, PASS)

    assert file.read_bytes() == before
    assert not [one for one in os.listdir(tmp_path) if one.endswith(".part")]


async def test_a_folder_is_no_name_for_a_backup(sqlite_url: str, tmp_path: Path) -> None:
    """An empty name is the folder one is in: as `bellhop backup "$FILE"` without the variable."""
    with pytest.raises(Backup) as refused:
        await backup(settings_at(sqlite_url, tmp_path / "old"), {}, Path(""), PASS)

    assert refused.value.public == ". is a folder: name a file for the backup."


# --- The file, through the program ---


def bellhop(*words: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), "BELLHOP_BACKUP_PASSPHRASE": PASS, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_program_says_one_line_for_each_bad_file(tmp_path: Path) -> None:
    """Which one it is, exit code 1, and nothing is made on the computer."""
    assert bellhop("migrate", folder=tmp_path).returncode == 0
    made = bellhop("backup", "good", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    good = (tmp_path / "good").read_bytes()
    files = {
        "cut": good[:-1],
        "half": good[: len(good) // 2],
        "head": good[:30],
        "none": b"hello\n" * 100,
        "empty": b"",
        "altered": good[:-40] + bytes([good[-40] ^ 1]) + good[-39:],
        "longer": good + b"x",
        "newer": good.replace(b"BACKUP 1\n", b"BACKUP 2\n", 1),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    def told(name: str, **env: str) -> str:
        ran = bellhop("restore", str(tmp_path / name), folder=tmp_path, BELLHOP_DATA="new", **env)
        assert ran.returncode == 1, name
        assert ran.stdout == ""
        assert ran.stderr.count("\n") == 1, ran.stderr
        return ran.stderr

    for name in ("cut", "half", "head", "empty"):
        assert "cut short" in told(name), name
    assert "is no backup" in told("none")
    for name in ("altered", "longer"):
        assert "altered" in told(name), name
    assert "newer Bellhop" in told("newer")
    assert "passphrase is wrong" in told("good", BELLHOP_BACKUP_PASSPHRASE="another one")
    assert "No such file" in told("missing")
    assert not (tmp_path / "new").exists()

    ran = bellhop("restore", "good", folder=tmp_path, BELLHOP_DATA="new")
    again = bellhop("restore", "good", folder=tmp_path, BELLHOP_DATA="new")

    assert ran.returncode == 0, ran.stderr
    assert again.returncode == 0, again.stderr  # there is no row in it: nothing can be lost


def test_the_program_asks_nobody_where_nobody_is(tmp_path: Path) -> None:
    """Without a terminal the variable is named; a place without room is said."""
    bellhop("migrate", folder=tmp_path)

    unasked = bellhop("backup", "b", folder=tmp_path, BELLHOP_BACKUP_PASSPHRASE="")
    nowhere = bellhop("backup", "/proc/none", folder=tmp_path)
    full = bellhop("backup", "/dev/full/b", folder=tmp_path)

    assert unasked.returncode == 2
    assert unasked.stderr.startswith("bellhop: BELLHOP_BACKUP_PASSPHRASE: is missing")
    assert nowhere.returncode == 1
    assert "cannot be written to /proc/none (No such file" in nowhere.stderr
    assert full.returncode == 1
    assert full.stderr.count("\n") == 1


async def _a_backup(url: str, tmp_path: Path) -> Path:
    async with open_store(url, clock=SetClock()) as store:
        await begun(store)
    settings = settings_at(url, tmp_path / "old")
    load_or_create(settings.data / "keys")
    file = tmp_path / "b"
    await backup(settings, {}, file, PASS)
    return file
