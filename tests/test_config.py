"""Settings: one line that names the variable and says what to do."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import unquote

import pytest

from bot.config import read, survey
from bot.errors import Config
from bot.verbs.check import _harmless


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DISCORD_GUILD_ID", "my server", "server's number"),
        ("DISCORD_TOKEN", "two words", "one word"),
        ("VAST_API_KEY", "line\nbreak", "one word"),
        ("VAST_URL", "console.vast.ai", "an address like https://"),
        ("VAST_URL", "http://[half", "an address like https://"),
        ("VAST_URL", "http://host:99999", "an address like https://"),
        ("DATABASE_URL", "postgresql://u:p@host:port/x", "like postgresql://user"),
        ("DATABASE_URL", "postgresql://u:p@[half/x", "like postgresql://user"),
        ("DATABASE_URL", "mysql://localhost/x", "postgresql:// or sqlite:///"),
        ("DATABASE_URL", "postgresql:///x", "like postgresql://user"),
        ("DATABASE_URL", "postgresql:///x?host=h", "like postgresql://user"),
        ("BELLHOP_RELAY_LISTEN", "8642", "host:port"),
        ("BELLHOP_RELAY_LISTEN", "127.0.0.1:99999", "host:port"),
        ("BELLHOP_RELAY_URL", "https://{rental}.[half", "an address like https://"),
        ("BELLHOP_RELAY_URL", "https://gpu.example.org", "{rental}."),
        ("BELLHOP_RELAY_URL", "https://{rental}.gpu.example.org/notebooks", "without a path"),
        ("BELLHOP_INSTALLATION", "My Team", "a-z, 0-9"),
        ("BELLHOP_INSTALLATION", "a/b", "a-z, 0-9"),
        ("BELLHOP_POLL_S", "often", "seconds"),
        ("BELLHOP_POLL_S", "0", "seconds"),
        ("BELLHOP_WATCH_S", "nan", "seconds"),
        ("BELLHOP_LOG", "xml", "text or json"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(
    tmp_path: Path, name: str, value: str, says: str
) -> None:
    """The line begins with the variable, so that the operator knows where to look."""
    with pytest.raises(Config) as error:
        read({"BELLHOP_DATA": str(tmp_path), name: value})

    assert error.value.public.startswith(f"{name}: ")
    assert says in error.value.public


@pytest.mark.parametrize("name", ["DISCORD_TOKEN", "VAST_API_KEY"])
def test_a_missing_setting_is_named_and_nothing_is_made(tmp_path: Path, name: str) -> None:
    """Checked before the data folder is touched."""
    folder = tmp_path / "data"

    with pytest.raises(Config) as error:
        read({"BELLHOP_DATA": str(folder), name: "  "}, need=(name,))

    assert error.value.public.startswith(f"{name}: is missing.")
    assert not folder.exists()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file in the way, no rights, a full disk: the folder's setting is to blame."""
    (tmp_path / "file").write_text("")

    with pytest.raises(Config, match="BELLHOP_DATA"):
        read({"BELLHOP_DATA": str(tmp_path / "file" / "data")})


def test_the_first_start_makes_a_private_folder_and_one_secret(tmp_path: Path) -> None:
    """Mode 0700, a secret of mode 0600, and the same one at the next start."""
    env = {"BELLHOP_DATA": str(tmp_path / "data")}

    first, second = read(env), read(env)

    assert first.secret == second.secret
    assert len(first.secret) > 30
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["secret"]


@pytest.mark.parametrize("content", [b"", b"\n", b"\0" * 43, b"\xff\xfe"])
def test_a_secret_that_was_lost_is_not_gone_on_with(content: bytes, tmp_path: Path) -> None:
    """An empty one would sign sessions that anybody can make; `check` says so, too."""
    (tmp_path / "secret").write_bytes(content)
    env = {"BELLHOP_DATA": str(tmp_path)}

    with pytest.raises(Config, match="holds no secret") as refused:
        read(env)
    settings, faults = survey(env)

    assert refused.value.name == "BELLHOP_DATA"
    assert settings is None
    assert [one.name for one in faults] == ["BELLHOP_DATA"]
    assert read({**env, "BELLHOP_SECRET": "s" * 40}).secret == "s" * 40


def test_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    """SQLite in the data folder, the relay on loopback, one origin per rental."""
    settings = read({"BELLHOP_DATA": str(tmp_path)})

    assert settings.vast_url == "https://console.vast.ai"
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/bellhop.db"
    assert (settings.relay_host, settings.relay_port) == ("127.0.0.1", 8642)
    assert settings.relay_url == "http://{rental}.localhost:8642"
    assert settings.installation == "bellhop"
    assert (settings.poll_s, settings.watch_s, settings.log) == (15, 60, "text")


def test_postgres_addresses_get_the_async_driver(tmp_path: Path) -> None:
    """As people write them, whatever the scheme is called."""
    for scheme in ("postgres", "postgresql"):
        settings = read({"BELLHOP_DATA": str(tmp_path), "DATABASE_URL": f"{scheme}://u:p4ss@h/d"})

        assert settings.database_url == "postgresql+asyncpg://u:p4ss@h/d"


def test_a_postgres_server_may_be_behind_a_unix_socket(tmp_path: Path) -> None:
    """As libpq spells it: no host before the path, its folder after it."""
    url = "postgresql://postgres@/bellhop?host=/run/postgresql"

    settings = read({"BELLHOP_DATA": str(tmp_path), "DATABASE_URL": url})

    assert settings.database_url == url.replace("postgresql:", "postgresql+asyncpg:")


@pytest.mark.parametrize("password", ["12/s3cret", "p%40s3cret", "s3c:ret@s"])
def test_a_password_with_signs_in_it_is_a_secret_as_well(password: str, tmp_path: Path) -> None:
    """As it is written, and as the server's driver takes it."""
    url = f"postgresql://ada:{password}@host/bellhop"

    settings = read({"BELLHOP_DATA": str(tmp_path), "DATABASE_URL": url})

    assert {password, unquote(password)} <= set(settings.secrets)
    assert _harmless(f"{url}?sslmode=require") == "postgresql://host/bellhop"


def test_secrets_do_not_show(tmp_path: Path) -> None:
    """Neither in a repr nor missing from the list that the log hides."""
    settings = read(
        {
            "BELLHOP_DATA": str(tmp_path),
            "VAST_API_KEY": "vast-key-123",
            "DISCORD_TOKEN": "discord-token-456",
            "DATABASE_URL": "postgresql://u:database-789@h/d",
        }
    )

    for secret in ("vast-key-123", "discord-token-456", "database-789", settings.secret):
        assert secret not in repr(settings)
        assert secret in settings.secrets
