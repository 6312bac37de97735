"""An act of the tour: a second person is let into Ada's notebook and let go of again, and a program
on another port of the machine opens at an address of its own."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

from bot.demo.checks import check, first_line
from bot.demo.hands import Hands, Seen
from bot.demo.stage import Stage
from bot.demo.visitor import Visitor

TOLD_S = 30.0
LISTENS_S = 20.0
_SHARED = "is shared with you"
_ENDED = "is no longer shared"


class ShareAct:
    """Stands on the one machine that Ada has, which is ready."""

    def __init__(self, stage: Stage) -> None:
        people = stage.demo.world.people
        env, world = stage.demo.env, stage.demo.world
        self._linus_member = people["linus"].member
        self._ada = Hands(env, world, people["ada"])
        self._linus = Hands(env, world, people["linus"])
        self._inbox = Hands(env, world, people["linus"], inbox=True)
        self._store = stage.app.store

    async def share(self) -> str:
        """Linus gets a letter, enters by its button, works, and is let go of at once."""
        rental_id = (await self._store.open_rentals())[0].id
        given = await self._ada.command(
            "share", rental=rental_id, member=self._linus_member, hours=2
        )
        check("may work in its notebook" in given.text, "what was shared", given.text)
        letter = await self._inbox.see(lambda one: _SHARED in one.text, "a letter", TOLD_S)
        answer = await self._inbox.press(letter, "Open")
        async with Visitor() as linus:
            status, page = await linus.enter(str(answer.link))
            check(status == 200 and "jupyter" in page.lower(), "JupyterLab", f"{status}")
            printed = await linus.run_cell("print('hello from', 2)")
            check(printed.strip() == "hello from 2", "his cell's output", printed)
            listed = await self._ada.command("status")
            check("Shared with" in listed.text, "the share in /status", listed.text)
            await self._ada.press(given, "Take it back")
            status, page = await linus.look(f"{linus.origin}/lab")
            check(status == 403, "a refusal at once", f"{status}: {page[:200]}")
        await self._inbox.see(lambda one: _ENDED in one.text, "a letter that it is over", TOLD_S)
        refused = await self._linus.command("open", rental=rental_id)
        check(refused.link is None, "no link for Linus any more", refused.text)
        return f"“{first_line(letter.text)}”; after /unshare his open tab gets {status}"

    async def open_port(self) -> str:
        """A web program of Ada's own, at an address of its own."""
        port = _free_port()
        async with Visitor() as ada:
            await ada.enter(str((await self._ada.command("open")).link))
            await ada.run_cell(
                "import pathlib, subprocess, sys\n"
                "pathlib.Path('page').mkdir(exist_ok=True)\n"
                "pathlib.Path('page/index.html').write_text('a program of my own')\n"
                "subprocess.Popen([sys.executable, '-m', 'http.server', '--bind', '127.0.0.1',"
                f" '--directory', 'page', '{port}'])"
            )
        opened: Seen = await self._ada.command("open", port=port)
        link = str(opened.link)
        check(f"-{port}." in link, "an address of its own", link)
        async with Visitor() as ada:
            await ada.enter(link)
            page = await self._shown(ada)
            check("a program of my own" in page, "the program's page", page[:200])
        async with Visitor() as stranger:
            status, _ = await stranger.look("/".join(link.split("/")[:3]))
        check(status == 403, "a refusal for others", str(status))
        return f"{urlsplit(link).netloc} shows it, to Ada alone"

    async def _shown(self, visitor: Visitor) -> str:
        """The page, once the program listens; until then ours says that it does not."""
        async with asyncio.timeout(LISTENS_S):
            while True:
                status, page = await visitor.look(visitor.origin + "/")
                if status == 200:
                    return page
                check("Nothing answers on port" in page, "the page that waits", page[:300])
                await asyncio.sleep(0.2)


def _free_port() -> int:
    """The sandbox's machines share this computer's ports."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
