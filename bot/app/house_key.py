"""Bellhop's own SSH key, from where this installation keeps it.

With SQLite it is a file of the data folder. With PostgreSQL it is a row, sealed with the
installation's secret, so that every process has the same one; a file of an earlier time is taken
over the first time. A secret that is another than that of the other processes shows here.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Protocol

from bot.adapters.sealing.texts import TextSeal
from bot.adapters.ssh import keys
from bot.adapters.ssh.keys import SshKey
from bot.adapters.storage.engine import file_of, parsed
from bot.config import Settings
from bot.domain.rentals import Rental
from bot.errors import Config, Unreadable
from bot.ports.processes import HouseKeys

log = logging.getLogger(__name__)

NAME = "ssh"

_ELSEWHERE = (
    "has no SSH key, nor has the database, and machines are running that know one. It is in the "
    "data folder of the process that ran before: start with that one, once."
)
_PURPOSE = "ssh key"


class Books(HouseKeys, Protocol):
    """What is needed of the database."""

    async def readable_rentals(self) -> list[Rental]: ...


async def house_key(settings: Settings, store: Books, *, on_disk: bool = True) -> SshKey:
    """The key, made first where there is none.

    With `on_disk` it lies in the data folder as well, where OpenSSH finds it. Raises Config, Store.
    """
    folder = settings.data / "keys"
    if not several_may_run(settings):
        if keys.there(folder) or await store.house_key(NAME) is None:
            return await asyncio.to_thread(keys.load_or_create, folder)
        on_disk = True  # a backup of PostgreSQL was restored here
    if not on_disk:
        await _demand_known(store, folder)
        return await _kept(settings, store, folder)
    key = await _kept(settings, store, folder)
    return await asyncio.to_thread(_beside, folder, key)


async def known_key(settings: Settings, store: HouseKeys) -> SshKey | None:
    """The key as the database has it, if it does. Raises Config, Store."""
    sealed = await store.house_key(NAME)
    return _opened(settings, sealed) if sealed is not None else None


def several_may_run(settings: Settings) -> bool:
    """Whether this installation's database is one that several processes may share."""
    return file_of(parsed(settings.database_url)) is None


async def _demand_known(store: Books, folder: Path) -> None:
    """Raise Config where a new key would lock us out of machines that run."""
    if keys.there(folder) or await store.house_key(NAME) is not None:
        return
    if any(one.contract is not None for one in await store.readable_rentals()):
        raise Config("BELLHOP_DATA", _ELSEWHERE)


async def _kept(settings: Settings, store: HouseKeys, folder: Path) -> SshKey:
    seal = TextSeal(settings.secret, _PURPOSE)
    sealed = await store.house_key(NAME)
    if sealed is None:
        made = await asyncio.to_thread(_first, folder)
        sealed = await store.keep_house_key(NAME, seal.close(made.text(), about=NAME))
    return _opened(settings, sealed)


def _opened(settings: Settings, sealed: str) -> SshKey:
    try:
        return keys.read_text(TextSeal(settings.secret, _PURPOSE).open(sealed, about=NAME))
    except Unreadable as error:
        raise Config(
            "BELLHOP_SECRET",
            "is not the one this database was first used with. Every process needs the same; "
            f"without the setting it is in the file {settings.data / 'secret'} of the first.",
        ) from error


def _first(folder: Path) -> SshKey:
    return keys.load_or_create(folder) if keys.there(folder) else keys.generate()


def _beside(folder: Path, key: SshKey) -> SshKey:
    if keys.there(folder):
        found = keys.load_or_create(folder)
        if found.public_line() == key.public_line():
            return found
        log.warning("the SSH key of the data folder is not that of the database, which holds")
        return key
    return keys.write(folder, key)
