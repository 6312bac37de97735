"""`bellhop backup` and `bellhop restore`: the books, the keys and the settings in one sealed file.

The rows are read in one transaction beside a running service, and written as rows: so a backup of
SQLite goes into PostgreSQL as well, and one of an older Bellhop into a newer one. Saved workspaces
stay where they are: with the secret in the backup they can be read again.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from bot import __version__
from bot.adapters.archive.sealed_file import sealed_file, unsealed
from bot.adapters.storage.copying import Batch, demand_empty, rows_in, rows_out
from bot.adapters.storage.lease import hold_lease
from bot.adapters.storage.migrate import knows, migrate, newest
from bot.config import NAMES, Settings, read
from bot.errors import Backup, Config, system_reason
from bot.secret_files import from_files

PASSPHRASE = "BELLHOP_BACKUP_PASSPHRASE"
SHORTEST = 8
SETTINGS_FILE = "settings.env"
_KEYS, _SECRET = "keys", "secret"
_DRAFT = ".restoring"
_FORMAT = 1
_HERE = frozenset({"BELLHOP_DATA", "DATABASE_URL"})
"""Settings that belong to a computer: a restore writes them down and does not set them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a backup says of itself, before its rows."""

    format: int
    version: str
    revision: str
    made_at: str
    installation: str
    archive_url: str
    secret: str
    settings: Mapping[str, str]
    keys: Mapping[str, str]  # files of the keys' folder, base64


async def backup(
    settings: Settings, env: Mapping[str, str], file: Path, passphrase: str
) -> list[str]:
    """Write a backup, whole or not at all; what to print. Raises Backup, Store, Config."""
    rows = 0
    head = _head(settings, from_files(env), await newest())
    with sealed_file(file, passphrase) as write:
        write(_line({"head": asdict(head)}))
        async for batch in rows_out(settings.database_url):
            rows += len(batch.rows)
            write(_line({"table": batch.table, "columns": batch.columns, "rows": batch.rows}))
        write(_line({"end": rows}))
    lines = [f"{file} holds {rows} rows, {len(head.keys)} keys and the settings, sealed."]
    if settings.archive_url.startswith("file://"):
        folder = settings.archive_url.removeprefix("file://")
        lines.append(f"Saved workspaces are not in it: copy the folder {folder} as well.")
    return lines


async def restore(env: Mapping[str, str], file: Path, passphrase: str) -> list[str]:
    """Restore into an empty place; what to print. Nothing is changed before all of it is read.

    May be repeated after it was killed. Raises Backup, Store, Config.
    """
    env = from_files(env)
    head = _checked(file, passphrase)
    await _demand_known(head)
    # With its secret in hand, reading the settings makes none of their own.
    settings = read({**env, "BELLHOP_SECRET": head.secret})
    _demand_same(env, settings, head)
    async with hold_lease(settings.database_url, patience_s=0):
        await demand_empty(settings.database_url)
        _demand_no_other_keys(settings.data, head)
        try:
            _put_files(settings.data, head)
        except OSError as error:
            raise Config(
                "BELLHOP_DATA", f"cannot write {settings.data} ({system_reason(error)})."
            ) from error
        rows = await rows_in(settings.database_url, head.revision, _batches(file, passphrase))
        await migrate(settings.database_url)
    return [
        f"Restored {rows} rows, {len(head.keys)} keys and the secret, as of {head.made_at}.",
        f"Its settings are in {settings.data / SETTINGS_FILE}: take from there what this computer "
        "needs, into .env.",
        "Make sure that the Bellhop it is a backup of does not run any more, then start this one.",
    ]


def passphrase_of(env: Mapping[str, str]) -> str:
    """The passphrase in the environment; empty where there is none. Raises Config if too short."""
    given = from_files(env, (PASSPHRASE,)).get(PASSPHRASE, "")
    return demand_long(given) if given else ""


def demand_long(passphrase: str) -> str:
    if len(passphrase) < SHORTEST:
        raise Config(PASSPHRASE, f"must have at least {SHORTEST} characters.")
    return passphrase


def _head(settings: Settings, env: Mapping[str, str], revision: str) -> Head:
    return Head(
        format=_FORMAT,
        version=__version__,
        revision=revision,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        installation=settings.installation,
        archive_url=settings.archive_url,
        secret=settings.secret,
        settings={name: env[name] for name in NAMES if env.get(name) and name != "BELLHOP_SECRET"},
        keys={
            one.name: base64.b64encode(one.read_bytes()).decode()
            for one in sorted((settings.data / _KEYS).glob("*"))
            if one.is_file() and not one.name.endswith(_DRAFT)
        },
    )


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _checked(file: Path, passphrase: str) -> Head:
    """The head, after everything else was read once: what is damaged is found before a change."""
    records = _records(file, passphrase)
    head = _head_of(next(records, {}))
    rows, said = 0, None
    for record in records:
        if said is not None:
            raise _altered("records after the end")
        if "end" in record:
            said = record["end"]
        else:
            rows += len(_batch(record).rows)
    if said != rows:
        raise _altered(f"{rows} rows of {said}")
    return head


def _batches(file: Path, passphrase: str) -> Iterator[Batch]:
    for record in islice(_records(file, passphrase), 1, None):
        if "end" not in record:
            yield _batch(record)


def _records(file: Path, passphrase: str) -> Iterator[dict[str, Any]]:
    for line in _lines(unsealed(file, passphrase)):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise _altered("a line that is none") from error
        if not isinstance(record, dict):
            raise _altered("a record that is none")
        yield record


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _batch(record: Mapping[str, Any]) -> Batch:
    try:
        return Batch(record["table"], tuple(record["columns"]), record["rows"])
    except (KeyError, TypeError) as error:
        raise _altered("a batch that is none") from error


def _head_of(record: Mapping[str, Any]) -> Head:
    try:
        told = dict(record["head"])
        if told["format"] > _FORMAT:
            raise _newer(f"format {told['format']}")
        return Head(**told)
    except (KeyError, TypeError, ValueError) as error:
        raise _altered("the head") from error


async def _demand_known(head: Head) -> None:
    if not await knows(head.revision):
        raise _newer(f"revision {head.revision} of Bellhop {head.version}")


def _newer(detail: str) -> Backup:
    return Backup(
        detail,
        public="This backup was made by a newer Bellhop.",
        hint="Install that version here first.",
    )


def _altered(detail: str) -> Backup:
    return Backup(detail, public="The backup was altered.", hint="Take another copy of it.")


def _demand_same(env: Mapping[str, str], settings: Settings, head: Head) -> None:
    """Raise Config where a setting of this computer would cut us off from what is ours."""
    if env.get("BELLHOP_SECRET", head.secret) not in ("", head.secret):
        raise Config(
            "BELLHOP_SECRET",
            "is another than the backup's. Take it away: the restore puts the right one into "
            "BELLHOP_DATA.",
        )
    if settings.installation != head.installation:
        raise Config(
            "BELLHOP_INSTALLATION",
            f"must be {head.installation}, as in the backup: else its machines would be strangers.",
        )


def _demand_no_other_keys(data: Path, head: Head) -> None:
    for one in (data / _KEYS).glob("*"):
        if one.name.endswith(_DRAFT):
            continue  # of a restore that was killed
        if head.keys.get(one.name) != base64.b64encode(one.read_bytes()).decode():
            raise Backup(
                f"{one} is not in the backup",
                public=f"{data} belongs to another Bellhop, so nothing is restored into it.",
                hint="Give an empty folder (BELLHOP_DATA), or move the old one away.",
            )


def _put_files(data: Path, head: Head) -> None:
    """Keys, secret and settings. A secret that a first `bellhop check` made is set aside."""
    (data / _KEYS).mkdir(mode=0o700, exist_ok=True)
    for name, content in head.keys.items():
        if "/" in name or name in (".", ".."):
            raise _altered("a key's name")
        try:
            _put(data / _KEYS / name, base64.b64decode(content, validate=True))
        except binascii.Error as error:
            raise _altered("a key") from error
    secret = data / _SECRET
    with suppress(FileNotFoundError):
        if secret.read_text().strip() != head.secret:
            os.replace(secret, data / f"{_SECRET}.before-restore")
    _put(secret, head.secret.encode())
    _put(data / SETTINGS_FILE, _settings_text(head).encode())


def _settings_text(head: Head) -> str:
    lines = [f"# Settings of the backup of {head.made_at}, by Bellhop {head.version}."]
    for name, value in head.settings.items():
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        mark = "# of that computer: " if name in _HERE else ""
        lines.append(f"{mark}{name}='{quoted}'")
    return "\n".join(lines) + "\n"


def _put(path: Path, content: bytes) -> None:
    """A file of its owner's alone, whole or not at all."""
    draft = path.with_name(f"{path.name}{_DRAFT}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
