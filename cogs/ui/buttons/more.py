"""More: the rest of what can be done with a machine, as a menu in a message of one's own.

The menu is made of the same kinds as the buttons, so a choice is a press of the button it names.
Opened anew each time: a menu that stays on a card would show somebody's last choice, which Discord
does not let them choose again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol, Self, cast

import discord

from cogs.ui.buttons import keeping, machines, moving
from cogs.ui.buttons.button import ID, Button, Press, Style, button
from cogs.ui.buttons.menu import Menu


class Having(Protocol):
    """The cog that opens the menu."""

    async def more(self, press: Press, rental_id: str) -> None: ...


class Connecting(Protocol):
    """The cog for SSH."""

    async def chosen(self, press: Press, rental_id: str) -> None: ...


More = button(
    "more",
    "More",
    Style.secondary,
    lambda press, rental: cast(Having, press.client.get_cog("Machines")).more(press, rental),
)

# Only in the menu; /ssh is the same.
Connect = button(
    "ssh",
    "SSH and VS Code",
    Style.secondary,
    lambda press, rental: cast(Connecting, press.client.get_cog("Ssh")).chosen(press, rental),
)

_CHOICES: tuple[tuple[type[Button], str], ...] = (
    (moving.Move, "Its work and its address come along; you see the price first"),
    (moving.Larger, "One with more VRAM; its work and its address come along"),
    (keeping.KeepHours, "It is not asked about until then"),
    (keeping.KeepTomorrow, "The same until the next morning"),
    (keeping.ArchiveAndStay, "A proven copy of its work as it is now"),
    (Connect, "A terminal, or an editor of your own, on the machine"),
    (machines.Destroy, "Asks you first, with what it has cost"),
)
_KINDS = {f"{kind.name}{kind.suffix}": kind for kind, _ in _CHOICES}


class ChooseAction(
    Menu,
    template=rf"bellhop:do:(?P<subject>{ID})",
):
    """The menu of one machine."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        super().__init__(
            discord.ui.Select(
                custom_id=f"bellhop:do:{subject}",
                placeholder="Choose what to do",
                options=[
                    discord.SelectOption(
                        label=kind.label, description=about, value=f"{kind.name}{kind.suffix}"
                    )
                    for kind, about in _CHOICES
                ],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, _press: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["subject"])

    async def chosen(self, press: Press, values: Sequence[str]) -> None:
        await _KINDS[values[0]].pressed(press, self.subject)


BUTTONS = (More, Connect)
