"""`/budget` in chat: limits, a refusal, a lead's yes with one tap, and who may not."""

from __future__ import annotations

from datetime import timedelta

import discord
import pytest
import simcord

from bot.domain.budgets import TEAM
from bot.domain.ledger import Entry, Kind
from bot.domain.money import Usd
from bot.domain.rentals import Reason, Rental, State
from bot.services.budgets import Budgets
from bot.tasks import Wake
from tests.cogs.conftest import Chat, text, twice


async def over(chat: Chat) -> simcord.InteractionResult:
    """Ada's budget is $3; ten hours of the quoted machine are $3.18."""
    await chat.lead.slash(chat.channel, "budget set", dollars="$3", member=chat.ada.user)
    quote = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", hours=10)
    return await chat.ada.click(quote.response, label="Rent")


async def test_a_lead_sets_limits_and_each_sees_what_concerns_them(chat: Chat) -> None:
    """The team's, a person's; others' are the leads' affair."""
    await chat.lead.slash(chat.channel, "budget set", dollars="1,000")
    await chat.lead.slash(chat.channel, "budget set", dollars="40", member=chat.ada.user)
    await chat.lead.slash(chat.channel, "budget set", dollars="20", member=chat.ben.user)

    hers = text((await chat.ada.slash(chat.channel, "budget show")).response)
    alls = text((await chat.lead.slash(chat.channel, "budget show")).response)

    assert "**The team** · $0.00 of $1,000.00 used · $1,000.00 left" in hers
    assert f"<@{chat.ada.id}>" in hers
    assert f"<@{chat.ben.id}>" not in hers
    assert f"<@{chat.ben.id}>" in alls


async def test_leads_see_who_set_which_limit(chat: Chat) -> None:
    """Newest first, the limits that were taken away as well; what others may spend is not for
    members to see."""
    await chat.lead.slash(chat.channel, "budget set", dollars="40")
    chat.clock.turn(timedelta(minutes=1))
    await chat.lead.slash(chat.channel, "budget set", dollars="20", member=chat.ben.user)
    chat.clock.turn(timedelta(minutes=1))
    await chat.lead.slash(chat.channel, "budget set", dollars="off")

    hers = text((await chat.ada.slash(chat.channel, "budget show")).response)
    alls = text((await chat.lead.slash(chat.channel, "budget show")).response)

    by = f"by <@{chat.lead.id}>: "
    changes = alls.partition("**Last changes**")[2]
    assert [line.partition(by)[2] for line in changes.splitlines() if by in line] == [
        "The team **no limit**",
        f"<@{chat.ben.id}> **$20.00 a month**",
        "The team **$40.00 a month**",
    ]
    assert "Last changes" not in hers


async def test_what_runs_is_held(chat: Chat) -> None:
    """Ten hours at $0.318 of $40; the limit can be taken away again."""
    await chat.lead.slash(chat.channel, "budget set", dollars="40")
    await chat.rented(gpu="RTX 4090", hours=10)

    shown = text((await chat.ada.slash(chat.channel, "budget show")).response)
    await chat.lead.slash(chat.channel, "budget set", dollars="off")
    none = text((await chat.ada.slash(chat.channel, "budget show")).response)

    assert "$0.00 of $40.00 used · $36.82 left\n`▒░░░░░░░░░░░` 0 % · $3.18 held" in shown
    assert "No budget" in none


async def test_a_rental_over_budget_is_refused_with_a_way_to_ask(chat: Chat) -> None:
    """The sums, and one button; nothing was rented."""
    refused = await over(chat)

    shown = text(refused.response)
    assert "Not within the budget" in shown
    assert "$3.00 a month: $0.00 is used. This needs up to $3.18 more." in shown
    assert shown.endswith("Ask a lead for $1\nRent\nCancel")
    assert await chat.store.open_rentals() == []


async def test_a_lead_approves_with_one_tap_and_it_is_rented(chat: Chat) -> None:
    """The request stands in the channel; the answer is written into it, and Rent works then."""
    refused = await over(chat)
    asked = await chat.ada.click(refused.response, label="Ask a lead for $1")
    (request,) = asked.followups
    assert asked.ephemeral
    assert not request.ephemeral
    assert f"<@{chat.ada.id}> asks for **$1.00** more this month" in text(request)

    decided = await chat.lead.click(request, label="Approve")
    again = await chat.ada.click(refused.response, label="Rent")

    assert f"Approved by <@{chat.lead.id}>" in text(decided.response)
    assert "Approve\nDeny" not in text(decided.response)
    assert "Renting RTX 4090" in text(again.response)


async def test_a_lead_may_approve_in_a_direct_message(chat: Chat) -> None:
    """They count as in the request's server; a member there is as little a lead, nor the asker."""
    hers = (await chat.ada.slash(chat.channel, "budget request", dollars="5")).followups[0]
    own = (await chat.lead.slash(chat.channel, "budget request", dollars="9")).followups[0]
    member = await from_inbox(chat, hers, "Approve", by=chat.ben)
    asker = await from_inbox(chat, own, "Approve", by=chat.lead)

    answer = await from_inbox(chat, hers, "Approve", by=chat.lead)

    assert "Only leads decide about budgets." in text(member.followups[0])
    assert "Nobody decides about their own request." in text(asker.followups[0])
    assert not answer.followups
    assert f"Approved by <@{chat.lead.id}>" in text(chat.lead.user.dm_channel.history()[-1])


async def test_who_has_left_the_server_approves_nothing(chat: Chat) -> None:
    """The direct message is still there."""
    hers = (await chat.ada.slash(chat.channel, "budget request", dollars="5")).followups[0]
    chat.env.inject_error("GET", f"/guilds/*/members/{chat.lead.id}", status=404, code=10007)

    answer = await from_inbox(chat, hers, "Approve", by=chat.lead)

    assert "You are not in that server any more." in text(answer.followups[0])


@pytest.mark.parametrize(("ended", "said"), [(False, "is running already"), (True, "has ended")])
async def test_an_approval_of_what_needs_none_any_more_says_so(
    chat: Chat, ended: bool, said: str
) -> None:
    """A lead raised the budget meanwhile, and it was rented without the request."""
    refused = await over(chat)
    asked = await chat.ada.click(refused.response, label="Ask a lead for $1")
    await chat.lead.slash(chat.channel, "budget set", dollars="$30", member=chat.ada.user)
    await chat.ada.click(refused.response, label="Rent")
    (rental,) = await chat.store.open_rentals()
    if ended:
        now = chat.clock.now()
        await chat.change(rental.id, state=State.CLOSED, reason=Reason.CANCELLED, closed_at=now)

    answer = await chat.lead.click(asked.followups[0], label="Approve")

    assert f"The machine that this was asked for {said}" in text(answer.followups[0])
    denied = await chat.lead.click(asked.followups[0], label="Deny")
    assert "Denied by" in text(denied.response)


async def from_inbox(
    chat: Chat, request: object, label: str, *, by: simcord.MemberActor
) -> simcord.InteractionResult:
    """The same buttons pressed in direct messages with us."""
    view = discord.ui.LayoutView.from_message(
        await chat.env.bot.get_channel(  # type: ignore[union-attr]
            chat.channel.id
        ).fetch_message(request.id)
    )  # type: ignore[attr-defined]
    direct = await chat.env.bot.create_dm(discord.Object(by.id))
    await direct.send(view=view)
    return await by.user.click(by.user.dm_channel.history()[-1], label=label)


async def test_a_request_is_no_ones_own_to_approve(chat: Chat) -> None:
    """A member is refused, a lead who asked as well; a second lead comes too late."""
    asked = (await chat.lead.slash(chat.channel, "budget request", dollars="10")).followups[0]
    late = twice(chat.lead, asked, "Deny")

    own = await chat.lead.click(asked, label="Approve")
    member = await chat.ben.click(asked, label="Approve")

    assert own.followups[0].ephemeral
    assert "Nobody decides about their own request." in text(own.followups[0])
    assert "Only leads decide about budgets." in text(member.followups[0])
    hers = (await chat.ada.slash(chat.channel, "budget request", dollars="5")).followups[0]
    late = twice(chat.lead, hers, "Deny")
    await chat.lead.click(hers, label="Approve")
    second = await late()
    assert "Another lead has already answered this request." in text(second.followups[0])


async def test_bad_amounts_and_members_change_nothing(chat: Chat) -> None:
    """Negative, absurd, of a member who is no lead."""
    for typed in ("-5", "$1e9", "lots", "1.000,50", "1000001"):
        said = await chat.lead.slash(chat.channel, "budget set", dollars=typed)
        assert "That is not an amount between $0 and $1,000,000." in text(said.response)
    refused = await chat.ada.slash(chat.channel, "budget set", dollars="500")

    assert "Only leads decide about budgets." in text(refused.response)
    assert await chat.store.budgets(chat.guild.id) == []


async def test_an_amount_with_commas_between_thousands_is_one(chat: Chat) -> None:
    """`1,000.50` is a thousand dollars; with comma and point the other way round it is refused."""
    await chat.lead.slash(chat.channel, "budget set", dollars="$1,000.50")

    (budget,) = await chat.store.budgets(chat.guild.id)
    assert budget.amount == Usd.of("1000.50")


async def half_used(chat: Chat) -> Rental:
    """Ada's machine has cost half of her two dollars."""
    await chat.lead.slash(chat.channel, "budget set", dollars="2", member=chat.ada.user)
    rental = await chat.ready(hours=1)
    now = chat.clock.now()
    entry = Entry(
        rental_id=rental.id, kind=Kind.GPU, period_start=now, period_end=now, amount=Usd.of(1)
    )
    await chat.store.apply(rental, event="booked by a test", entries=[entry])
    return rental


async def watch(chat: Chat) -> None:
    """A round of the budgets, and one of the letters, as a process that has just begun."""
    await Budgets(store=chat.store, clock=chat.clock, wake=Wake(), news=Wake()).watch()
    await chat.write()


async def test_half_of_a_budget_is_told_once_over_restarts(chat: Chat) -> None:
    """Directly, to whom it concerns."""
    await half_used(chat)

    for _ in range(3):
        await watch(chat)

    (message,) = [one for one in chat.ada.user.dm_channel.history() if "50 %" in text(one)]
    assert "$1.00 of $2.00 used this month" in text(message)


async def test_in_quiet_hours_a_budget_waits(chat: Chat) -> None:
    """Nobody has to do anything about a half."""
    await chat.store.change_policy({"quiet": '"11-14"'}, by=None)
    await half_used(chat)

    await watch(chat)
    assert chat.ada.user.dm_channel.history() == []
    chat.clock.turn(timedelta(hours=2))
    await watch(chat)

    assert len(chat.ada.user.dm_channel.history()) == 1


async def test_who_wants_no_messages_gets_none_but_the_warning_of_an_end(chat: Chat) -> None:
    """And who wants them in the channel reads them there."""
    await chat.store.change_policy({f"member/{chat.ada.id}/notices": '"none"'}, by=None)
    rental = await half_used(chat)
    await watch(chat)
    assert chat.ada.user.dm_channel.history() == []

    await chat.store.change_policy({"over_budget": '"end"'}, by=None)
    now = chat.clock.turn(timedelta(minutes=1))
    entry = Entry(
        rental_id=rental.id, kind=Kind.GPU, period_start=now, period_end=now, amount=Usd.of(1)
    )
    await chat.store.apply(await chat.again(rental.id), event="booked by a test", entries=[entry])
    await watch(chat)

    (warning,) = chat.ada.user.dm_channel.history()
    assert "In 30 minutes what runs on it is archived and then destroyed." in text(warning)


async def test_somebody_who_left_is_told_in_the_channel_and_still_counts(chat: Chat) -> None:
    """Their machine runs on the team's money; a lead sees whose it is."""
    await half_used(chat)
    chat.env.inject_error("POST", "/users/@me/channels", status=404, code=10013)

    await watch(chat)

    (message,) = [one for one in chat.cards if "50 % reached" in text(one)]
    assert f"<@{chat.ada.id}>" in text(message)
    shown = text((await chat.lead.slash(chat.channel, "budget show")).response)
    assert f"**<@{chat.ada.id}>** · $1.00 of $2.00 used" in shown


async def test_a_role_that_was_taken_away_still_pays_for_what_it_began(chat: Chat) -> None:
    """Ada rented as a student; since then she is none."""
    role = chat.guild.create_role("Students")
    cy = chat.guild.add_member(chat.env.create_user("cy", global_name="Cy"), roles=[role])
    await chat.lead.slash(chat.channel, "budget set", dollars="40", role=role)
    quote = await cy.slash(chat.channel, "rent", gpu="RTX 4090", hours=10)
    await cy.click(quote.response, label="Rent")

    chat.env.backend.guilds[chat.guild.id].members[cy.id].role_ids.clear()
    again = await cy.slash(chat.channel, "rent", gpu="RTX 4090", hours=10)
    shown = text((await chat.lead.slash(chat.channel, "budget show")).response)

    assert f"<@&{role.id}>" not in text(again.response)
    assert f"**<@&{role.id}>** · $0.00 of $40.00 used · $36.82 left" in shown


async def test_a_limit_below_what_is_used_says_so(chat: Chat) -> None:
    """It is set all the same."""
    said = await chat.lead.slash(chat.channel, "budget set", dollars="0")

    assert "More than that is used already" in text(said.response)
    (budget,) = await chat.store.budgets(chat.guild.id)
    assert budget.subject == TEAM
    assert budget.set_by == chat.lead.id
