"""`bellhop check`: whole programs beside a real sandbox, and single looks."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web

from bot.adapters.storage.lease import hold_lease
from bot.adapters.storage.migrate import migrate
from bot.adapters.storage.store import open_store
from bot.app import open_app
from bot.config import Settings, read, survey
from bot.tasks import aside
from bot.verbs import check_house, check_outside
from bot.verbs.check import check
from bot.verbs.lines import Level, fault, looked, ok, table
from tests.builders import SetClock
from tests.e2e.programs import control, sandbox
from tests.verbs.discord_api import SERVER, TOKEN, discord_api

ROOT = Path(__file__).parents[2]
SECRET = ("BELLHOP_SECRET", "DISCORD_CLIENT_SECRET", "DISCORD_TOKEN", "VAST_API_KEY")

# The program itself, with Discord's address turned to a server of the test.
PROGRAM = """
import sys
from discord.http import Route
Route.BASE = sys.argv[1]
from bot.__main__ import main
sys.exit(main(sys.argv[2:]))
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    error: str

    def line(self, subject: str) -> str:
        """What is said about that, from its level on."""
        rows = [row for row in self.out.splitlines() if row[7:].startswith(subject)]
        assert rows, self.out
        return " ".join(rows[0].split())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _check(folder: Path, discord: str, **env: str) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, discord, "check"),
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), error.decode())


@pytest.mark.e2e
async def test_a_good_installation_ends_with_0(tmp_path: Path) -> None:
    """Each setting and dependency has its line; no secret is in any of them."""
    async with sandbox(tmp_path / "town", "--no-machines") as town, discord_api() as discord:
        ran = await _check(
            tmp_path,
            discord,
            VAST_URL=town,
            VAST_API_KEY="sandbox",
            DISCORD_TOKEN=TOKEN,
            DISCORD_GUILD_ID=str(SERVER),
            BELLHOP_SECRET="a-secret-of-ours",
            BELLHOP_RELAY_LISTEN=f"127.0.0.1:{free_port()}",
        )

    assert ran.code == 0, ran.out + ran.error
    assert ran.line("VAST_API_KEY") == "ok VAST_API_KEY Is set."
    assert ran.line("Vast key") == ("ok Vast key Good; machines, offers and charges can be read.")
    assert ran.line("Vast credit").startswith("ok Vast credit The account has $")
    assert "it is Bellhop's. No privileged intent" in ran.line("Discord token")
    assert "permissions=" in ran.line("Discord invite")
    assert "Switch Public Bot off" in ran.line("Discord bot")
    assert "In Team, with every permission" in ran.line("Discord server")
    assert ran.line("archive store") == "ok archive store Written, read and cleaned up."
    assert list((tmp_path / "data" / "archives").iterdir()) == []
    assert not (tmp_path / "data" / "bellhop.db").exists()
    for secret in (TOKEN, "a-secret-of-ours"):
        assert secret not in ran.out + ran.error


@pytest.mark.e2e
async def test_a_bad_installation_ends_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    """Every fault at once, each on its line."""
    async with sandbox(tmp_path / "town", "--no-machines") as town, discord_api() as discord:
        await control(town, "/sandbox/faults", {"fault": "bad_key", "times": None})
        ran = await _check(
            tmp_path,
            discord,
            VAST_URL=town,
            VAST_API_KEY="revoked-key",
            DISCORD_TOKEN="bad.discord.token",
            DATABASE_URL="postgresql://u:hunter22@127.0.0.1:9/none",
            BELLHOP_ARCHIVE_URL="file:///proc/none",
            BELLHOP_RELAY_URL="https://gpu.example.org",
            BELLHOP_POLL_S="never",
        )

    assert ran.code == 1
    assert "must begin with {rental}." in ran.line("BELLHOP_RELAY_URL")
    assert ran.line("BELLHOP_POLL_S").startswith("fault BELLHOP_POLL_S must be seconds")
    assert "wrong or was revoked" in ran.line("Vast key")
    assert ran.line("Discord").startswith("fault Discord DISCORD_TOKEN: is refused")
    assert "See that its server runs" in ran.line("database")
    assert ran.line("archive store").startswith("fault")
    assert "cannot run before each fault" in ran.error
    for secret in ("hunter22", "revoked-key", "bad.discord"):
        assert secret not in ran.out + ran.error


@pytest.mark.e2e
async def test_a_check_beside_a_running_service_disturbs_nothing(tmp_path: Path) -> None:
    """Its lease, its port and its database are seen for what they are."""
    data, port = tmp_path / "data", free_port()
    async with sandbox(tmp_path / "town", "--no-machines") as town, discord_api() as discord:
        env = {
            "VAST_URL": town,
            "VAST_API_KEY": "sandbox",
            "BELLHOP_DATA": str(data),
            "BELLHOP_RELAY_LISTEN": f"127.0.0.1:{port}",
        }
        async with open_app(read(env)):
            ran = await _check(tmp_path, discord, **env, DISCORD_TOKEN=TOKEN)

    assert ran.code == 0, ran.out + ran.error
    assert ran.line("service") == "ok service One is running on this database."
    assert ran.line("relay") == f"ok relay 127.0.0.1:{port} is answered by a running Bellhop."
    assert "at the newest schema" in ran.line("database")


async def test_a_folder_that_cannot_be_used_leaves_the_rest_unlooked(tmp_path: Path) -> None:
    """The other settings are read all the same."""
    (tmp_path / "file").write_text("")
    env = {"BELLHOP_DATA": str(tmp_path / "file" / "data"), "BELLHOP_LOG": "xml"}

    lines, good = await check(env)

    said = "\n".join(lines)
    assert not good
    assert "BELLHOP_DATA" in said
    assert "must be text or json" in said
    assert "Not looked at before the settings above are right." in said


async def test_a_secret_is_said_by_no_check(tmp_path: Path) -> None:
    """Not even where a wrong setting keeps the others from being read."""
    (tmp_path / "file").write_text("")
    secrets = {name: f"{name.lower()}-s3cret" for name in SECRET}
    env = {"DISCORD_CLIENT_ID": "123456789012345678", **secrets}

    lines, good = await check({"BELLHOP_DATA": str(tmp_path / "file" / "data"), **env})

    assert not good
    assert "s3cret" not in "\n".join(lines)
    assert sum(line.endswith("Is set.") for line in lines) == len(SECRET)


def test_a_survey_names_every_wrong_setting(tmp_path: Path) -> None:
    """And stands the defaults in, so that the rest can be looked at."""
    settings, faults = survey(
        {
            "BELLHOP_DATA": str(tmp_path),
            "BELLHOP_WATCH_S": "0",
            "BELLHOP_INSTALLATION": "No Name",
            "VAST_URL": "console",
        },
        need=("VAST_API_KEY",),
    )

    assert settings is not None
    assert settings.watch_s == 60
    assert {one.name for one in faults} == {
        *("VAST_API_KEY", "BELLHOP_WATCH_S", "BELLHOP_INSTALLATION", "VAST_URL")
    }


async def test_the_database_says_which_schema_and_who_uses_it(
    bare_url: str, tmp_path: Path
) -> None:
    """Empty, then migrated, then in use; on both kinds."""
    settings = replace(read({"BELLHOP_DATA": str(tmp_path)}), database_url=bare_url)

    before = [line.said for line in await check_house.database(settings)]
    await migrate(bare_url)
    async with open_store(bare_url, clock=SetClock()) as store:
        await store.change_policy({"idle": "1"}, by=None)
    free = await check_house.database(settings)
    async with hold_lease(bare_url):
        held = await check_house.database(settings)

    assert "not there yet" in before[0] or "brings it from nothing to" in before[0]
    assert [line.subject for line in free] == ["database", "service", "policy"]
    assert "None is running" in free[1].said
    assert (free[2].level, free[2].said) == (
        Level.NOTE,
        "idle must be between 30 min and 4 h",
    )
    assert "One is running" in held[1].said


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, {"success": False, "error": "auth_error", "msg": "Invalid user key"}, "revoked"),
        (401, {"success": False, "msg": "Two Factor login is required"}, "second factor"),
        (403, {"success": False, "msg": "Not allowed"}, "lack a right"),
    ],
)
async def test_a_bad_key_a_missing_right_and_a_second_factor_are_told_apart(
    status: int, body: dict[str, object], said: str, tmp_path: Path
) -> None:
    """Each has another remedy (reference vast-api, 1.7)."""

    async def refuse(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    async with _vast(refuse) as url:
        (line,) = await check_outside.vast(_at(url, tmp_path))

    assert line.level is Level.FAULT
    assert said in line.todo


async def test_a_right_that_is_missing_is_named(tmp_path: Path) -> None:
    """The account may be read, the machines not."""

    async def some(request: web.Request) -> web.Response:
        if request.path.endswith("/users/current"):
            return web.json_response({"credit": 12.5, "email": "a@b.c"})
        if "bundles" in request.path:
            return web.json_response({"offers": []})
        return web.json_response({"success": False, "msg": "Not allowed"}, status=403)

    async with _vast(some) as url:
        key, credit = await check_outside.vast(_at(url, tmp_path))

    assert key.said == "It may not list machines nor read charges."
    assert "instance_read, billing_read" in key.todo
    assert credit.said == "The account has $12.50."


async def test_a_port_that_others_use_is_a_fault(tmp_path: Path) -> None:
    """Whatever answers there is not ours."""

    async def other(_: web.Request) -> web.Response:
        return web.json_response({"hello": True})

    async with _vast(other) as url:
        (line,) = await check_outside.relay(
            read(
                {
                    "BELLHOP_DATA": str(tmp_path),
                    "BELLHOP_RELAY_LISTEN": url.removeprefix("http://"),
                }
            )
        )

    assert line.level is Level.FAULT
    assert "Address already in use" in line.said


async def test_a_name_that_leads_nowhere_asks_for_a_wildcard(tmp_path: Path) -> None:
    """The record is written out."""
    (line,) = await check_outside.name(
        read({"BELLHOP_DATA": str(tmp_path), "BELLHOP_RELAY_URL": "https://{rental}.gpu.invalid"})
    )

    assert line.level is Level.FAULT
    assert "*.gpu.invalid" in line.todo


async def test_a_look_that_hangs_ends_in_a_fault() -> None:
    """Neither a slow answer nor a blocked thread holds the others up."""
    blocked = asyncio.Event()

    async def hang() -> list[object]:
        await blocked.wait()
        return []

    (line,) = await looked("slow", hang(), within_s=0.05)  # type: ignore[arg-type]

    assert (line.subject, line.level) == ("slow", Level.FAULT)
    assert await aside(lambda: 6 * 7) == 42
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0)


def test_the_table_hides_what_is_secret() -> None:
    """Even where an answer repeats it."""
    printed = table(
        [ok("a", "fine"), fault("long one", "key s3cret is bad", "Ask.")], secrets=("s3cret",)
    )

    assert printed[0] == "ok     a         fine"
    assert "s3cret" not in printed[1]
    assert printed[1].startswith("fault  long one  key ")


@asynccontextmanager
async def _vast(answer: web.RequestHandler | object) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def _at(url: str, data: Path) -> Settings:
    return read({"BELLHOP_DATA": str(data), "VAST_URL": url, "VAST_API_KEY": "some-key"})
