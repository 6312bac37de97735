"""Bellhop's own SSH key: one ed25519 key for every machine.

It is kept in the data folder, where one process is everything, else as text in the database.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import asyncssh

from bot.errors import Config

FILE = "ssh_ed25519"
"""Its name in the folder."""
_COMMENT = "bellhop"


class SshKey:
    """The private key, and its public line for Vast. `file`: where OpenSSH finds it."""

    def __init__(self, private: asyncssh.SSHKey, *, file: Path | None = None) -> None:
        self.private = private
        self.file = file

    def public_line(self) -> str:
        """`ssh-ed25519 AAAA… bellhop`, as Vast wants it."""
        return self.private.export_public_key("openssh").decode().strip()

    def text(self) -> str:
        """The private key, as OpenSSH writes it."""
        return self.private.export_private_key("openssh").decode()


def generate() -> SshKey:
    """A new key that is nowhere yet."""
    return SshKey(asyncssh.generate_private_key("ssh-ed25519", comment=_COMMENT))


def read_text(text: str) -> SshKey:
    """A key that was kept as text. Raises Config for one that is none."""
    try:
        return SshKey(asyncssh.import_private_key(text))
    except asyncssh.KeyImportError as error:
        raise Config("DATABASE_URL", "the SSH key there cannot be read.") from error


def there(folder: Path) -> bool:
    """Whether a folder has a key."""
    return (folder / FILE).exists()


def write(folder: Path, key: SshKey) -> SshKey:
    """Put a key into a folder that has none. Blocks for some milliseconds; raises Config."""
    file = folder / FILE
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        fresh = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as target:
            target.write(key.text())
            target.flush()
            os.fsync(target.fileno())
        fresh.replace(file)
    except OSError as error:
        raise Config("BELLHOP_DATA", f"the SSH key {file} cannot be written: {error}") from error
    return SshKey(key.private, file=file.absolute())


def load_or_create(folder: Path) -> SshKey:
    """The key in this folder, made first where there is none. Blocks for some milliseconds.

    Two processes that start at once end with the same key. Raises Config when the folder cannot
    be written or the file holds no key: a new key would lock us out of every running machine.
    """
    file = folder / FILE
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        if not file.exists():
            _create(file)
        file.chmod(0o600)
        return SshKey(asyncssh.read_private_key(file), file=file.absolute())
    except asyncssh.KeyImportError as error:
        raise Config(
            "BELLHOP_DATA", f"the SSH key {file} cannot be read; restore it from a backup"
        ) from error
    except OSError as error:
        raise Config("BELLHOP_DATA", f"the SSH key {file} cannot be used: {error}") from error


def _create(file: Path) -> None:
    """Write the whole key beside the file, then give it its name unless another was faster."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment=_COMMENT)
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as target:
            target.write(key.export_private_key("openssh"))
            target.flush()
            os.fsync(target.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, file)
    finally:
        fresh.unlink()
