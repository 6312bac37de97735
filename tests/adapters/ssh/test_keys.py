"""Bellhop's own SSH key."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.adapters.ssh.keys import load_or_create
from bot.errors import Config


def test_the_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    """The same key for every machine and after every start."""
    made = load_or_create(tmp_path / "keys")

    found = load_or_create(tmp_path / "keys")

    assert made.public_line() == found.public_line()
    assert made.public_line().startswith("ssh-ed25519 AAAA")
    assert made.public_line().endswith(" bellhop")


def test_the_private_key_is_for_nobody_else(tmp_path: Path) -> None:
    """The file is mode 0600, also when somebody opened it up; nothing else is left there."""
    load_or_create(tmp_path / "keys")
    (file,) = (tmp_path / "keys").iterdir()
    file.chmod(0o644)

    load_or_create(tmp_path / "keys")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_two_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    """Whoever is second takes the key of the first."""
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(load_or_create, [tmp_path] * 8))

    assert len({key.public_line() for key in keys}) == 1


def test_a_broken_key_is_not_replaced(tmp_path: Path) -> None:
    """A new key would lock us out of every running machine, so a person must look."""
    load_or_create(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text("nonsense")

    with pytest.raises(Config, match="restore it from a backup"):
        load_or_create(tmp_path)

    assert file.read_text() == "nonsense"
