"""SSH keys: the button that opens the form, the form, and the menu that removes one."""

from __future__ import annotations

import re
from typing import Protocol, Self, cast

import discord

from bot.domain.ssh_keys import OwnKey
from cogs.ui import look
from cogs.ui.buttons.button import Press, Style, button
from cogs.ui.buttons.form import Form
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


class KeyForm(Form, template=r"bellhop:sshkey-form"):
    """A public key to be pasted; what comes is never shown again."""

    def __init__(self) -> None:
        super().__init__(title="Add your public SSH key", custom_id="bellhop:sshkey-form")
        field = discord.ui.TextInput[Self](
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
                component=field,
            )
        )

    @staticmethod
    async def sent(press: Press, about: re.Match[str], text: str) -> None:
        await cog(press).added(press, text)


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
FORMS = (KeyForm,)
