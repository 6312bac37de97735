"""Looks at what is our own: the data folder, the SSH key, the database, the archives."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from random import Random

from bot.adapters.archive.places import Place, open_place
from bot.adapters.archive.streams import Streams
from bot.adapters.archive.vault import PlaceVault
from bot.adapters.archive.workspace import SshWorkspaces
from bot.adapters.ssh.keys import SshKey, load_or_create, there
from bot.adapters.storage.engine import file_of, parsed
from bot.adapters.storage.lease import hold_lease
from bot.adapters.storage.migrate import current, demand_known, newest
from bot.adapters.storage.store import open_store
from bot.app.house_key import known_key, several_may_run
from bot.app.parts import SystemClock
from bot.config import Settings
from bot.domain import zones
from bot.domain.archives import Archive
from bot.errors import NotFound, system_reason
from bot.errors import Place as PlaceError
from bot.errors import Store as StoreError
from bot.ports.books import Store
from bot.services.archives import Archives
from bot.services.policy import Policies
from bot.tasks import aside
from bot.verbs.lines import Line, fault, note, ok

SAMPLE = 3
SAMPLE_S = 90.0
"""How many archives are read whole, and for how long altogether."""

_LITTLE = 1_000_000_000


async def folder(settings: Settings) -> Sequence[Line]:
    """Written to, and with some room."""
    subject = "data folder"
    try:
        free = await aside(lambda: _room(settings))
    except OSError as error:
        return [
            fault(
                subject,
                f"{settings.data} cannot be written ({system_reason(error)}).",
                "Give the user that runs Bellhop the right to write there, or set BELLHOP_DATA.",
            )
        ]
    said = f"{settings.data} can be written; {free / 1e9:.1f} GB are free."
    return [note(subject, said, "Make room soon.") if free < _LITTLE else ok(subject, said)]


async def ssh_key(settings: Settings) -> Sequence[Line]:
    """There, and a key; a new one is made by the first start and not by a look."""
    key = await own_key(settings)
    if key is None:
        return [ok("SSH key", "There is none yet; the first start makes one.")]
    where = key.file.parent if key.file is not None else "the database, sealed with the secret"
    return [ok("SSH key", f"{key.public_line().split()[0]} in {where}.")]


async def own_key(settings: Settings) -> SshKey | None:
    """Bellhop's own, from the data folder or from the database; None where there is none yet."""
    keys, url = settings.data / "keys", settings.database_url
    if there(keys):
        return await aside(lambda: load_or_create(keys))
    if not several_may_run(settings):
        return None
    try:
        if await current(url) != await newest():
            return None
        async with open_store(url, clock=SystemClock()) as store:
            return await known_key(settings, store)
    except StoreError:
        return None  # a line of its own says that the database is away


async def time_zones(_: Settings) -> Sequence[Line]:
    """From the system, or from the package that stands in where a slim image has none."""
    if not zones.known():
        return [note("time zones", "None are known; all hours are UTC.", "Install Bellhop anew.")]
    return [ok("time zones", f"Known; tzdata {version('tzdata')} stands in for the system's.")]


async def database(settings: Settings) -> Sequence[Line]:
    """Reachable, of which schema, in use or not; and the policy in it."""
    url = settings.database_url
    path = file_of(parsed(url))
    if path is not None and not path.exists():
        return [ok("database", f"{path.name} is not there yet; the first start makes it.")]
    try:
        at, head = await current(url), await newest()
        await demand_known(url)
    except StoreError as error:
        todo = (
            error.hint
            if error.public != StoreError.public
            else (f"See that its server runs and that DATABASE_URL is right ({error}).")
        )
        return [fault("database", error.public, todo)]
    if at != head:
        said = f"Reachable; the next start brings it from {at or 'nothing'} to {head}."
        return [ok("database", said), await _lease(url)]
    async with open_store(url, clock=SystemClock()) as store:
        return [
            ok("database", f"Reachable, at the newest schema {head}."),
            await _lease(url),
            await _policy(store),
        ]


async def archives(settings: Settings) -> Sequence[Line]:
    """The store written, read and cleaned up; then some of the archives in it read whole."""
    try:
        place = await aside(lambda: open_place(settings.archive_url, retries=1))
        async with asyncio.timeout(30):
            await aside(lambda: _try_out(place))
    except PlaceError as error:
        return [
            fault(
                "archive store",
                error.public,
                f"Check BELLHOP_ARCHIVE_URL and its rights ({error}).",
            )
        ]
    except TimeoutError:
        return [fault("archive store", "No answer within 30 s.", "Check BELLHOP_ARCHIVE_URL.")]
    return [
        ok("archive store", "Written, read and cleaned up."),
        await _sample(settings, place),
    ]


async def _lease(url: str) -> Line:
    try:
        async with hold_lease(url, patience_s=0):
            return ok("service", "None is running on this database.")
    except StoreError as error:
        if error.public == StoreError.public:
            raise
        return ok("service", "One is running on this database.")


async def _policy(store: Store) -> Line:
    wrong = (await Policies(store=store).values()).faults()
    if not wrong:
        return ok("policy", "Every value that is set can be used.")
    return note("policy", " ".join(wrong), "Passed over; set it anew with `bellhop policy set`.")


async def _sample(settings: Settings, place: Place) -> Line:
    """Some archives, chosen by chance, against their manifests."""
    subject, url = "archives", settings.database_url
    path = file_of(parsed(url))
    if (path is not None and not path.exists()) or await current(url) != await newest():
        return ok(subject, "Not looked at before the database is at the newest schema.")
    async with open_store(url, clock=SystemClock()) as store:
        kept = Archives(
            books=store,
            vault=PlaceVault(streams=Streams(place=place, secret=settings.secret)),
            workspaces=SshWorkspaces(),
            clock=SystemClock(),
        )
        stored = await kept.saved()
        chosen = Random().sample(stored, min(SAMPLE, len(stored)))
        whole, damaged = await _read_whole(kept, chosen)
    if damaged:
        said = f"{len(damaged)} of {len(chosen)} looked at cannot be read: {'; '.join(damaged)}"
        return fault(subject, said, "Look at the archive store; an older archive may be whole.")
    if len(whole) < len(chosen):
        said = f"{len(whole)} of {len(stored)} read whole; there was no time for more."
        return note(subject, said)
    return ok(subject, f"{len(whole)} of {len(stored)} read whole and compared with the manifest.")


async def _read_whole(kept: Archives, chosen: Sequence[Archive]) -> tuple[list[Archive], list[str]]:
    """Those that are as archived, and a line for each that is not."""
    whole: list[Archive] = []
    damaged: list[str] = []
    try:
        async with asyncio.timeout(SAMPLE_S):
            for archive in chosen:
                try:
                    await kept.check(archive.id)
                    whole.append(archive)
                except NotFound:
                    whole.append(archive)  # deleted meanwhile, which is nobody's fault
                except PlaceError as error:
                    if archive.id in [one.id for one in await kept.saved()]:
                        damaged.append(f"{archive.id}: {error.public}")
    except TimeoutError:
        pass
    return whole, damaged


def _room(settings: Settings) -> int:
    """Bytes free, after writing a file. Raises OSError."""
    with tempfile.TemporaryFile(dir=settings.data) as probe:
        probe.write(b"bellhop")
        probe.flush()
        os.fsync(probe.fileno())
    return shutil.disk_usage(settings.data).free


def _try_out(place: Place) -> None:
    """Put an object, read it, find it and delete it. Raises Place errors."""
    # Of a name that counts as an archive's run that died: the service tidies away what a crash
    # of ours would leave behind.
    key, data = f"check-{secrets.token_hex(6)}/probe", secrets.token_bytes(64)
    place.put(key, data)
    try:
        if place.get(key) != data or [each.key for each in place.list(key.split("/")[0])] != [key]:
            raise PlaceError(f"{key} came back altered", public="The archive store alters objects.")
    finally:
        place.delete([key])
