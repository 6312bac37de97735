"""`bellhop check`: every setting and every dependency, looked at beside whatever runs.

Nothing is changed but that the data folder and the secret are made where there are none, and that
an object is put into the archive store and taken out again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bot.config import NAMES, Settings, survey
from bot.secret_files import FILED, SUFFIX
from bot.verbs import check_house, check_outside
from bot.verbs.lines import Level, Line, fault, looked, note, ok, table

NEED = ("DISCORD_TOKEN", "VAST_API_KEY")

Look = Callable[[Settings], Awaitable[Sequence[Line]]]

_SECRET = frozenset({"DISCORD_TOKEN", "VAST_API_KEY", "BELLHOP_SECRET", "DISCORD_CLIENT_SECRET"})


async def check(env: Mapping[str, str]) -> tuple[list[str], bool]:
    """The table, and whether the service can run."""
    settings, faults = survey(env, need=NEED)
    wrong = {one.name: one.public.removeprefix(f"{one.name}: ") for one in faults}
    filed = [name + SUFFIX for name in FILED if name + SUFFIX in wrong or env.get(name + SUFFIX)]
    lines = [_setting(name, env, wrong) for name in (*NAMES, *filed)]
    if settings is None:
        lines.append(note("everything else", "Not looked at before the settings above are right."))
    else:
        lines += await _dependencies(settings, wrong)
    secrets = settings.secrets if settings is not None else ()
    given = tuple(env[name] for name in _SECRET if env.get(name))
    good = all(line.level is not Level.FAULT for line in lines)
    return table(lines, secrets=(*secrets, *given)), good


async def _dependencies(settings: Settings, wrong: Mapping[str, str]) -> list[Line]:
    """All at once; those whose setting is wrong are left out, for that has been said."""
    looks: list[tuple[str, Look, float, str]] = [
        ("data folder", check_house.folder, 10.0, ""),
        ("SSH key", check_house.ssh_key, 10.0, ""),
        ("time zones", check_house.time_zones, 10.0, ""),
        ("database", check_house.database, 40.0, "DATABASE_URL"),
        ("archive store", check_house.archives, 150.0, "BELLHOP_ARCHIVE_URL"),
        ("Vast", check_outside.vast, 60.0, "VAST_API_KEY"),
        ("Discord", check_outside.chat, 30.0, "DISCORD_TOKEN"),
        ("relay", check_outside.relay, 15.0, "BELLHOP_RELAY_LISTEN"),
        ("relay name", check_outside.name, 15.0, "BELLHOP_RELAY_URL"),
    ]
    found = await asyncio.gather(
        *(
            looked(subject, look(settings), within_s=within_s)
            for subject, look, within_s, setting in looks
            if setting not in wrong
        )
    )
    return [line for lines in found for line in lines]


def _setting(name: str, env: Mapping[str, str], wrong: Mapping[str, str]) -> Line:
    if name in wrong:
        return fault(name, wrong[name])
    value = env.get(name, "").strip()
    if not value and env.get(name + SUFFIX):
        return ok(name, f"Is read from the file that {name + SUFFIX} names.")
    if not value:
        return ok(name, "Not set; the default holds.")
    return ok(name, "Is set." if name in _SECRET else _harmless(value))


def _harmless(value: str) -> str:
    """A setting without what may be a password in it."""
    scheme, sign, rest = value.partition("://")
    # By the last @, whatever stands before it: a slash in a password ends the host for `urlsplit`.
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}" if sign else value
