"""One rental's scene: the real program, a proxy, a Discord; a person; and deaths at will.

The sandbox is shared by many scenes, each an installation of its own with a database of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tests.e2e.between import Between
from tests.e2e.chat import Chat, Part, words
from tests.e2e.programs import control

START_S = 120.0
_LOOK_S = 0.05
_SMALL_PRINT = re.compile(r"^-# <@.*· ([a-z0-9]{6})$", re.MULTILINE)


class Scene:
    """Made by `scene`. The program is started, killed and started again as often as wanted."""

    def __init__(
        self, *, name: str, folder: Path, market: str, env: dict[str, str], chat: Chat
    ) -> None:
        self.name = name
        self.chat = chat
        self.market = market
        self.between = Between(market)
        self.folder = folder
        self.deaths = 0
        self.codes: list[int | None] = []  # how each that was started again had ended
        self.rental_id = ""
        self._env = env
        self._log = folder / "log.txt"
        self._process: asyncio.subprocess.Process | None = None

    # --- The program ---

    async def run(self) -> None:
        """Start `bellhop run`; returns at once."""
        assert self._process is None or self._process.returncode is not None
        if self._process is not None:
            self.codes.append(self._process.returncode)
        self.chat.gone()
        self._process = await self.beside()

    async def beside(self) -> asyncio.subprocess.Process:
        """One more of it, which nobody looks after."""
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.e2e.bellhop", "run"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._env, "VAST_URL": self.between.url},
            )

    def kill(self) -> None:
        """SIGKILL, now."""
        if self._process is not None and self._process.returncode is None:
            self.deaths += 1
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            self.chat.gone()

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def dead(self, within_s: float = 60) -> int:
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), within_s)

    async def stop(self) -> int:
        """SIGTERM, and the status it ends with."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await self.dead(15)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    # --- The person, who tries again when Discord says that the interaction failed ---

    async def rent(self, offer: str) -> str:
        """Ask for that offer, press Rent until it is taken; the rental's id."""
        quote = await self._insist(lambda: self.chat.command("rent", disk=10, offer=offer))
        known = set(self.shown())
        await self._insist(lambda: self.chat.press(quote, "bellhop:rent:"))
        await self.sees(lambda: set(self.shown()) > known, 200, "a new card")
        (self.rental_id,) = set(self.shown()) - known
        return self.rental_id

    async def end(self, rental_id: str | None = None) -> None:
        """Destroy it, answering the question; one that has ended already is no error."""
        named = rental_id or self.rental_id
        asked = await self._insist(lambda: self.chat.command("destroy", rental=named))
        if "bellhop:destroy!:" in str(asked):  # else it is ending already
            await self._insist(lambda: self.chat.press(asked, "bellhop:destroy!:"))

    async def _insist(self, act: Callable[[], object]) -> list[Part]:
        """Do it; when the program dies under it, start that again and do it once more."""
        for _ in range(12):
            if not self.alive:
                await self.run()
            try:
                await self._connected()
                return await self._unless_dead(act)
            except TimeoutError:
                if self.alive:
                    raise AssertionError(f"{self.name}: no answer") from None
        raise AssertionError(f"{self.name}: it died at every try")

    async def _connected(self) -> None:
        await self._unless_dead(lambda: self.chat.online(START_S))

    async def _unless_dead(self, act: Callable[[], object]) -> list[Part]:
        doing = asyncio.ensure_future(act())  # type: ignore[arg-type]
        died = asyncio.ensure_future(self.dead(600))
        await asyncio.wait({doing, died}, return_when=asyncio.FIRST_COMPLETED)
        for task in (doing, died):
            if not task.done():
                task.cancel()
        await asyncio.gather(doing, died, return_exceptions=True)
        if doing.cancelled():
            raise TimeoutError("it died")
        found: list[Part] = doing.result()
        return found

    # --- What is to be seen ---

    def shown(self) -> dict[str, str]:
        """The text of each rental's card: its last line ends with the rental's id."""
        texts = (words(one["components"]) for one in self.chat.messages.values())
        return {found[1]: one for one in texts if (found := _SMALL_PRINT.search(one))}

    def told(self) -> list[str]:
        """The text of every message that is no card."""
        texts = [words(one["components"]) for one in self.chat.messages.values()]
        return [one for one in texts if not _SMALL_PRINT.search(one)]

    @property
    def card(self) -> str:
        """The text of the rental's one card; empty while there is none."""
        cards = self.chat.cards(self.rental_id)
        assert len(cards) <= 1, f"{self.name}: {len(cards)} cards"
        return words(cards[0]["components"]) if cards else ""

    async def shows(self, text: str, within_s: float) -> None:
        """Wait until the card says so, starting the program anew whenever it has died."""
        await self.sees(lambda: text in self.card, within_s, f"a card that says {text!r}")

    async def sees(self, true: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait until it is so, starting the program anew whenever it has died."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not true():
            if not self.alive:
                await self.run()
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(
                    f"{self.name} never saw {what}, but:\n" + "\n".join(self.shown().values())
                )
            await asyncio.sleep(_LOOK_S)

    async def machines(self) -> list[Part]:
        """Every machine that was ever rented for this installation, as the market's books say."""
        books = await control(self.market, "/sandbox/books")
        mine = self._env["BELLHOP_INSTALLATION"] + "/"
        return [one for one in books["instances"] if str(one["label"]).startswith(mine)]


@contextlib.asynccontextmanager
async def scene(
    name: str,
    folder: Path,
    market: str,
    *,
    database: str | None = None,
    doubt_s: float | None = 4.0,
    **env: str,
) -> AsyncIterator[Scene]:
    os.makedirs(folder, exist_ok=True)
    chat = Chat()
    await chat.start()
    settings = {
        "TEST_DISCORD": chat.url,
        "DISCORD_TOKEN": "token",
        "VAST_API_KEY": "sandbox",
        "BELLHOP_DATA": str(folder / "data"),
        "BELLHOP_INSTALLATION": re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[-32:].strip("-"),
        "BELLHOP_RELAY_LISTEN": "127.0.0.1:0",
        "BELLHOP_RELAY_URL": "http://{rental}.localhost:8642",
        "BELLHOP_POLL_S": "1",
        "BELLHOP_WATCH_S": "5",
        **({"DATABASE_URL": database} if database else {}),
        **({"TEST_DOUBT_S": str(doubt_s)} if doubt_s else {}),
        **env,
    }
    set_up = Scene(name=name, folder=folder, market=market, env=settings, chat=chat)
    await set_up.between.start()
    try:
        yield set_up
    finally:
        set_up.kill()
        if set_up._process is not None:
            await set_up.dead()
        await set_up.between.close()
        await chat.close()
