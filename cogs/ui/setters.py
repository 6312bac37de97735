"""The menus, buttons and the form with which the policy is changed. Each names in its custom id the
page or the value it is about, so it works after a restart, on any card that was ever sent.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any, Generic, Protocol, Self, TypeVar, cast

import discord

from bot.client import Bellhop
from bot.domain.images import PRESETS
from bot.domain.policy_key import Key
from bot.domain.policy_keys import Spot, find
from cogs.ui import look
from cogs.ui.buttons.form import Form, add_forms

Press = discord.Interaction[Bellhop]
Item = TypeVar("Item", bound=discord.ui.Item[Any])

MOST = 25
"""Options of a menu, as Discord takes them."""

LONGEST = 4000
"""Characters of a form's text, as Discord takes them."""

_PAGE = r"(?P<subject>team|preset/[a-z0-9-]{1,40}|member/\d{1,20})"
_ADDRESS = r"(?P<subject>[a-z0-9_/-]{1,80})"


class Settings(Protocol):
    """The cog that shows and changes the policy."""

    async def turn_to(self, press: Press, page: str) -> None: ...
    async def edit(self, press: Press, address: str) -> None: ...
    async def set(self, press: Press, address: str, text: str) -> None: ...


class _Setter(discord.ui.DynamicItem[Item], Generic[Item], template=r"bellhop:none"):
    """A door: what is raised below becomes words."""

    def __init__(self, subject: str, item: Item) -> None:
        self.subject = subject
        super().__init__(item)

    async def callback(self, press: discord.Interaction[Any]) -> None:
        try:
            await self.chosen(press)
        except Exception as error:
            await press.client.answer(press, error)

    async def chosen(self, press: Press) -> None:
        raise NotImplementedError


class ToPage(_Setter[discord.ui.Button[Any]], template=rf"bellhop:settings:{_PAGE}"):
    """Leads to the page of the team, a preset or a member."""

    def __init__(self, page: str, label: str = "Back") -> None:
        super().__init__(page, discord.ui.Button(label=label, custom_id=f"bellhop:settings:{page}"))

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, match: re.Match[str], /) -> Self:
        return cls(match["subject"])

    async def chosen(self, press: Press) -> None:
        await _settings(press).turn_to(press, self.subject)


class TakeAway(_Setter[discord.ui.Button[Any]], template=rf"bellhop:unset:{_ADDRESS}"):
    """Back to what holds without this value."""

    def __init__(self, address: str) -> None:
        button = discord.ui.Button[Any](
            label="Use the default", custom_id=f"bellhop:unset:{address}"
        )
        super().__init__(address, button)

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, match: re.Match[str], /) -> Self:
        return cls(match["subject"])

    async def chosen(self, press: Press) -> None:
        await _settings(press).set(press, self.subject, "")


class SetNone(_Setter[discord.ui.Button[Any]], template=rf"bellhop:setnone:{_ADDRESS}"):
    """No role, no channel: said, and not merely left open."""

    def __init__(self, address: str, label: str = "None") -> None:
        button = discord.ui.Button[Any](label=label, custom_id=f"bellhop:setnone:{address}")
        super().__init__(address, button)

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, match: re.Match[str], /) -> Self:
        return cls(match["subject"])

    async def chosen(self, press: Press) -> None:
        await _settings(press).set(press, self.subject, "none")


class ChooseKey(_Setter[discord.ui.Select[Any]], template=rf"bellhop:keys:{_PAGE}:(?P<part>\d)"):
    """Which value of a page is to be changed."""

    def __init__(self, page: str, part: int = 0, keys: Sequence[Key[Any]] = ()) -> None:
        menu = discord.ui.Select[Any](
            custom_id=f"bellhop:keys:{page}:{part}",
            placeholder=f"Change a value of: {_groups(keys)}"[:150],
            options=[
                discord.SelectOption(label=key.title, description=key.about[:100], value=key.name)
                for key in keys
            ],
        )
        super().__init__(page, menu)

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, match: re.Match[str], /) -> Self:
        return cls(match["subject"], int(match["part"]))

    async def chosen(self, press: Press) -> None:
        name = self.item.values[0]
        address = name if self.subject == "team" else f"{self.subject}/{name}"
        await _settings(press).edit(press, address)


class ChoosePreset(_Setter[discord.ui.Select[Any]], template=r"bellhop:settings-presets"):
    def __init__(self) -> None:
        menu = discord.ui.Select[Any](
            custom_id="bellhop:settings-presets",
            placeholder="See what holds for a preset",
            options=[
                discord.SelectOption(label=one.name, description=one.note[:100], value=one.name)
                for one in PRESETS
            ],
        )
        super().__init__("", menu)

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, _match: re.Match[str], /) -> Self:
        return cls()

    async def chosen(self, press: Press) -> None:
        await _settings(press).turn_to(press, f"preset/{self.item.values[0]}")


class ChooseMember(_Setter[discord.ui.UserSelect[Any]], template=r"bellhop:settings-members"):
    def __init__(self) -> None:
        menu = discord.ui.UserSelect[Any](
            custom_id="bellhop:settings-members", placeholder="See what holds for a member"
        )
        super().__init__("", menu)

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, _match: re.Match[str], /) -> Self:
        return cls()

    async def chosen(self, press: Press) -> None:
        await _settings(press).turn_to(press, f"member/{self.item.values[0].id}")


class SetWord(_Setter[discord.ui.Select[Any]], template=rf"bellhop:setword:{_ADDRESS}"):
    """One of a few words."""

    def __init__(self, address: str, options: Sequence[discord.SelectOption] = ()) -> None:
        menu = discord.ui.Select[Any](
            custom_id=f"bellhop:setword:{address}", placeholder="Choose", options=list(options)
        )
        super().__init__(address, menu)

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, match: re.Match[str], /) -> Self:
        return cls(match["subject"])

    async def chosen(self, press: Press) -> None:
        await _settings(press).set(press, self.subject, self.item.values[0])


class SetRole(_Setter[discord.ui.RoleSelect[Any]], template=rf"bellhop:setrole:{_ADDRESS}"):
    def __init__(self, address: str, placeholder: str = "Choose a role") -> None:
        menu = discord.ui.RoleSelect[Any](
            custom_id=f"bellhop:setrole:{address}", placeholder=placeholder
        )
        super().__init__(address, menu)

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, match: re.Match[str], /) -> Self:
        return cls(match["subject"])

    async def chosen(self, press: Press) -> None:
        await _settings(press).set(press, self.subject, str(self.item.values[0].id))


class SetChannel(
    _Setter[discord.ui.ChannelSelect[Any]], template=rf"bellhop:setchannel:{_ADDRESS}"
):
    def __init__(self, address: str) -> None:
        menu = discord.ui.ChannelSelect[Any](
            custom_id=f"bellhop:setchannel:{address}",
            placeholder="Choose a channel",
            channel_types=[discord.ChannelType.text],
        )
        super().__init__(address, menu)

    @classmethod
    async def from_custom_id(cls, _press: Any, _item: Any, match: re.Match[str], /) -> Self:
        return cls(match["subject"])

    async def chosen(self, press: Press) -> None:
        await _settings(press).set(press, self.subject, str(self.item.values[0].id))


class ValueForm(Form, template=rf"bellhop:form:{_ADDRESS}"):
    """A value to be written. Left empty, the default holds again."""

    def __init__(self, spot: Spot, *, now: str, otherwise: str, bounds: str = "") -> None:
        key = spot.key
        super().__init__(title=key.title[:45], custom_id=f"bellhop:form:{spot.address}")
        field = discord.ui.TextInput[Self](
            custom_id="value",
            default=now or None,
            placeholder=f"e.g. {key.example}"[:100],
            required=False,
            max_length=LONGEST,
        )
        self.add_item(
            discord.ui.Label(
                text=key.about[:45] if len(key.about) <= 45 else key.title[:45],
                description=f"{f'{bounds.capitalize()}. ' if bounds else ''}Empty: {otherwise}"[
                    :100
                ],
                component=field,
            )
        )

    @staticmethod
    async def sent(press: Press, about: re.Match[str], text: str) -> None:
        await _settings(press).set(press, about["subject"], text)


def keys_of(page: str, keys: Sequence[Key[Any]]) -> list[look.Control]:
    """The menus for these values, as many as it takes; a group is in one of them."""
    parts: list[list[Key[Any]]] = [[]]
    for _, group in itertools.groupby(keys, lambda key: key.group):
        its = list(group)
        if len(parts[-1]) + len(its) > MOST:
            parts.append([])
        parts[-1].extend(its)
    return [ChooseKey(page, number, part) for number, part in enumerate(parts) if part]


def page_of(address: str) -> str:
    """The page a value stands on."""
    spot = find(address)
    if spot.preset:
        return f"preset/{spot.preset}"
    return "team" if spot.member_id is None else f"member/{spot.member_id}"


async def setup(bot: Bellhop) -> None:
    bot.add_dynamic_items(
        ToPage,
        TakeAway,
        SetNone,
        ChooseKey,
        ChoosePreset,
        ChooseMember,
        SetWord,
        SetRole,
        SetChannel,
    )
    add_forms(bot, ValueForm)


def _groups(keys: Sequence[Key[Any]]) -> str:
    return ", ".join(dict.fromkeys(key.group.value for key in keys))


def _settings(press: discord.Interaction[Any]) -> Settings:
    return cast(Settings, press.client.get_cog("Settings"))
