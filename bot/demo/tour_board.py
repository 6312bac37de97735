"""The act about the board: it says what runs, moves to the end when asked, follows to the end."""

from __future__ import annotations

import re

from bot.demo.checks import check, first_line
from bot.demo.hands import Hands, Seen
from bot.demo.stage import Stage

SHOWN_S = 30.0
_LOOKED = "Follows by itself"


class BoardAct:
    """Leaves a board in the channel, and at the end an empty one."""

    def __init__(self, stage: Stage) -> None:
        people = stage.demo.world.people
        self._owner = people["ada"].user.id
        self._ada = Hands(stage.demo.env, stage.demo.world, people["ada"])
        self._linus = Hands(stage.demo.env, stage.demo.world, people["linus"])
        self._board = Seen(0, 0, ())

    async def put_up(self) -> str:
        """Ada asks for it, then Linus: the second one takes the first one's place."""
        await self._ada.command("board")
        first = await self._see(0, "1 machine", "a board")
        await self._linus.command("board")
        self._board = await self._see(first.id, "1 machine", "the board, moved")
        row = next(line for line in self._board.text.splitlines() if line.startswith("- <@"))
        check(f"<@{self._owner}>" in row, "who runs it", row)
        price = re.search(r"\$\d+\.\d{3}/h", row)
        check(price is not None, "a price", row)
        check("Vast credit" in self._board.text, "the credit", self._board.text)
        ids = [one.id for one in self._boards()]
        check(ids == [self._board.id], "one board", str(ids))
        return f"“{first_line(self._board.text)}”; asked for again it moved to the end"

    async def be_empty(self) -> str:
        """The same message says that nothing runs any more, and how to begin."""
        shown = await self._see(self._board.id - 1, "No machines", "an empty board")
        check(shown.id == self._board.id, "the same message", str(shown.id))
        check("/offers" in shown.text, "how to begin", shown.text)
        return f"“{first_line(shown.text)}”, in the message of the beginning"

    async def _see(self, after: int, words: str, what: str) -> Seen:
        """The board, once it is a newer message than that and says so alone."""
        return await self._ada.see(
            lambda one: (
                one.id > after
                and _LOOKED in one.text
                and words in first_line(one.text)
                and len(self._boards()) == 1
            ),
            what,
            SHOWN_S,
        )

    def _boards(self) -> list[Seen]:
        return [one for one in self._ada.messages() if _LOOKED in one.text]
