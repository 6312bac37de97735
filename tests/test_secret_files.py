"""Secrets in files of their own: read, never guessed, named when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import read, survey
from bot.errors import Config
from bot.secret_files import FILED
from bot.verbs.check import check


@pytest.mark.parametrize("name", FILED)
def test_each_may_lie_in_a_file(name: str, tmp_path: Path) -> None:
    """Without the line's end that editors add."""
    value = "postgresql://u:p@host/x" if name == "DATABASE_URL" else "some-secret"
    (tmp_path / "file").write_text(f"{value}\n")

    env = {"BELLHOP_DATA": str(tmp_path), name: "", name + "_FILE": str(tmp_path / "file")}
    settings = read(env)

    told = (
        settings.discord_token,
        settings.vast_api_key,
        settings.secret,
        settings.database_url.replace("+asyncpg", ""),
    )
    assert value in told
    assert {value, "p"} & set(settings.secrets)


@pytest.mark.parametrize(
    ("content", "also", "said"),
    [
        (None, "", "cannot read"),
        (b"", "", "is empty"),
        (b"\xff\xfe\x00", "", "is no text"),
        (b"one", "two", "Keep one of them"),
    ],
)
def test_what_cannot_be_used_is_named(
    content: bytes | None, also: str, said: str, tmp_path: Path
) -> None:
    """By the variable that is wrong, in `run` and in `check`."""
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    env = {
        "BELLHOP_DATA": str(tmp_path),
        "DISCORD_TOKEN_FILE": str(tmp_path / "file"),
        "DISCORD_TOKEN": also,
    }

    with pytest.raises(Config, match=said) as refused:
        read(env)
    settings, faults = survey(env, need=("DISCORD_TOKEN",))

    assert refused.value.name == "DISCORD_TOKEN_FILE"
    assert settings is not None
    assert [one.name for one in faults] == ["DISCORD_TOKEN_FILE"]


@pytest.mark.parametrize("secret", ["MTk4NjIy.Cl2FMQ.ZnCjm1", "postgresql://u:p4ss@host/x"])
def test_a_secret_in_the_place_of_its_file_is_not_repeated(secret: str, tmp_path: Path) -> None:
    """It is the secret itself that was put there, and the words of a refusal end in the log."""
    with pytest.raises(Config, match="must name a file") as refused:
        read({"BELLHOP_DATA": str(tmp_path), "DATABASE_URL_FILE": secret})

    assert secret not in str(refused.value)
    assert secret not in refused.value.public


async def test_a_check_says_where_a_secret_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for the setting, one for its file; the secret in none."""

    async def nothing(*_: object) -> list[object]:
        return []

    monkeypatch.setattr("bot.verbs.check._dependencies", nothing)
    (tmp_path / "key").write_text("s3cret-of-vast")
    env = {
        "BELLHOP_DATA": str(tmp_path),
        "VAST_API_KEY_FILE": str(tmp_path / "key"),
        "DISCORD_TOKEN_FILE": str(tmp_path / "none"),
    }

    lines, good = await check(env)

    said = "\n".join(" ".join(line.split()) for line in lines)
    assert not good
    assert "ok VAST_API_KEY Is read from the file that VAST_API_KEY_FILE names." in said
    assert "fault DISCORD_TOKEN_FILE cannot read" in said
    assert "s3cret-of-vast" not in said
