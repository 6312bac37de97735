"""The story of the documents' pictures, from adding the bot to the week's report.

Everything is done by the words that people read, so that cards may change their shape.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

from playwright.async_api import Page

from bot.demo.hands import Seen
from bot.demo.stage import Stage
from bot.domain.idle_policy import Policy
from tests.pictures import notebook
from tests.pictures.people import Team, act, see
from tests.pictures.windows import DESK, PHONE, Windows

GPU = "RTX 3090"
NEXT_GPU = "RTX 4090"
NAME = "lesson 1"
IMAGE = "fastai"  # with the course's notebooks, and with nothing that only the internet has
ALLOWED, PLANNED = "2", 24
"""Dollars a month for Linus, and hours that cost more."""

WATCH_S = 1.0
POLICY = Policy(
    idle=timedelta(seconds=70),
    idle_waiting=timedelta(seconds=75),
    answer=timedelta(seconds=50),
    grace=timedelta(seconds=65),
    results=timedelta(seconds=60),
    calm=timedelta(seconds=5),
    bounds=False,
)
"""An hour of production is about a minute here: long enough to be told in minutes."""

GREETING_S = 10.0


class Story:
    """Each act leaves what the next ones need."""

    def __init__(self, stage: Stage, windows: Windows) -> None:
        self._stage = stage
        self._windows = windows
        self._team = Team(stage)
        self._rental = ""

    async def play(self) -> None:
        await self.add_the_bot()
        await self.rent()
        await self.work()
        await self.look_around()
        await asyncio.gather(self.ask_for_budget(), self.be_asked())  # neither waits for the other
        await self.forget()
        await self.restore()
        await self.report()

    async def add_the_bot(self) -> None:
        """Grace, who added it, is greeted; everybody finds out what there is."""
        client, team = self._stage.app.client, self._team
        client.dispatch("guild_join", client.guilds[0])
        greeting = await self._greeting()
        if greeting is not None:
            await self._windows.take("welcome", greeting, who="grace", place="dm")
        else:
            settings = await team.grace.command("settings")
            await self._windows.take("welcome", settings, who="grace")
        await self._windows.take("help", await team.ada.command("help"))

    async def rent(self) -> None:
        """Offers, a quote, and a card that follows the machine."""
        ada = self._team.ada
        await self._windows.take("offers", await ada.command("offers", gpu=GPU))
        quote = await ada.command("rent", gpu=GPU, hours=4, name=NAME, image=IMAGE)
        await self._windows.take("quote", quote)
        await act(ada, quote, "Rent")
        await self._windows.take("starting", await see(ada, NAME, "Loading|Connecting|Jupyter"))
        card = await see(ada, NAME, r"\bOpen\b", r"\bready\b")
        await self._windows.take("ready", card)
        (rental,) = await self._stage.app.store.open_rentals()
        self._rental = rental.id

    async def work(self) -> None:
        """The link that works once, and a notebook."""
        phone = await (await self._windows.context(PHONE)).new_page()
        await phone.goto(await self._link())
        await self._windows.keep(phone, "ticket-phone")
        await phone.close()
        lab = await self._lab("ticket")
        await notebook.work(lab)
        await self._windows.keep(lab, "notebook")
        await lab.context.close()

    async def look_around(self) -> None:
        """What the channel and she herself see of it."""
        await self._windows.take("status", await self._team.ada.command("status"))
        await self._team.grace.command("board")
        board = await see(
            self._team.grace, "Follows by itself", but=lambda one: NAME not in one.text
        )
        await self._windows.take("board", board, who="grace")

    async def ask_for_budget(self) -> None:
        """Linus wants more than he may spend; Grace says yes with one tap."""
        team = self._team
        linus = team.people["linus"].user
        await team.grace.command("budget set", dollars=ALLOWED, member=linus)
        quote = await team.linus.command("rent", gpu=GPU, hours=PLANNED)
        refused = await act(team.linus, quote, "Rent")
        await self._windows.take("refused", refused, who="linus")
        await act(team.linus, refused, "Ask a lead.*")
        request = await see(team.grace, "asks for", "Approve")
        await self._windows.take("request", request, who="grace")
        await act(team.grace, request, "Approve")

    async def be_asked(self) -> None:
        """Ada has left her machine alone for a while."""
        inbox, standing = self._team.inbox("ada"), False
        while not standing:  # on a busy computer one may be withdrawn before its picture
            question = await see(inbox, NAME, "still needed", "Keep")
            await self._windows.take("question", question, place="dm")
            now = next(one.text for one in inbox.messages() if one.id == question.id)
            standing = "still needed" in now

    async def forget(self) -> None:
        """Nobody comes back: archived, proven, ended."""
        ada = self._team.ada
        ended = await see(ada, NAME, "Seen gone")
        await self._windows.take("ended", ended)
        await self._windows.take("archives", await ada.command("archives list"))

    async def restore(self) -> None:
        """The same work on another machine: its notebook is there, with what it had printed."""
        ada = self._team.ada
        archive = await self._archive()
        quote = await ada.command("archives restore", archive=archive, gpu=NEXT_GPU, image=IMAGE)
        await self._windows.take("restore", quote)
        known = {one.id for one in ada.messages()}
        await act(ada, quote, "Rent")
        await see(ada, r"\bOpen\b", r"\bready\b", but=lambda one: one.id in known)
        (rental,) = await self._stage.app.store.open_rentals()
        self._rental = rental.id
        lab = await self._lab()
        await notebook.find_again(lab, _origin(lab))
        await lab.context.close()

    async def report(self) -> None:
        """What it all cost, for Ada and for Grace."""
        receipt = await see(self._team.inbox("ada"), NAME, "receipt")
        await self._windows.take("receipt", receipt, place="dm")
        await self._windows.take("spend", await self._team.ada.command("spend"))
        team = await self._team.grace.command("spend", team=True)
        week = await act(self._team.grace, team, ".*week's report.*")
        await self._windows.take("week", week, who="grace")

    async def _greeting(self) -> Seen | None:
        try:
            return await see(self._team.inbox("grace"), "Bellhop", within_s=GREETING_S)
        except AssertionError:
            return None

    async def _lab(self, picture: str = "") -> Page:
        """JupyterLab in a window of its own, by a link from /open."""
        window = await (await self._windows.context(DESK)).new_page()
        await window.goto(await self._link())
        if picture:
            await self._windows.keep(window, picture)
        await notebook.enter(window)
        return window

    async def _link(self) -> str:
        answer = await self._team.ada.command("open", rental=self._rental)
        assert answer.link is not None, answer.text
        return answer.link

    async def _archive(self) -> str:
        rental = await self._stage.app.store.rental(self._rental)
        assert rental is not None
        assert rental.archive_id is not None
        return rental.archive_id


def _origin(window: Page) -> str:
    parts = urlsplit(window.url)
    return f"{parts.scheme}://{parts.netloc}"
