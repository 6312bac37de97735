"""The quote in chat: its hours, its transfer, and what it makes of the month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain.money import Usd
from bot.domain.purses import TEAM, Scope, Subject
from tests.builders import NOW
from tests.cogs.conftest import Chat, text

HOUR = timedelta(hours=1)


async def quoted(chat: Chat, **options: object) -> str:
    answer = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", **options)
    return text(answer.response)


def at(moment: datetime, form: str = "t") -> str:
    return f"<t:{int(moment.timestamp())}:{form}>"


async def test_a_quote_says_what_the_hours_and_the_transfer_will_cost(chat: Chat) -> None:
    """Part by part: the parts are the whole."""
    shown = await quoted(chat, hours=10)

    assert "**$3.18** for the 10 hours you plan: GPU $2.97, disk $0.21" in shown
    assert (
        "Expected: about **$0.18** of transfer (the image 8.0 GB $0.16, "
        "the archive at the end 1.0 GB $0.02)." in shown
    )


async def test_without_a_budget_it_says_what_the_month_comes_to(chat: Chat) -> None:
    """One's own and the team's, by the planned end."""
    shown = await quoted(chat, hours=10)
    by = at(NOW + 10 * HOUR)

    assert f"You: $0.00 used; with this at most **$3.36** by {by}" in shown
    assert f"The team: $0.00 used; with this at most **$3.36** by {by}" in shown


async def test_with_budgets_it_says_how_much_of_them(chat: Chat) -> None:
    """What runs already may cost its part; a budget that is too small is said to be."""
    await chat.lead.slash(chat.channel, "budget set", dollars="40")
    await chat.lead.slash(chat.channel, "budget set", dollars="5", member=chat.ada.user)
    rental = await chat.ready(gpu="RTX 4090", hours=10)
    chat.clock.turn(2 * HOUR)
    await chat.look(rental.id)

    shown = await quoted(chat, hours=10)

    assert "You: $0.64 of $5 used; with this at most more than is allowed: **$6.54**" in shown
    assert "The team: $0.64 of $40 used; with this at most **$6.54**" in shown


async def test_a_role_with_a_budget_is_named_and_others_are_not(chat: Chat) -> None:
    """Somebody in two roles, of which one is limited."""
    limited, other = chat.guild.create_role("Students"), chat.guild.create_role("Chess")
    both = chat.guild.add_member(
        chat.env.create_user("cy", global_name="Cy"), roles=[limited, other]
    )
    await chat.lead.slash(chat.channel, "budget set", dollars="7.50", role=limited)

    answer = await both.slash(chat.channel, "rent", gpu="RTX 4090", hours=1)

    shown = text(answer.response)
    assert f"<@&{limited.id}>: $0.00 of $7.50 used" in shown
    assert f"<@&{other.id}>" not in shown


async def test_without_planned_hours_one_is_counted(chat: Chat) -> None:
    """And that is said."""
    shown = await quoted(chat)

    assert f"with this at most **$0.50** by {at(NOW + HOUR)}" in shown
    assert "No hours are planned, so one is counted." in shown


async def test_only_this_months_part_is_counted(chat: Chat) -> None:
    """Rented for a week on the last day of the month; the rest is the next one's."""
    chat.clock.at = datetime(2026, 11, 30, 20, tzinfo=UTC)

    shown = await quoted(chat, hours=168)

    end = datetime(2026, 12, 1, tzinfo=UTC)
    assert f"with this at most **$1.45** by {at(end)}" in shown


async def test_an_image_of_unknown_size_is_said_to_be(chat: Chat) -> None:
    shown = await quoted(chat, image="someone/something:latest")

    assert "about **$0.02** of transfer (the image, whose size is not known, the archive" in shown


async def test_what_was_foreseen_is_kept_with_the_rental(chat: Chat) -> None:
    """As it was shown, whatever the month does later."""
    await chat.lead.slash(chat.channel, "budget set", dollars="40")
    rental = await chat.rented(gpu="RTX 4090", hours=10)

    seen = rental.prospect

    assert seen is not None
    assert seen.until == NOW + 10 * HOUR
    assert seen.transfer == Usd.of("0.18")
    mine, team = seen.effects
    assert mine.subject == Subject(Scope.MEMBER, chat.ada.id)
    assert (team.subject, team.limit) == (TEAM, Usd.of(40))
    assert mine.most == team.most == seen.most
