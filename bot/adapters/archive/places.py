"""Places: a folder, S3, GCS or Azure through obstore, reduced to whole small objects.

Everything is stored as objects of a few MB, each put at once. That is not only simple: a
multipart upload that a killed process leaves behind can be neither listed nor removed through
obstore, and is billed for ever; and nothing needs to be renamed, which on S3 is a copy. Methods
block; whoever calls them does so in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, from_url

from bot.errors import Config, Damaged, PlaceDown

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("file", "s3", "gs", "az")

_REQUEST = timedelta(seconds=60)
_RETRIES = 4
_STAGED = re.compile(r"(.+)#\d+")  # LocalStore's names for what it is writing
_CHECK = re.compile(r"check-[0-9a-f]{16}")
_DELETED_AT_ONCE = 500

# Where a machine of a provider's asks for its own credentials; obstore tries it as a last resort.
_METADATA = "169.254.169.254"
_NO_CREDENTIALS = "no credentials for it are set, such as AWS_ACCESS_KEY_ID"
_REFUSED = "our credentials are refused"
_NO_BUCKET = "there is no such bucket"
_FULL = "its disk is full"
_TELLING = (_NO_CREDENTIALS, _REFUSED, _NO_BUCKET, _FULL)
_NO_ROOM = re.compile(rf"\(os error ({errno.ENOSPC}|{errno.EDQUOT}|{errno.EFBIG})\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    key: str
    size: int
    written_at: datetime


def open_place(url: str, *, retries: int = _RETRIES, request: timedelta = _REQUEST) -> Place:
    """The place at an address. Raises Config for one that cannot be used; connects to nothing.

    Credentials come from the environment under the names that the providers' own tools use.
    """
    scheme = urlsplit(url).scheme
    if scheme not in SCHEMES:
        raise Config(
            "BELLHOP_ARCHIVE_URL", "must begin with file://, s3://bucket, gs://bucket or az://."
        )
    try:
        if scheme == "file":
            folder = Path(unquote(urlsplit(url).path))
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Place(LocalStore(folder, automatic_cleanup=True), folder=folder)
        options: Any = {
            "timeout": request,
            "connect_timeout": timedelta(seconds=10),
            # Options of ours replace AWS_ALLOW_HTTP. A provider's own address is https in any
            # case, and who gives an endpoint with http:// means it.
            "allow_http": True,
        }
        again: Any = {"max_retries": retries, "retry_timeout": 2 * request}
        return Place(from_url(url, client_options=options, retry_config=again))
    except (BaseError, OSError, ValueError) as error:
        raise Config("BELLHOP_ARCHIVE_URL", f"cannot be used: {_why(error)}") from error


class Place:
    """Objects by key. `folder` is where they lie, for a place on our own disk."""

    def __init__(self, store: ObjectStore, *, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    def put(self, key: str, data: bytes) -> None:
        """Store an object, whole or not at all; on our own disk it outlives a power cut."""
        try:
            obstore.put(self._store, key, data, use_multipart=False)
            if self._folder is not None:
                _sync(self._folder / key)
        except (BaseError, OSError) as error:
            raise _down(f"{key} was not stored", error) from error

    def get(self, key: str) -> bytes:
        """Raises Damaged where there is none."""
        found = self.find(key)
        if found is None:
            raise Damaged(f"{key} is lost")
        return found

    def find(self, key: str) -> bytes | None:
        """None where there is none. Raises PlaceDown where there is no such place at all."""
        try:
            return bytes(obstore.get(self._store, key).bytes())
        except FileNotFoundError:
            self._demand_there()
            return None
        except (BaseError, OSError) as error:
            raise _down(f"{key} was not read", error) from error

    def list(self, prefix: str = "") -> Iterator[Object]:
        """All objects below a prefix, which ends where a folder does."""
        try:
            for batch in obstore.list(self._store, prefix=prefix or None):
                for each in batch:
                    yield Object(
                        key=each["path"],
                        size=each["size"],
                        written_at=each["last_modified"].astimezone(UTC),
                    )
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise _down(f"{prefix or 'the place'} was not listed", error) from error

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are gone are no error."""
        for at in range(0, len(keys), _DELETED_AT_ONCE):
            try:
                obstore.delete(self._store, list(keys[at : at + _DELETED_AT_ONCE]))
            except FileNotFoundError:
                self._delete_each(keys[at : at + _DELETED_AT_ONCE])
            except (BaseError, OSError) as error:
                raise _down("objects were not deleted", error) from error

    def _delete_each(self, keys: Sequence[str]) -> None:
        for key in keys:
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as error:
                raise _down(f"{key} was not deleted", error) from error

    def check(self) -> None:
        """Write, read and delete a small object: whether all that is needed works here.

        Raises PlaceDown, with words for people, or Damaged where something else came back.
        """
        key, data = f"check-{secrets.token_hex(8)}", secrets.token_bytes(32)
        self.put(key, data)
        try:
            if self.get(key) != data:
                raise Damaged(f"{key} came back altered")
        finally:
            self.delete([key])

    def _demand_there(self) -> None:
        """A bucket that does not exist answers like an object that does not."""
        next(self.list("check"), None)

    def sweep_unfinished(self, older_than: datetime, *, is_ours: Callable[[str], bool]) -> int:
        """Remove what a killed process was writing to our own disk, which no listing shows.

        `is_ours` says whether we write objects of such a key: the folder may hold other things.
        """
        if self._folder is None:
            return 0
        removed = 0
        for path in chain(*(self._folder.glob(f"{'*/' * depth}*#*") for depth in range(3))):
            staged = _STAGED.fullmatch(path.relative_to(self._folder).as_posix())
            if staged is None or not (is_ours(staged[1]) or _CHECK.fullmatch(staged[1])):
                continue
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < older_than.timestamp():
                    path.unlink()
                    removed += 1
        return removed


def _sync(path: Path) -> None:
    """Have the file, and its name in its folder and that one's in the next, on the disk."""
    for each, flags in (
        (path, 0),
        (path.parent, os.O_DIRECTORY),
        (path.parents[1], os.O_DIRECTORY),
    ):
        handle = os.open(each, os.O_RDONLY | flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _down(what: str, error: Exception) -> PlaceDown:
    """The error in our words; people are told what they can put right themselves."""
    why = _why(error)
    public = f"The archive store cannot be used: {why}." if why in _TELLING else ""
    return PlaceDown(f"{what}: {why}", public=public)


def _why(error: Exception) -> str:
    """What happened in a line; obstore's own text goes on with an excerpt of its source."""
    text = str(error)
    if _METADATA in text:
        return _NO_CREDENTIALS
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or "403 Forbidden" in text:
        return _REFUSED
    if isinstance(error, FileNotFoundError) or "404 Not Found" in text:
        return _NO_BUCKET
    if _NO_ROOM.search(text) or getattr(error, "errno", None) == errno.ENOSPC:
        return _FULL
    return re.sub(r"\?\S+", "", str(error).partition("\n")[0])[:300]
