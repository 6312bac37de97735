"""Listening to one connection between a browser and a kernel; nothing is changed or held up.

Going up: was it a person (the message's type tells, or a widget's rhythm), and which cell is to be
run. Coming down, only while a run is under way: what it puts out. A message's content is read only
if it is wanted.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any

from bot.domain.rhythm import Rhythms
from bot.ports.clock import Clock
from bot.relay.frames import CLOSE, CONTROL, PING, Flooded, Message, Messages, sent
from bot.relay.kernels import MALFORMED, Said, human, parent_of, question, said, sender, streamed
from bot.services.runs import Talk

log = logging.getLogger(__name__)

UP_BYTES = 256 * 1024
"""Of a message going up. A longer one is a person's; its code is then not known."""
DOWN_BYTES = 8 * 1024 * 1024

_PUT_OUT = frozenset(
    {
        "stream",
        "display_data",
        "execute_result",
        "error",
        "clear_output",
        "execute_input",
        "execute_reply",
        "status",
    }
)


class Ear:
    """`up` and `down` take the bytes as they pass. It outlives the browser's end if need be."""

    def __init__(self, *, talk: Talk | None, human: Callable[[], None], clock: Clock) -> None:
        self._talk = talk
        self._human = human
        self._clock = clock
        self._rising = Messages(keep=UP_BYTES)
        self._falling = Messages(keep=DOWN_BYTES if talk is not None and talk.waiting else 0)
        self._rhythms = Rhythms()
        self._question = ""
        self._parent, self._parent_id = b"", ""  # of what was printed last

    @property
    def waiting(self) -> bool:
        """Whether something is still to come that nobody else keeps."""
        return self._talk is not None and self._talk.waiting and not self._talk.present

    @property
    def session_id(self) -> str:
        return self._talk.session_id if self._talk is not None else ""

    def stay(self, staying: bool) -> None:
        """We are in the browser's place now, or no longer."""
        if self._talk is not None:
            self._talk.kept = staying

    @property
    def turn(self) -> int:
        """The order in which the sessions of one kernel are served: see `Talk.turn`."""
        return self._talk.turn if self._talk is not None else 0

    def anew(self, *, binary: bool) -> bytes:
        """A new connection to the kernel takes the place of one that broke, perhaps in a frame.

        Returns what to ask there. Whether a run has ended meanwhile nobody may tell us, if another
        session connected between; but once the kernel has looked at a later request, it has.
        """
        self._falling = Messages(keep=DOWN_BYTES)
        self._question = uuid.uuid4().hex
        return sent(question(self._question, self.session_id, binary=binary), binary=binary)

    def over(self) -> None:
        """The kernel is gone."""
        if self._talk is not None:
            self._talk.over()

    def up(self, data: bytes) -> int:
        """How many of the bytes may go on to the kernel.

        All, but for a goodbye while a cell runs: Jupyter would take that for the end, and we stay.
        """
        for message in self._rising.feed(data):
            if not message.control:
                self._asked(message)
        talk, goodbye = self._talk, self._rising.close_at
        if goodbye is not None and talk is not None and talk.waiting and talk.connections == 1:
            return goodbye
        return len(data)

    def down(self, data: bytes) -> None:
        self.hear(data)

    def hear(self, data: bytes) -> list[Message]:
        """The same as `down`; returns the pings and closes, for whoever has to answer them.

        Raises Flooded; the run is then over for us.
        """
        control = []
        talk = self._talk
        try:
            messages = self._falling.feed(data)
        except Flooded:
            self.over()  # what it says after this cannot be told apart any more
            raise
        for message in messages:
            if message.opcode & CONTROL:
                if message.opcode in (PING, CLOSE):
                    control.append(message)
            elif talk is not None:
                self._heard(talk, message)
        return control

    def leave(self) -> None:
        """The browser is gone."""
        if self._talk is not None:
            self._talk.leave()
            self._falling.keep = DOWN_BYTES

    def _asked(self, message: Message) -> None:
        try:
            self._understand(message)
        except MALFORMED:
            self._human()

    def _understand(self, message: Message) -> None:
        """Raises one of MALFORMED."""
        told = said(message)
        person = human(told)
        if person is None and told is not None:
            person = self._rhythms.beat(sender(told, bytes(message.body[:4096])), self._clock.now())
        if person:
            self._human()
        if told is not None and told.type == "execute_request" and self._talk is not None:
            self._begin(self._talk, told)

    def _begin(self, talk: Talk, told: Said) -> None:
        content = told.read()
        if content is not None and content.get("silent"):
            return
        code = content.get("code") if content is not None else None
        talk.asked(
            told.id,
            cell_id=str(told.metadata.get("cellId") or ""),
            code=code if isinstance(code, str) else None,
        )
        self._falling.keep = DOWN_BYTES

    def _answered(self, talk: Talk, content: dict[str, Any] | None) -> None:
        if content is not None and content.get("execution_state") == "idle" and not talk.present:
            self._question = ""
            talk.over()

    def _heard(self, talk: Talk, message: Message) -> None:
        try:
            found = streamed(message)
            if found is None:
                self._said(talk, message)
            else:
                self._printed(talk, *found)
        except MALFORMED as error:
            log.debug("a message that cannot be understood: %s", type(error).__name__)

    def _printed(self, talk: Talk, parent: bytes, content: bytes) -> None:
        if parent != self._parent:
            self._parent, self._parent_id = parent, parent_of(parent)
        talk.printed(self._parent_id, content)

    def _said(self, talk: Talk, message: Message) -> None:
        told = said(message)
        if told is None:
            return
        if told.type == "update_display_data":
            talk.heard(told.type, told.parent, told.read())
        elif told.type in _PUT_OUT and (told.type == "status" or talk.expects(told.parent)):
            content = told.read()
            talk.heard(told.type, told.parent, content)
            if told.type == "status" and self._question and told.parent == self._question:
                self._answered(talk, content)
            if told.type == "status" and talk.present and not talk.waiting:
                self._falling.keep = 0  # the headers are enough until the next run
