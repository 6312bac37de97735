"""What every form of ours is: its custom id says what it is about, so it works for ever.

The library knows an open form by that id alone: of two that are open it knows the newer one, which
it forgets with the first answer; after a restart it knows none. So nothing is kept in a form: what
is sent is read as it comes.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import discord

from bot.client import Bellhop
from cogs.ui.buttons.button import Press


class Form(discord.ui.Modal):
    """A form with one field. `template` is the pattern of its custom ids, which never change."""

    template: ClassVar[re.Pattern[str]]

    def __init_subclass__(cls, *, template: str) -> None:
        super().__init_subclass__()
        cls.template = re.compile(template)

    @staticmethod
    @abstractmethod
    async def sent(press: Press, about: re.Match[str], text: str) -> None:
        """What was written; what is raised here is said to whoever wrote it."""


def add_forms(bot: Bellhop, *kinds: type[Form]) -> None:
    """Let the client know these forms, whoever opened one and whenever."""

    async def on_interaction(press: Press) -> None:
        if press.type is not discord.InteractionType.modal_submit:
            return
        data: Any = press.data
        for kind in kinds:
            if about := kind.template.fullmatch(data["custom_id"]):
                await _carry_out(press, kind, about, _written(data["components"]))

    bot.add_listener(on_interaction)


async def _carry_out(press: Press, kind: type[Form], about: re.Match[str], text: str) -> None:
    """A door, like that of a button."""
    try:
        await kind.sent(press, about, text)
    except Exception as error:
        await press.client.answer(press, error)


def _written(components: Sequence[Any]) -> str:
    """The text of the one field, which Discord puts into a label."""
    fields = [one["component"] for one in components if "component" in one]
    return next((str(one["value"]) for one in fields if one.get("value")), "")
