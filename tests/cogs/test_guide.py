"""Help for whoever asks, and two lines for who rents for the first time."""

from __future__ import annotations

from datetime import timedelta

from discord import app_commands

from bot.services.policy import Policies
from tests.cogs.conftest import Chat, text

FIRST = "Your first machine."


async def test_help_names_every_command_there_is(chat: Chat) -> None:
    """A new one, too."""
    shown = text((await chat.ada.slash(chat.channel, "help")).response)

    names = {one.name for one in chat.env.bot.tree.get_commands()} - {"help"}  # type: ignore[attr-defined]
    assert len(names) > 10
    assert [name for name in names if f"/{name}" not in shown] == []


async def test_help_says_to_a_member_what_they_may_do(chat: Chat) -> None:
    """And to nobody else: it is a private answer."""
    answer = await chat.ada.slash(chat.channel, "help")

    assert answer.ephemeral
    assert "You are a member" in text(answer.response)
    assert "answer requests" not in text(answer.response)


async def test_help_says_to_a_lead_what_they_may_do(chat: Chat) -> None:
    shown = text((await chat.lead.slash(chat.channel, "help")).response)

    assert "You are a lead" in shown
    assert "answer requests, and set limits with /budget set" in shown


async def test_help_says_how_much_is_left(chat: Chat) -> None:
    """Machines and money, one's own and the team's; nobody else's budget."""
    await Policies(store=chat.store).change(None, {"member_machines": "2", "team_machines": "8"})
    await chat.lead.slash(chat.channel, "budget set", dollars="40")
    await chat.lead.slash(chat.channel, "budget set", dollars="5", member=chat.ada.user)
    await chat.lead.slash(chat.channel, "budget set", dollars="3", member=chat.ben.user)
    rental = await chat.ready(gpu="RTX 4090", hours=10)
    chat.clock.turn(timedelta(hours=2))
    await chat.look(rental.id)

    shown = text((await chat.ada.slash(chat.channel, "help")).response)

    assert "Machines: you have 1 of 2, the team 1 of 8." in shown
    assert f"**<@{chat.ada.id}>** · $0.64 of $5.00 used" in shown
    assert "**The team** · $0.64 of $40.00 used" in shown
    assert f"<@{chat.ben.id}>" not in shown


async def test_help_without_limits_says_that_there_are_none(chat: Chat) -> None:
    shown = text((await chat.ada.slash(chat.channel, "help")).response)

    assert "Machines: you have 0, the team 0." in shown
    assert "No budget limits what you spend." in shown


async def test_a_first_quote_says_what_will_happen_and_what_it_costs_at_most(chat: Chat) -> None:
    """In two lines; with the team's own times."""
    await Policies(store=chat.store).change(None, {"idle": "45m"})

    answer = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", hours=10)

    shown = text(answer.response)
    assert f"**{FIRST}** After Rent a card in this channel follows it" in shown
    assert "At most **$3.36** for the 10 hours you plan, transfer included" in shown
    assert "Unused for 45 min, it is asked about; 1 h later without an answer" in shown


async def test_it_is_said_below_a_page_of_offers_as_well(chat: Chat) -> None:
    """That is another way to a first quote."""
    page = await chat.ada.slash(chat.channel, "offers")

    quote = await chat.ada.select(page.response, ["7001"])

    assert FIRST in text(quote.response)


async def test_who_has_rented_before_is_not_told_again(chat: Chat) -> None:
    """Also after that machine has ended; somebody else's first time is their own."""
    await chat.ended(await chat.ready())

    mine = await chat.ada.slash(chat.channel, "rent")
    hers = await chat.ben.slash(chat.channel, "rent")

    assert FIRST not in text(mine.response)
    assert FIRST in text(hers.response)


async def test_where_nothing_ends_unanswered_nothing_is_promised(chat: Chat) -> None:
    """The team may have chosen that."""
    await Policies(store=chat.store).change(None, {"unattended": "no"})

    shown = text((await chat.ada.slash(chat.channel, "rent")).response)

    assert "runs on until somebody answers" in shown


async def test_every_command_can_be_described(chat: Chat) -> None:
    """Discord shows a description beside each, and beside each option."""
    for command in chat.env.bot.tree.walk_commands():  # type: ignore[attr-defined]
        assert command.description.strip("…"), command.qualified_name
        if isinstance(command, app_commands.Command):
            bare = [one.name for one in command.parameters if one.description in ("", "…")]
            assert bare == [], command.qualified_name
