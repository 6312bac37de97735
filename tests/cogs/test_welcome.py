"""A server's first use as people see it: one card, three choices, Done; in a direct message."""

from __future__ import annotations

import re
from typing import Any

import discord
import pytest
import simcord

from bot.adapters.discord.doorstep import DiscordDoorstep
from bot.client import Bellhop, Services
from bot.domain.budgets import TEAM
from bot.domain.money import Usd
from bot.domain.policy_keys import LEADS, LEADS_CHANNEL
from bot.services.policy import Policies
from bot.services.welcome import Greeter
from bot.tasks import Wake
from cogs.ui import welcome as cards
from tests.cogs.conftest import Chat, text


async def greeted(chat: Chat) -> simcord.UserHandle:
    """The owner of the server, who has the card in their messages."""
    bot: Any = chat.env.bot
    guild = chat.env.backend.get_guild(chat.guild.id)
    guild.owner_id = chat.lead.id
    bot.get_guild(chat.guild.id).owner_id = chat.lead.id
    greeter = Greeter(
        store=chat.store,
        welcome=bot.services.welcome,
        doorstep=DiscordDoorstep(client=bot, render=cards.card),
        clock=chat.clock,
        joined=Wake(),
    )
    assert await greeter.once() == 1
    return chat.lead.user


def card_of(person: simcord.UserHandle) -> discord.Message:
    return person.dm_channel.history()[-1]


def menu(step: str, chat: Chat) -> str:
    return f"bellhop:setup:{step}:{chat.guild.id}"


async def limit_of(chat: Chat) -> Usd | None:
    budgets = chat.env.bot.services.budgets  # type: ignore[attr-defined]
    uses = await chat.store.uses(chat.guild.id, await budgets.month(), [TEAM])
    return uses[0].limit if uses else None


async def test_done_alone_is_enough(chat: Chat) -> None:
    """What stands on the card holds, and the card says how to go on."""
    lea = await greeted(chat)
    before = text(card_of(lea))
    assert "Bellhop is in Team" in before
    assert f"<@{lea.id}>" in before
    assert "1 · Leads: whoever may manage the server" in before
    assert "2 · Channel: #gpus" in before
    assert "3 · A month: $100 for the whole team" in before

    await lea.click(card_of(lea), label="Done")

    after = text(card_of(lea))
    assert "Bellhop is ready in Team" in after
    assert "2 · Channel: #gpus" in after
    assert "Done" not in after
    values = await Policies(store=chat.store).values()
    assert values.get(LEADS) is None
    assert values.get(LEADS_CHANNEL) == chat.channel.id
    assert await limit_of(chat) == Usd.of(100)


async def test_each_choice_is_made_on_the_card(chat: Chat) -> None:
    """And carried out at once, as if it were set in /settings and /budget."""
    general = chat.guild.create_text_channel("general")
    teachers = chat.guild.create_role("Teachers")
    lea = await greeted(chat)

    await lea.select(card_of(lea), [str(teachers.id)], custom_id=menu("leads", chat))
    await lea.select(card_of(lea), [str(general.id)], custom_id=menu("channel", chat))
    await lea.select(card_of(lea), ["$250.00"], custom_id=menu("limit", chat))

    shown = text(card_of(lea))
    assert "1 · Leads: the role Teachers" in shown
    assert "2 · Channel: #general" in shown
    assert "3 · A month: $250 for the whole team" in shown
    values = await Policies(store=chat.store).values()
    assert (values.get(LEADS), values.get(LEADS_CHANNEL)) == (teachers.id, general.id)
    assert await limit_of(chat) == Usd.of(250)


async def test_another_amount_is_written_in_a_form(chat: Chat) -> None:
    """A wrong one is refused with an example, and may be written again."""
    lea = await greeted(chat)
    form = await lea.select(card_of(lea), ["other"], custom_id=menu("limit", chat))
    wrong = await lea.submit_modal(form, {"dollars": "much"})
    assert "That is not an amount" in text(wrong.followups[0])

    form = await lea.select(card_of(lea), ["other"], custom_id=menu("limit", chat))
    await lea.submit_modal(form, {"dollars": "75"})

    assert "3 · A month: $75 for the whole team" in text(card_of(lea))
    assert await limit_of(chat) == Usd.of(75)


async def test_no_limit_is_a_choice(chat: Chat) -> None:
    """Done does not put one in its place."""
    lea = await greeted(chat)
    await lea.select(card_of(lea), ["none"], custom_id=menu("limit", chat))
    assert "3 · A month: no limit" in text(card_of(lea))

    await lea.click(card_of(lea), label="Done")

    assert "3 · A month: no limit" in text(card_of(lea))
    assert await limit_of(chat) is None


async def test_the_card_works_after_a_restart_in_the_middle(chat: Chat, services: Services) -> None:
    """What was chosen before is known, what was not is proposed."""
    lea = await greeted(chat)
    await lea.select(card_of(lea), ["$50.00"], custom_id=menu("limit", chat))
    old = chat.env.bot
    await chat.env.restart_bot(Bellhop(services=services))
    await old.close()

    await lea.click(card_of(lea), label="Done")

    assert "Bellhop is ready in Team" in text(card_of(lea))
    assert await limit_of(chat) == Usd.of(50)


async def test_in_a_channel_only_leads_may_press(chat: Chat) -> None:
    """The card stands there where direct messages are closed."""
    path = f"/channels/{chat.lead.user.dm_channel.id}/messages"
    chat.env.inject_error("POST", path, status=403, code=50007)
    await greeted(chat)
    (card,) = chat.cards

    done = await chat.ada.click(card, label="Done")
    amount = await chat.ada.select(card, ["other"], custom_id=menu("limit", chat))
    role = await chat.ada.select(card, ["none"], custom_id=menu("leads", chat))

    for answer in (done.followups[0], amount.response, role.followups[0]):
        assert "Only leads change this." in text(answer)
    assert await chat.store.policy() == {}
    await chat.lead.click(card, label="Done")
    assert "Bellhop is ready in Team" in text(chat.cards[0])


async def test_who_has_left_the_server_chooses_nothing(chat: Chat) -> None:
    """The direct message is still there."""
    lea = await greeted(chat)
    chat.env.inject_error("GET", f"/guilds/*/members/{lea.id}", status=404, code=10007)

    answer = await lea.click(card_of(lea), label="Done")

    assert "You are not in that server any more." in text(answer.followups[0])


async def test_a_server_that_the_settings_do_not_name_is_told_so(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DISCORD_GUILD_ID wins, and there is nothing to press."""
    welcome = chat.env.bot.services.welcome  # type: ignore[attr-defined]
    monkeypatch.setattr(welcome, "_named_id", chat.guild.id + 1)

    lea = await greeted(chat)

    shown = text(card_of(lea))
    assert "Bellhop works for another server than Team" in shown
    assert "DISCORD_GUILD_ID" in shown
    assert "Done" not in shown


async def test_the_server_that_the_settings_name_reads_that_they_win(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    welcome = chat.env.bot.services.welcome  # type: ignore[attr-defined]
    monkeypatch.setattr(welcome, "_named_id", chat.guild.id)

    lea = await greeted(chat)

    assert "DISCORD_GUILD_ID names this server; that setting wins." in text(card_of(lea))


async def test_a_server_with_very_many_roles_and_channels_is_greeted(chat: Chat) -> None:
    """Menus take 25 choices, whatever those are called."""
    for number in range(40):
        chat.guild.create_role("*" * 90 + f" [{number}](https://x.example)")
        chat.guild.create_text_channel("канал-" + "ж" * 80 + str(number))

    lea = await greeted(chat)
    await lea.click(card_of(lea), label="Done")

    assert "Bellhop is ready" in text(card_of(lea))


async def test_a_lead_role_set_at_the_shell_stands_on_the_card(chat: Chat) -> None:
    """Also one that this server does not have; no number is shown for a name."""
    await Policies(store=chat.store).change(None, {"leads": "1098765432109876543"})

    lea = await greeted(chat)

    assert "1 · Leads: a role that is not here" in text(card_of(lea))
    assert not re.search(r"\b1098765432109876543\b", text(card_of(lea)))
