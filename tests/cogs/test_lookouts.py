"""“Tell me when there is one” and “Rent it when there is one”, as people press them."""

from __future__ import annotations

from dataclasses import replace

from bot.adapters.discord.tidings import DiscordTidings
from bot.client import Services
from bot.domain.archives import ArchiveState
from bot.domain.money import Usd
from bot.services.scout import Scout
from cogs.ui import lookouts
from tests.builders import an_offer, some_rates
from tests.cogs.conftest import Chat, text
from tests.cogs.market import FixedMarket
from tests.cogs.test_replace import archived


def _scout(chat: Chat, services: Services) -> Scout:
    return Scout(
        store=chat.store,
        desk=services.desk,
        offers=services.offers,
        tidings=DiscordTidings(client=chat.env.bot, render=lookouts.letter),
        clock=chat.clock,
    )


async def test_nothing_found_offers_to_wait_and_status_lists_it(chat: Chat) -> None:
    """The answer has the buttons; /status shows the wish and takes it back."""
    nothing = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", max_price="0.05")
    await chat.ada.click(nothing.response, label="Rent it when there is one")
    status = await chat.ada.slash(chat.channel, "status")
    shown = text(status.response)
    stopped = await chat.ada.click(status.response, label="Stop looking")

    assert "Looking for RTX 4090 for at most $0.050/h" in text(nothing.response)
    assert "1 · RTX 4090 for at most $0.050/h, then rent it" in shown
    assert "Not looking any more" in text(stopped.response)
    assert await chat.store.open_lookouts() == []


async def test_who_waits_for_a_message_gets_one_and_rents_from_there(
    chat: Chat, services: Services, market: FixedMarket
) -> None:
    """Directly, with a button to the price; nothing is rented before Rent is pressed."""
    nothing = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", max_price="0.05")
    await chat.ada.click(nothing.response, label="Tell me when there is one")
    rates = some_rates(gpu_per_hour=Usd.of("0.01"))
    market.offers = [an_offer(id=7009, gpu_name="RTX 4090", compute_cap=890, rates=rates)]
    scout = _scout(chat, services)

    await scout.pass_once()
    await scout.deliver()
    await scout.deliver()
    (message,) = chat.ada.user.dm_channel.history()
    quote = await chat.ada.user.click(message, label="See what it costs")
    before = await chat.store.open_rentals()
    await chat.ada.user.click(quote.response, label="Rent")

    assert "There is one: RTX 4090" in text(message)
    assert before == []
    assert [one.offer.id for one in await chat.store.open_rentals()] == [7009]


async def test_beyond_the_budget_one_reads_there_where_to_ask(
    chat: Chat, services: Services, market: FixedMarket
) -> None:
    """A request in a direct message would be seen by no lead; nor does the card come there."""
    nothing = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", max_price="0.05", hours=10)
    await chat.ada.click(nothing.response, label="Tell me when there is one")
    rates = some_rates(gpu_per_hour=Usd.of("0.01"))
    market.offers = [an_offer(id=7009, gpu_name="RTX 4090", compute_cap=890, rates=rates)]
    scout = _scout(chat, services)
    await scout.pass_once()
    await scout.deliver()
    (message,) = chat.ada.user.dm_channel.history()
    quote = await chat.ada.user.click(message, label="See what it costs")
    await chat.lead.slash(chat.channel, "budget set", dollars="0.1", member=chat.ada.user)

    refused = await chat.ada.user.click(quote.response, label="Rent")
    shown = text(refused.response)
    await chat.lead.slash(chat.channel, "budget set", dollars="off", member=chat.ada.user)
    begun = await chat.ada.user.click(quote.response, label="Rent")

    assert "To ask for $1, type /budget request in the server.\nRent\nCancel" in shown
    assert f"Its card appears in <#{chat.channel.id}>" in text(begun.response)


async def test_what_waits_with_an_archive_is_rented_as_a_restore_is(
    chat: Chat, services: Services, market: FixedMarket
) -> None:
    """Under its earlier name and address, with what was foreseen."""
    earlier = await chat.ended(await chat.ready(gpu="RTX 4090", name="lesson"))
    await archived(chat, earlier.id, "rchvd")
    nothing = await chat.ada.slash(chat.channel, "rent", restore="rchvd", max_price="0.05")
    await chat.ada.click(nothing.response, label="Rent it when there is one")
    rates = some_rates(gpu_per_hour=Usd.of("0.01"))
    market.offers = [an_offer(id=7009, gpu_name="RTX 4090", compute_cap=890, rates=rates)]

    await _scout(chat, services).pass_once()

    (rental,) = await chat.store.open_rentals()
    assert rental.restore_id == "rchvd"
    assert (rental.name, rental.host_name) == ("work", earlier.host_name)
    assert rental.forecast is not None


async def test_what_waits_with_an_archive_that_was_deleted_is_not_rented(
    chat: Chat, services: Services, market: FixedMarket
) -> None:
    """A machine without the work that it was wished for would only cost; /status says why."""
    earlier = await chat.ended(await chat.ready(gpu="RTX 4090"))
    archive = await archived(chat, earlier.id, "rchvd")
    nothing = await chat.ada.slash(chat.channel, "rent", restore="rchvd", max_price="0.05")
    await chat.ada.click(nothing.response, label="Rent it when there is one")
    rates = some_rates(gpu_per_hour=Usd.of("0.01"))
    market.offers = [an_offer(id=7009, gpu_name="RTX 4090", compute_cap=890, rates=rates)]
    await chat.store.keep_archive(replace(archive, state=ArchiveState.DELETED))

    await _scout(chat, services).pass_once()
    status = await chat.ada.slash(chat.channel, "status")

    assert await chat.store.open_rentals() == []
    assert "There is one, but: There is no such archive." in text(status.response)


async def test_a_single_offer_that_is_gone_is_not_waited_for(chat: Chat) -> None:
    """It will not come again under that number."""
    gone = await chat.ada.slash(chat.channel, "rent", offer="99")

    assert "Tell me" not in text(gone.response)
