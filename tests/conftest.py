"""Fixtures for all: both databases, migrated, fresh for every test."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.adapters.storage.migrate import migrate
from bot.adapters.storage.store import open_store
from bot.ports.books import Store
from tests.builders import SetClock
from tests.postgres import Postgres, apart
from tests.s3 import S3

DATABASES = ("sqlite", "postgres")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def store(database_url: str, clock: SetClock) -> AsyncIterator[Store]:
    """The store on an empty migrated database, once on each kind; its clock is `clock`."""
    async with open_store(database_url, clock=clock) as opened:
        yield opened


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty migrated database, once of each kind."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(params=DATABASES)
def bare_url(request: pytest.FixtureRequest) -> str:
    """The address of a database without any table, once of each kind."""
    return request.getfixturevalue(f"bare_{request.param}_url")


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "bellhop.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def bare_sqlite_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'bellhop.db'}"


@pytest.fixture
def postgres_url(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    with postgres.database(template=postgres_template) as name:
        yield postgres.url(name)


@pytest.fixture
def bare_postgres_url(postgres: Postgres) -> Iterator[str]:
    with postgres.database() as name:
        yield postgres.url(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "bellhop.db"
    apart(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> Iterator[str]:
    with postgres.database() as name:
        apart(migrate(postgres.url(name)))
        yield name


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server; one for each worker of pytest-xdist."""
    server = Postgres()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    server = S3()
    yield server
    server.close()


@pytest.fixture
def s3_url(s3: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket with a prefix; the credentials are in the environment, as a person sets them."""
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.bucket()}/some/prefix"
