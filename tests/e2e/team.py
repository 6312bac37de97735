"""One installation as several processes on PostgreSQL: two of each role, killed and started anew.

As a container runtime does, whoever died is started again after a moment. Each process has a data
folder of its own: what they share is the database, the place of archives and the secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from tests.e2e.chat import Chat, Part, walk
from tests.e2e.scene import START_S, Scene
from tests.relay.conftest import PAGE, free_port

HELD = {"bot": "the session in the chat is ours", "worker": "the work is ours"}
"""What a process logs when its turn has come."""


@dataclass
class Member:
    """One process of the team, over all its lives."""

    name: str
    role: str
    env: dict[str, str]
    folder: Path
    port: int
    lives: int = 0
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def log(self) -> str:
        """What it said in this life."""
        file = self.folder / f"{self.name}.{self.lives}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    async def start(self, *words: str) -> None:
        self.lives += 1
        with (self.folder / f"{self.name}.{self.lives}.log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.e2e.bellhop", "run", "--role", self.role, *words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.env},
            )

    def send(self, number: signal.Signals) -> None:
        if self.process is not None and self.alive:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def ended(self, within_s: float = 60) -> int:
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), within_s)


class Team(Scene):
    """A scene whose program is several processes; made by `team`."""

    members: dict[str, Member]
    tending = True

    async def run(self) -> None:
        """Start all of them that do not run; returns at once."""
        for member in self.members.values():
            if not member.alive:
                await member.start()

    @property
    def alive(self) -> bool:
        return True  # some of it always is, or soon

    async def tend(self) -> None:
        """Start anew whoever died, for ever."""
        while True:
            await asyncio.sleep(0.5)
            if self.tending:
                await self.run()

    def of(self, role: str) -> list[Member]:
        return [one for one in self.members.values() if one.role == role]

    def holder(self, role: str) -> Member | None:
        """Whose turn it is, of a role that one at a time has."""
        held = [one for one in self.of(role) if one.alive and HELD[role] in one.log()]
        return held[0] if held else None

    async def take_over(self, role: str) -> float:
        """Kill whoever's turn it is; seconds until another's has come."""
        await self.sees(lambda: self.holder(role) is not None, START_S, f"a {role} at work")
        gone = self.holder(role)
        assert gone is not None
        if role == "bot":
            await self.chat.online(START_S)
        gone.send(signal.SIGKILL)
        began = time.monotonic()
        await gone.ended()
        if role == "bot":
            self.chat.gone()
        await self.sees(lambda: self.holder(role) is not None, START_S, f"another {role} at work")
        if role == "bot":
            await self.chat.online(START_S)
        return time.monotonic() - began

    async def _insist(self, act: Callable[[], Awaitable[list[Part]]]) -> list[Part]:  # type: ignore[override]
        """Do it, again when whoever was to answer is killed meanwhile."""
        for _ in range(12):
            with contextlib.suppress(TimeoutError):
                await self.chat.online(START_S)
                return await act()
        raise AssertionError(f"{self.name}: no answer")

    # --- The browser ---

    async def enter(self, rental_id: str, relay: Member) -> dict[str, str]:
        """Come in by a ticket at one relay; the headers of whoever is in, for any of them."""
        answer = await self._insist(lambda: self.chat.command("open", rental=rental_id))
        url = urlsplit(next(str(one["url"]) for one in walk(answer) if one.get("url")))
        host = {"Host": url.netloc}
        async with (
            aiohttp.ClientSession() as browser,
            browser.post(
                f"http://127.0.0.1:{relay.port}{url.path}",
                headers={**PAGE, **host},
                allow_redirects=False,
            ) as spent,
        ):
            assert spent.status == 303, await spent.text()
            cookie = spent.headers["Set-Cookie"].partition(";")[0]
        return {**host, "Cookie": cookie}

    async def ask(self, relay: Member, path: str, headers: dict[str, str]) -> int:
        """The status that one relay answers with; 0 where it does not."""
        timeout = aiohttp.ClientTimeout(total=20)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as browser,
                browser.get(
                    f"http://127.0.0.1:{relay.port}{path}", headers=headers, allow_redirects=False
                ) as answer,
            ):
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def answers(
        self, relay: Member, path: str, headers: dict[str, str], status: int, within_s: float
    ) -> None:
        """Wait until that relay answers so."""
        until = time.monotonic() + within_s
        while (got := await self.ask(relay, path, headers)) != status:
            if time.monotonic() > until:
                raise AssertionError(f"{relay.name} answers {got}, not {status}:\n{relay.log()}")
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def team(
    name: str,
    folder: Path,
    market: str,
    database: str,
    *,
    doubt_s: float = 4.0,
    each: int = 2,
    **env: str,
) -> AsyncIterator[Team]:
    chat = Chat()
    await chat.start()
    shared = {
        "TEST_DISCORD": chat.url,
        "TEST_DOUBT_S": str(doubt_s),
        "DATABASE_URL": database.replace("+asyncpg", ""),
        "BELLHOP_ARCHIVE_URL": f"file://{folder / 'archives'}",
        "BELLHOP_INSTALLATION": name,
        "BELLHOP_SECRET": "the same for all",
        "BELLHOP_RELAY_URL": "http://{rental}.localhost:8642",
        "BELLHOP_POLL_S": "1",
        "BELLHOP_WATCH_S": "5",
        **env,
    }
    (folder / "archives").mkdir(parents=True)
    set_up = Team(name=name, folder=folder, market=market, env=shared, chat=chat)
    await set_up.between.start()
    needs = {"bot": ("DISCORD_TOKEN", "VAST_API_KEY"), "worker": ("VAST_API_KEY",), "relay": ()}
    keys = {"DISCORD_TOKEN": "token", "VAST_API_KEY": "sandbox"}
    set_up.members = {}
    for role, needed in needs.items():
        for number in range(1, each + 1):
            port = free_port()
            member = f"{role}{number}"
            own = {
                "VAST_URL": set_up.between.url,
                "BELLHOP_DATA": str(folder / member),
                "BELLHOP_RELAY_LISTEN": f"127.0.0.1:{port}",
                **{key: keys[key] for key in needed},
            }
            set_up.members[member] = Member(member, role, {**shared, **own}, folder, port)
    tending = asyncio.ensure_future(set_up.tend())
    try:
        yield set_up
    finally:
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        for one in set_up.members.values():
            one.send(signal.SIGKILL)
        for one in set_up.members.values():
            if one.process is not None:
                await one.ended()
        await set_up.between.close()
        await chat.close()
