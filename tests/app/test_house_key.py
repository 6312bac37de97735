"""Where Bellhop's SSH key is: a file beside SQLite, a sealed row in PostgreSQL, never two keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.ssh import keys
from bot.adapters.storage.store import open_store
from bot.app.house import demand_several
from bot.app.house_key import house_key
from bot.config import Settings, read
from bot.domain.rentals import ContractId
from bot.errors import Config
from bot.ports.processes import HouseKeys
from tests.builders import SetClock, begun


def settings(url: str, data: Path, **env: str) -> Settings:
    return read({"DATABASE_URL": url, "BELLHOP_DATA": str(data), **env})


async def key_of(url: str, data: Path, *, on_disk: bool = True, **env: str) -> keys.SshKey:
    async with open_store(url, clock=SetClock()) as store:
        return await house_key(settings(url, data, **env), store, on_disk=on_disk)


async def test_processes_on_postgres_have_one_key(postgres_url: str, tmp_path: Path) -> None:
    """Each with a data folder of its own, and nothing of it on their disks."""
    secret = {"BELLHOP_SECRET": "of the installation"}

    one = await key_of(postgres_url, tmp_path / "a", on_disk=False, **secret)
    two = await key_of(postgres_url, tmp_path / "b", on_disk=False, **secret)

    assert one.public_line() == two.public_line()
    assert one.file is None
    assert not keys.there(tmp_path / "a" / "keys")
    assert not keys.there(tmp_path / "b" / "keys")


async def test_in_the_database_the_key_is_sealed(postgres_url: str, tmp_path: Path) -> None:
    """A copy of the database opens no machine."""
    await key_of(postgres_url, tmp_path)

    async with open_store(postgres_url, clock=SetClock()) as store:
        kept = await store.house_key("ssh")
    assert kept is not None
    assert "PRIVATE KEY" not in kept


async def test_the_key_of_an_earlier_time_is_taken_over(postgres_url: str, tmp_path: Path) -> None:
    """Machines that run know that one; a second process then has it, too."""
    before = keys.load_or_create(tmp_path / "a" / "keys")
    secret = {"BELLHOP_SECRET": "of the installation"}

    one = await key_of(postgres_url, tmp_path / "a", **secret)
    two = await key_of(postgres_url, tmp_path / "b", **secret)

    assert one.public_line() == two.public_line() == before.public_line()
    assert one.file == before.file
    assert two.file == tmp_path / "b" / "keys" / keys.FILE


async def test_another_file_beside_the_database_is_left_as_it_is(
    postgres_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be the only copy of a key that some machine knows; the database's holds."""
    secret = {"BELLHOP_SECRET": "of the installation"}
    ours = await key_of(postgres_url, tmp_path / "a", **secret)
    other = keys.load_or_create(tmp_path / "b" / "keys")

    found = await key_of(postgres_url, tmp_path / "b", **secret)

    assert found.public_line() == ours.public_line()
    assert found.file is None
    assert keys.load_or_create(tmp_path / "b" / "keys").public_line() == other.public_line()
    assert "is not that of the database" in caplog.text


async def test_a_process_with_another_secret_is_told_which_setting_is_wrong(
    postgres_url: str, tmp_path: Path
) -> None:
    """Before it seals anything that the others could not read."""
    await key_of(postgres_url, tmp_path / "a", BELLHOP_SECRET="one")

    with pytest.raises(Config, match="is not the one this database was first used with") as caught:
        await key_of(postgres_url, tmp_path / "b", BELLHOP_SECRET="another")

    assert caught.value.name == "BELLHOP_SECRET"


async def test_no_new_key_is_made_while_machines_run_that_know_another(
    postgres_url: str, tmp_path: Path
) -> None:
    """It would lock us out of every one; whose data folder has the old one starts first."""
    secret = {"BELLHOP_SECRET": "of the installation"}
    async with open_store(postgres_url, clock=SetClock()) as store:
        rental = await begun(store)
        await store.apply(replace(rental, contract=ContractId(7)), event="created")

    with pytest.raises(Config, match="start with that one") as caught:
        await key_of(postgres_url, tmp_path / "b", on_disk=False, **secret)
    assert caught.value.name == "BELLHOP_DATA"

    before = keys.load_or_create(tmp_path / "a" / "keys")
    one = await key_of(postgres_url, tmp_path / "a", on_disk=False, **secret)
    two = await key_of(postgres_url, tmp_path / "b", on_disk=False, **secret)
    assert one.public_line() == two.public_line() == before.public_line()


async def test_beside_sqlite_the_key_is_a_file(sqlite_url: str, tmp_path: Path) -> None:
    """As ever; the database has none."""
    key = await key_of(sqlite_url, tmp_path)

    assert key.file == tmp_path / "keys" / keys.FILE
    async with open_store(sqlite_url, clock=SetClock()) as store:
        assert await store.house_key("ssh") is None


async def test_a_key_that_came_with_a_backup_of_postgres_goes_on_beside_sqlite(
    postgres_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    """Without it a new key would lock us out of every machine."""
    secret = {"BELLHOP_SECRET": "of the installation"}
    before = await key_of(postgres_url, tmp_path / "a", on_disk=False, **secret)
    async with (
        open_store(postgres_url, clock=SetClock()) as old,
        open_store(sqlite_url, clock=SetClock()) as new,
    ):
        await new.keep_house_key("ssh", await _kept(old))

    key = await key_of(sqlite_url, tmp_path / "b", **secret)

    assert key.public_line() == before.public_line()
    assert key.file == tmp_path / "b" / "keys" / keys.FILE


async def _kept(store: HouseKeys) -> str:
    kept = await store.house_key("ssh")
    assert kept is not None
    return kept


@pytest.mark.parametrize("role", ["bot", "worker", "relay"])
def test_several_roles_on_sqlite_are_refused_with_the_reason(role: str, tmp_path: Path) -> None:
    """It names the setting, the reason, and what to do instead."""
    with pytest.raises(Config, match="which one process has to itself") as caught:
        demand_several(settings("", tmp_path), role)

    assert caught.value.name == "DATABASE_URL"
    assert f"--role {role}" in caught.value.public
