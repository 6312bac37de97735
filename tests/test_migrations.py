"""Migrations on both databases: up, down and up again, alone, and never at the cost of a row."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import sys
import sysconfig
from contextlib import closing
from dataclasses import replace
from datetime import UTC, time
from pathlib import Path

import alembic
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text

from bot.adapters.storage.migrate import (
    alembic_config,
    current,
    demand_newest,
    migrate,
    newest,
)
from bot.adapters.storage.store import open_store
from bot.adapters.storage.tables import metadata
from bot.adapters.storage.unit import Database
from bot.domain.archives import Archive, ArchiveId, ArchiveState
from bot.domain.bills import Bill, Parts
from bot.domain.budgets import TEAM, Budget, Grant, month_of
from bot.domain.bulletins import Bulletin
from bot.domain.idle_memory import begin
from bot.domain.ledger import Entry, Kind
from bot.domain.letters import Kind as LetterKind
from bot.domain.letters import Writing
from bot.domain.lookouts import Lookout
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Reason, Rental, State, Try
from bot.domain.replacement import Grudge
from bot.domain.reports import daily
from bot.domain.samples import Sample
from bot.domain.shares import Share
from bot.domain.ssh_keys import OwnKey, PublicKey
from bot.domain.tabs import opened
from bot.errors import Store
from bot.ports.books import Parcel, Pass
from bot.ports.money import Claim
from bot.ports.processes import Carriage, Process
from bot.ports.recordings import Recording
from tests.builders import NOW, SetClock, a_quote, a_rental, begun

SCRIPTS = Path(__file__).parent.parent / "alembic"

# What a later issue may well do to the most referred-to table: SQLite makes it anew.
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{head}"


def upgrade():
    with op.batch_alter_table("rentals", recreate="{recreate}") as batch:
        batch.add_column(sa.Column("mood", sa.Text(), nullable=False, server_default="calm"))
        batch.drop_constraint(op.f("ck_rentals_reason"), type_="check")
    {then}


def downgrade():
    raise NotImplementedError
"""

MIGRATE = "import asyncio, sys; from bot.adapters.storage.migrate import migrate; "
MIGRATE += "asyncio.run(migrate(sys.argv[1]))"


async def run(name: str, url: str, *arguments: str) -> None:
    """One of alembic's own commands, in a thread because it runs a loop."""
    await asyncio.to_thread(getattr(command, name), alembic_config(url), *arguments)


async def later(tmp_path: Path, *, then: str = "pass", sqlite: bool) -> Path:
    """The migrations of a later version: ours and one more."""
    scripts = tmp_path / "later"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    revision = NEXT.format(head=await newest(), recreate="always" if sqlite else "never", then=then)
    (scripts / "versions" / "next.py").write_text(revision)
    return scripts


async def a_row_in_every_table(url: str) -> Rental:
    async with open_store(url, clock=SetClock()) as store:
        rental = await begun(store)
        entry = Entry(
            rental_id=rental.id,
            kind=Kind.GPU,
            period_start=NOW,
            period_end=NOW,
            amount=Usd(297_000),
        )
        ended = Try(
            number=1,
            offer=rental.offer,
            reason=Reason.NO_SSH,
            words="refused",
            began_at=NOW,
            ended_at=NOW,
        )
        rental = await store.apply(
            replace(rental, tries=(ended,)),
            event="Wait",
            entries=[entry],
            grudge=Grudge(
                rental_id=rental.id,
                contract=ContractId(9001),
                machine_id=24817,
                host_id=91236,
                reason=Reason.NO_SSH,
                at=NOW,
            ),
        )
        recording = Recording(key="a" * 64, rental_id=rental.id, number=1, state="{}")
        await store.keep_recordings([recording])
        await store.keep_house_key("ssh", "sealed")
        await store.process_seen(Process(id="relay-1", role="relay", address="h:1", seen_at=NOW))
        await store.keep_way(rental.id, target="8888", token="sealed")
        await store.carry(
            [Carriage(process_id="relay-1", rental_id=rental.id, human_at=NOW, bytes=1)]
        )
        digest = daily(time(9), NOW, UTC)
        assert digest is not None
        await store.settle(rental.guild_id, digest, None)
        await store.add_lookout(
            Lookout(
                id="b2k7xq",
                guild_id=rental.guild_id,
                channel_id=rental.channel_id,
                owner_id=rental.owner_id,
                owner_name=rental.owner_name,
                wish=rental.wish,
                image=rental.image,
                made_at=NOW,
                until=NOW,
            )
        )
        ticket = Pass(digest="1" * 64, rental_id=rental.id, member_id=1, expires_at=NOW)
        await store.add_ticket(ticket)
        session = replace(ticket, digest="2" * 64)
        await store.spend(ticket.digest, session, NOW.replace(year=2025))
        await store.add_share(
            Share(
                id="s1",
                rental_id=rental.id,
                guild_id=rental.guild_id,
                member_id=2,
                member_name="ben",
                by_id=rental.owner_id,
                view_only=True,
                made_at=NOW,
                until=NOW,
            )
        )
        key = PublicKey(line="ssh-ed25519 AAAA", comment="ada", fingerprint="SHA256:abc")
        await store.add_key(OwnKey(member_id=1, key=key, added_at=NOW), most=10)
        await store.remember(
            rental.id,
            begin(NOW),
            version=0,
            sample=Sample(at=NOW),
            letters=[Writing(kind=LetterKind.SEEN, at=NOW)],
        )
        await store.tell(Bulletin(key="account/today", title="t", text="w", rental_id=rental.id))
        await store.put_up_board(rental.guild_id, rental.channel_id)
        await store.sightings([ContractId(5)], NOW)
        await store.take_interaction(1_000_000_000_000_000_000, NOW)
        await store.change_policy({"idle": "90"}, by=7)
        await store.write_tab(opened(rental, ContractId(7), None, NOW))
        await store.set_budget(
            rental.guild_id, Budget(subject=TEAM, amount=Usd.of(9), set_by=1, set_at=NOW)
        )
        month = month_of(NOW, UTC)
        await store.add_grant(
            Grant(
                id="g1",
                guild_id=rental.guild_id,
                member_id=2,
                amount=Usd(1),
                month=month.name,
                asked_at=NOW,
            )
        )
        told = Writing(kind=LetterKind.SEEN, at=NOW)
        await store.mark(rental.guild_id, TEAM, month, [50], letters={rental.id: [told]})
        other = a_quote()
        await store.add_quote(other)
        await store.begin(
            a_rental(other), quote_id=other.id, claim=Claim(role_ids=(3,), month=month)
        )
        await store.write_bill(
            Bill(
                rental_id=rental.id,
                contract=ContractId(7),
                total=Usd(1),
                parts=Parts(),
                seen_at=NOW,
                changed_at=NOW,
            )
        )
        await store.greet(rental.guild_id, NOW)
        await store.begin_archive(
            Archive(
                id=ArchiveId("a1"),
                rental_id=rental.id,
                guild_id=rental.guild_id,
                owner_id=rental.owner_id,
                name="lesson",
                state=ArchiveState.RUNNING,
                root="/workspace",
                started_at=NOW,
                touched_at=NOW,
            )
        )
        await store.add_parcel(
            Parcel(
                digest="3" * 64,
                archive_id=ArchiveId("a1"),
                path=b"\xff",
                member_id=1,
                expires_at=NOW,
            )
        )
    return rental


async def counts(url: str) -> dict[str, int]:
    database = Database(url)
    async with database.reading() as connection:
        found = {
            table.name: (
                await connection.execute(select(func.count()).select_from(table))
            ).scalar_one()
            for table in metadata.sorted_tables
        }
    await database.aclose()
    return found


def test_the_library_is_not_hidden_by_our_folder() -> None:
    """With an `__init__.py` in `alembic/`, `from alembic import op` would find that folder."""
    assert Path(alembic.__file__).is_relative_to(sysconfig.get_path("purelib"))
    assert not (SCRIPTS / "__init__.py").exists()


def test_there_is_one_newest_revision() -> None:
    """Two branches of work that both added one would leave two."""
    assert len(ScriptDirectory(str(SCRIPTS)).get_heads()) == 1


async def test_migrations_go_up_and_down(bare_url: str) -> None:
    """Up gives what the code expects, down leaves nothing, up again works."""
    await run("upgrade", bare_url, "head")
    await run("check", bare_url)
    await run("downgrade", bare_url, "base")
    assert await current(bare_url) is None
    await run("upgrade", bare_url, "head")
    await run("check", bare_url)

    assert await current(bare_url) == await newest()


async def test_an_empty_database_gets_its_tables(bare_url: str) -> None:
    """The first start; the second one finds nothing to do."""
    assert await current(bare_url) is None

    first = await migrate(bare_url)
    second = await migrate(bare_url)

    assert (first.before, first.after, first.copy) == (None, await newest(), None)
    assert (second.before, second.after, second.copy) == (first.after, first.after, None)
    await demand_newest(bare_url)


async def test_an_installed_package_migrates_without_a_checkout(
    bare_sqlite_url: str, tmp_path: Path
) -> None:
    """The wheel carries the revisions as `bot/migrations` (pyproject, force-include)."""
    site = tmp_path / "site"
    shutil.copytree(SCRIPTS.parent / "bot", site / "bot")
    shutil.copytree(SCRIPTS, site / "bot" / "migrations")

    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"{MIGRATE}; import bot; print(bot.__file__)", bare_sqlite_url),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(started.communicate(), 60)

    assert Path(said.decode().strip()).is_relative_to(site)
    assert await current(bare_sqlite_url) == await newest()


async def test_two_that_start_at_once_migrate_once(bare_postgres_url: str) -> None:
    """Two containers of one version: the second waits and finds the work done."""
    starting = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, bare_postgres_url)
        for _ in range(2)
    ]

    ended = [await asyncio.wait_for(one.wait(), 60) for one in starting]

    assert ended == [0, 0]
    assert await current(bare_postgres_url) == await newest()


async def test_no_row_is_lost_by_rebuilding_a_table(database_url: str, tmp_path: Path) -> None:
    """On SQLite the rentals are copied to a new table and the old one dropped."""
    rental = await a_row_in_every_table(database_url)
    before = await counts(database_url)
    scripts = await later(tmp_path, sqlite=database_url.startswith("sqlite"))

    done = await migrate(database_url, scripts=scripts)

    assert (done.before, done.after) == (await newest(), "next")
    assert min(before.values()) > 0
    assert await counts(database_url) == before
    async with open_store(database_url, clock=SetClock()) as store:
        assert await store.rental(rental.id) == rental
        with pytest.raises(Store, match="ck_rentals_work_given_up"):
            await store.apply(
                replace(rental, state=State.DESTROYING, ready_at=NOW), event="Destroy"
            )


async def test_a_migration_that_orphans_rows_is_taken_back(sqlite_url: str, tmp_path: Path) -> None:
    """Foreign keys are off while SQLite migrates, so they are checked before the end."""
    await a_row_in_every_table(sqlite_url)
    before = await counts(sqlite_url)
    scripts = await later(tmp_path, then='op.execute("DELETE FROM rentals")', sqlite=True)

    with pytest.raises(Store, match="rows without their parent") as caught:
        await migrate(sqlite_url, scripts=scripts)

    assert caught.value.public == "The database could not be upgraded, and is as it was before."
    assert await counts(sqlite_url) == before
    assert await current(sqlite_url) == await newest()


async def test_a_migration_that_fails_leaves_everything_as_it_was(
    database_url: str, tmp_path: Path
) -> None:
    """The whole of it is one transaction, on SQLite too."""
    await a_row_in_every_table(database_url)
    scripts = await later(
        tmp_path,
        then='op.execute("DELETE FROM nowhere")',
        sqlite=database_url.startswith("sqlite"),
    )

    with pytest.raises(Store, match="nowhere"):
        await migrate(database_url, scripts=scripts)

    assert await current(database_url) == await newest()
    database = Database(database_url)
    with pytest.raises(Store, match="mood"):
        async with database.reading() as connection:
            await connection.execute(text("SELECT mood FROM rentals"))
    await database.aclose()


async def test_the_file_is_copied_before_an_upgrade(sqlite_url: str, tmp_path: Path) -> None:
    """Whole, readable by its owner only, and named after the revision it is at."""
    await a_row_in_every_table(sqlite_url)
    scripts = await later(tmp_path, sqlite=True)

    done = await migrate(sqlite_url, scripts=scripts)

    assert done.copy is not None
    assert done.copy.name == f"bellhop.db.before-{await newest()}"
    assert stat.S_IMODE(done.copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(done.copy)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT amount FROM ledger").fetchone() == (297_000,)
    assert sorted(os.listdir(tmp_path)) == ["bellhop.db", done.copy.name, "later"]


async def test_a_database_of_a_newer_version_is_left_alone(database_url: str) -> None:
    """An old program on a new schema would write what the new one does not expect."""
    database = Database(database_url)
    async with database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.aclose()

    for refuses in (migrate, demand_newest):
        with pytest.raises(Store) as caught:
            await refuses(database_url)
        assert caught.value.public == "The database is from a newer Bellhop."
        assert "Install that version again" in caught.value.hint
    assert await current(database_url) == "9999"


async def test_a_database_of_an_older_version_is_named(bare_url: str) -> None:
    """What to do about it is in the hint."""
    with pytest.raises(Store) as caught:
        await demand_newest(bare_url)

    assert caught.value.public == "The database is from an older Bellhop."
    assert caught.value.hint == "Run `bellhop migrate`."
