"""The third act of the tour: an archive is downloaded, and a machine's work moves to another GPU in
one step, at the same address."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.demo.checks import check, first_line
from bot.demo.hands import Hands, Seen
from bot.demo.stage import Stage
from bot.demo.tour_idle import IdleAct, difference, tree
from bot.demo.visitor import Visitor
from bot.domain.rentals import RentalId

MOVED_S = 120.0
GONE_S = 60.0


class MoveAct:
    """Stands on the machine that the second act leaves behind."""

    def __init__(self, stage: Stage, before: IdleAct) -> None:
        self._stage = stage
        self._before = before
        self._ada = Hands(stage.demo.env, stage.demo.world, stage.demo.world.people["ada"])

    async def download(self) -> str:
        """The whole archive by a private link, and what is in it held against the machine."""
        answer = await self._ada.command("archives download", archive=self._before.archive)
        link = str(answer.link)
        async with Visitor() as visitor:
            status, page = await visitor.look(link)
            check(status == 200 and "Download" in page, "a page with a button", page[:300])
            body = await visitor.fetch(link)
            again, _ = await visitor.look(link)
        check(again == 410, "a link that works once", str(again))
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(body))) as tar:
            names = {name.rstrip("/").removeprefix("./") for name in tar.getnames()}
        wanted = set(self._before.before)
        check(wanted <= names, "every file of the machine", str(sorted(wanted - names)[:5]))
        return f"{len(body):,} bytes, {len(names)} files, folders and links; the link works once"

    async def move(self) -> str:
        """Move, the menu, the quote, Move: and the same tree elsewhere, under the same address."""
        app, old_id = self._stage.app, self._before.rental
        await self._ada.command("keep", hours=1)  # an hour of idleness is some seconds here
        old = await app.store.rental(old_id)
        assert old is not None
        (self._workspace(int(old.contract or 0)) / "after the archive.txt").write_text("new work\n")
        card = await self._ada.see(
            lambda one: old_id in one.text and "More" in one.buttons, "a More button", GONE_S
        )
        menu = await self._ada.choose(await self._ada.press(card, "More"), "move")
        check(bool(menu.choices), "a menu of machines", menu.text)
        quote = await self._ada.choose(menu, menu.choices[-1])
        check("comes along" in quote.text, "what the move costs", quote.text)
        await self._ada.press(quote, "Move")
        (new,) = [one for one in await app.store.open_rentals() if one.moves_from == old_id]
        await self._ada.see(
            lambda one: new.id in one.text and "Open" in one.buttons, "the new machine", MOVED_S
        )
        await self._ada.command("keep", rental=new.id, hours=1)
        await self._ada.see(
            lambda one: old_id in one.text and "Seen gone" in one.text, "the old one's end", GONE_S
        )
        told = await self._compare(old_id, new.id)
        self._before.rental = new.id
        return f"“{_cost(quote)}”; {told}"

    async def _compare(self, old_id: RentalId, new_id: RentalId) -> str:
        app = self._stage.app
        rows = [await app.store.rental(one) for one in (old_id, new_id)]
        old, new = (row for row in rows if row is not None)
        after = tree(self._workspace(int(new.contract or 0)))
        before = dict(self._before.before)
        check("after the archive.txt" in after, "the work done since", str(sorted(after)[:9]))
        for name in ("after the archive.txt", "."):
            after.pop(name, None)
        check(after == before, "the same tree", difference(before, after))
        books = {one["id"]: one for one in await self._books()}
        gone, there = books[int(old.contract or 0)], books[int(new.contract or 0)]
        check(gone["destroyed_at"] is not None, "the old machine gone", str(gone))
        check(there["state"] == "running", "the new machine running", str(there))
        check(gone["destroyed_at"] > there["running_at"], "the old one's end later", str(gone))
        return (
            f"{len(after) + 1} entries the same on {new.offer.title}; {await self._enter(new.id)}"
        )

    async def _enter(self, rental_id: str) -> str:
        card = await self._ada.see(
            lambda one: rental_id in one.text and "Open" in one.buttons, "a ready card", GONE_S
        )
        answer = await self._ada.press(card, "Open")
        rental = await self._stage.app.store.rental(RentalId(rental_id))
        check(answer.link is not None, "a link", f"{answer.text}; {rental and rental.state}")
        link = str(answer.link)
        first = urlsplit(self._stage.app.links.address(self._before.first)).netloc
        check(urlsplit(link).netloc == first, f"the address {first}", link.partition("/-/")[0])
        async with Visitor() as visitor:
            await visitor.look(link)
            status, _ = await visitor.enter(link)
            names = await visitor.contents()
        check(status == 200 and "lesson.ipynb" in names, "the notebook", f"{status}: {names}")
        return f"opened at {first}, the address of the first machine"

    def _workspace(self, contract: int) -> Path:
        return self._stage.machines / str(contract) / "workspace"

    async def _books(self) -> list[dict[str, Any]]:
        url = f"{self._stage.sandbox.url}/sandbox/books"
        deadline = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=deadline) as session, session.get(url) as answer:
            return list((await answer.json())["instances"])


def _cost(quote: Seen) -> str:
    return next((line for line in quote.text.splitlines() if "comes along" in line), "")[:90] or (
        first_line(quote.text)
    )
