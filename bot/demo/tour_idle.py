"""The second act of the tour: a forgotten machine is noticed, asked about, archived, ended, and its
work is put onto another one. Played with times set short."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path

from bot.demo.checks import check, first_line
from bot.demo.hands import Hands, Seen
from bot.demo.stage import Stage
from bot.demo.visitor import Visitor
from bot.domain.idle_policy import Policy
from bot.domain.rentals import RentalId

READY_S = 90.0
ASKED_S = 60.0
GONE_S = 90.0

SHORT = Policy(
    idle=timedelta(seconds=6),
    idle_waiting=timedelta(seconds=8),
    answer=timedelta(seconds=5),
    grace=timedelta(seconds=6),
    results=timedelta(seconds=5),
    calm=timedelta(seconds=2),
    bounds=False,
)
"""An hour of production is some seconds here."""

OURS = "bellhop-setup-failed.txt"
"""Written by Bellhop on a machine that cannot fetch the course's packages: about that machine, and
written anew on the next one."""

Tree = dict[str, tuple[str, str]]


class IdleAct:
    """Each step leaves what the next ones need."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        people = stage.demo.world.people
        self._ada = Hands(stage.demo.env, stage.demo.world, people["ada"])
        self._inbox = Hands(stage.demo.env, stage.demo.world, people["ada"], inbox=True)
        self.rental = self.first = RentalId("")
        self._contract = 0
        self.before: Tree = {}
        self.archive = ""

    async def work_and_go(self, quote: Seen) -> str:
        """A machine, a notebook with its output, and nobody there any more."""
        self.rental = self.first = await self.rented(quote)
        await self._in_notebook(self._write)
        rental = await self._stage.app.store.rental(self.rental)
        assert rental is not None
        self._contract = int(rental.contract or 0)
        return f"rental {self.rental}: a notebook with its output, a hidden file, a link"

    async def be_asked(self) -> str:
        question = await self._inbox.see(
            lambda one: self.rental in one.text and "Keep 4 h" in one.buttons,
            "a question in Ada's messages",
            ASKED_S,
        )
        self.before = tree(self._workspace(self._contract))
        check("lesson.ipynb" in self.before, "the notebook on the machine", str(self.before))
        return f"“{first_line(question.text)}”"

    async def be_ended(self) -> str:
        bill = await self._ada.see(
            lambda one: self.rental in one.text and "Seen gone" in one.text,
            "the card of an ended machine",
            GONE_S,
        )
        rental = await self._stage.app.store.rental(self.rental)
        assert rental is not None
        check(rental.archive_id is not None, "a proven archive", str(rental))
        check(rental.waived_by is None, "no waiver", str(rental.waived_by))
        self.archive = str(rental.archive_id)
        return f"archive {self.archive}, then gone: “{first_line(bill.text)}”"

    async def restore(self) -> str:
        gpu = "RTX 3090"
        quote = await self._ada.command("archives restore", archive=self.archive, gpu=gpu)
        self.rental = await self.rented(quote)
        rental = await self._stage.app.store.rental(self.rental)
        assert rental is not None
        after = tree(self._workspace(int(rental.contract or 0)))
        check(after == self.before, "the same tree", difference(self.before, after))
        address = rental.host_name
        check(address == self.first, f"the address {self.first}", address)
        return f"{len(after)} files, folders and links on another {gpu}, at the same address"

    async def give_back(self) -> str:
        asked = await self._ada.command("destroy", discard=True)
        sure = await self._ada.press(asked, "Destroy without archive")
        await self._ada.press(sure, "Lose it and destroy")
        await self._ada.see(
            lambda one: self.rental in one.text and "Seen gone" in one.text, "the end", GONE_S
        )
        return "ended without an archive, because Ada said so twice"

    async def rented(self, quote: Seen) -> RentalId:
        known = {one.id for one in await self._stage.app.store.open_rentals()}
        await self._ada.press(quote, "Rent")
        (rental,) = [
            one for one in await self._stage.app.store.open_rentals() if one.id not in known
        ]
        await self._ada.see(
            lambda one: rental.id in one.text and "Open" in one.buttons, "a ready card", READY_S
        )
        return rental.id

    async def _in_notebook(self, work: object) -> None:
        assert callable(work)
        card = await self._ada.see(
            lambda one: self.rental in one.text and "Open" in one.buttons, "a ready card", READY_S
        )
        link = str((await self._ada.press(card, "Open")).link)
        async with Visitor() as visitor:
            await visitor.look(link)
            await visitor.enter(link)
            await work(visitor)

    async def _write(self, visitor: Visitor) -> None:
        printed = await visitor.run_cell(
            "import os\n"
            "os.makedirs('models/.cache', exist_ok=True)\n"
            "open('models/.cache/weights', 'wb').write(os.urandom(300_000))\n"
            "os.symlink('weights', 'models/.cache/best')\n"
            "print('loss 0.1234')"
        )
        await visitor.save_notebook("lesson.ipynb", "train()", printed)

    def _workspace(self, contract: int) -> Path:
        return self._stage.machines / str(contract) / "workspace"


def tree(root: Path) -> Tree:
    """Every entry below a folder: its kind with mode and time, and a digest or a link's target."""
    found: Tree = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            if name == OURS:
                continue
            status = path.lstat()
            if path.is_symlink():
                content, kind = str(path.readlink()), "link"
            elif path.is_dir():
                content, kind = "", f"folder {status.st_mode:o}"
            else:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                kind = f"file {status.st_mode:o} {status.st_mtime_ns}"
            found[str(path.relative_to(root))] = (kind, content)
    return found


def difference(before: Tree, after: Tree) -> str:
    names = sorted(set(before) ^ set(after))
    changed = sorted(name for name in set(before) & set(after) if before[name] != after[name])
    return f"only on one side: {names[:5]}; not the same: {changed[:5]}"
