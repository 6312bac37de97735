"""SSH keys: the button that opens the form, the form, and the menu that removes one."""

from __future__ import annotations

from typing import Any, Protocol, Self, cast

import discord

from bot.domain.ssh_keys import OwnKey
from cogs.ui import look
from cogs.ui.buttons.button import Press, Style, button
from cogs.ui.buttons.menu import one_of

LONGEST = 4000
"""Characters of a form's text, as Discord takes them."""


class Keys(Protocol):
    """The cog for SSH."""

    async def form(self, press: Press) -> None: ...
    async def added(self, press: Press, text: str) -> None: ...
    async def removed(self, press: Press, fingerprint: str) -> None: ...


def cog(press: Press) -> Keys:
    return cast(Keys, press.client.get_cog("Ssh"))


AddKey = button(
    "sshkey",
    "Add a key",
    Style.primary,
    lambda press, _: cog(press).form(press),
)


class KeyForm(discord.ui.Modal):
    """A public key to be pasted; what comes is never shown again."""

    def __init__(self) -> None:
        super().__init__(title="Add your public SSH key", custom_id="bellhop:sshkey-form")
        self._text = discord.ui.TextInput[Self](
            custom_id="keys",
            style=discord.TextStyle.paragraph,
            placeholder="ssh-ed25519 AAAA… you@laptop",
            max_length=LONGEST,
        )
        self.add_item(
            discord.ui.Label(
                text="Public key",
                description="The line in a file that ends in .pub; several lines are several keys. "
                "Never a private key.",
                component=self._text,
            )
        )

    async def on_submit(self, press: discord.Interaction[Any]) -> None:
        """A door, like that of a button."""
        try:
            await cog(press).added(press, self._text.value)
        except Exception as error:
            await press.client.answer(press, error)


def _option(own: OwnKey) -> discord.SelectOption:
    name = look.plain_line(own.key.comment)[:100] or own.key.fingerprint
    return discord.SelectOption(
        label=name, description=own.key.fingerprint[:100], value=own.key.fingerprint
    )


ChooseKeyToRemove = one_of(
    "sshkey-remove",
    "Remove a key",
    _option,
    lambda press, fingerprint: cog(press).removed(press, fingerprint),
)

BUTTONS = (AddKey,)
