"""Questions that another process answers, over hints: who does not answer in time has not."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.errors import BotError
from bot.ports.processes import Wires
from bot.tasks import Tasks

log = logging.getLogger(__name__)

_REPLY = "reply"

Handler = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one process said; not `good` are the public words of what kept it from doing so."""

    good: bool
    words: str


@dataclass(slots=True)
class _Asked:
    answers: list[Answer] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)


class Calls:
    """A process answers for what it was given a handler; whoever asks hears all that answer."""

    def __init__(self, *, wires: Wires, tasks: Tasks) -> None:
        self._wires = wires
        self._tasks = tasks
        self._asked: dict[str, _Asked] = {}
        wires.hear(_REPLY, self._replied)

    def answer(self, word: str, handler: Handler) -> None:
        """Answer questions of that word. `handler` may raise BotError."""

        def asked(said: str) -> None:
            number, _, about = said.partition(" ")
            self._tasks.once(f"answer {word}", self._reply(number, about, handler))

        self._wires.hear(f"ask/{word}", asked)

    async def ask(
        self, word: str, about: str, *, within_s: float, answers: int = 1
    ) -> list[Answer]:
        """Ask, and return when so many have answered, or with fewer when the time is over."""
        number = secrets.token_hex(8)
        asked = self._asked[number] = _Asked()
        try:
            self._wires.tell(f"ask/{word}", f"{number} {about}")
            async with asyncio.timeout(within_s):
                while len(asked.answers) < answers:
                    await asked.more.wait()
                    asked.more.clear()
        except TimeoutError:
            log.warning("%s of %s answered about %s", len(asked.answers), answers, word)
        finally:
            del self._asked[number]
        return list(asked.answers)

    async def _reply(self, number: str, about: str, handler: Handler) -> None:
        try:
            said = f"yes {await handler(about)}"
        except BotError as error:
            log.info("a question of another process: %s", error)
            said = f"no {error.public}"
        self._wires.tell(_REPLY, f"{number} {said}")

    def _replied(self, said: str) -> None:
        number, _, rest = said.partition(" ")
        asked = self._asked.get(number)
        if asked is not None:
            good, _, words = rest.partition(" ")
            asked.answers.append(Answer(good == "yes", words))
            asked.more.set()
