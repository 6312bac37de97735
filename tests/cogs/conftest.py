"""The real bot with real services in SimCord's Discord; only market and store are small."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import discord
import pytest
import simcord

from bot.client import Bellhop, Services
from bot.domain.access import Actor
from bot.domain.rentals import Rental, RentalId
from bot.errors import BotError, NotReady
from bot.services.desk import Desk
from bot.services.notices import Notices
from bot.services.offers import Offers
from bot.services.spend import Spend
from bot.tasks import Wake
from tests.cogs.market import FixedMarket, SetClock, offer, rates
from tests.cogs.memory import MemoryStore


class FixedLinks:
    """Tickets that need no relay."""

    def __init__(self) -> None:
        self.issued: list[tuple[int, RentalId]] = []
        self.ready = True

    async def issue(self, actor: Actor, rental_id: RentalId) -> str:
        if not self.ready:
            raise NotReady(f"{rental_id}")
        self.issued.append((actor.id, rental_id))
        return f"http://{rental_id}.localhost:8642/-/ticket/t{len(self.issued)}"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def market() -> FixedMarket:
    return FixedMarket(
        [
            offer(1),
            offer(2, gpu_name="RTX 3090", rates=rates("0.201"), region="Norway, NO"),
            offer(3, gpu_name="H100 SXM", rates=rates("2.1"), vram_mb=81_559, compute_cap=900),
            offer(4, gpu_name="Tesla T4", rates=rates("0.11"), vram_mb=15_360, compute_cap=750),
        ]
    )


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def links() -> FixedLinks:
    return FixedLinks()


@pytest.fixture
def services(
    clock: SetClock, market: FixedMarket, store: MemoryStore, links: FixedLinks
) -> Services:
    offers = Offers(market=market)
    desk = Desk(store=store, market=market, offers=offers, clock=clock, wake=Wake())
    spend = Spend(store=store, clock=clock)
    return Services(desk=desk, offers=offers, spend=spend, links=links, clock=clock)


@dataclass
class Chat:
    """A server with a channel, two members and a lead, and our bot in it."""

    env: simcord.Env
    guild: simcord.GuildHandle
    channel: simcord.ChannelHandle
    ada: simcord.MemberActor
    ben: simcord.MemberActor
    lead: simcord.MemberActor
    store: MemoryStore
    clock: SetClock

    async def rented(self, **options: object) -> Rental:
        """Ada rents by command and button; the rental as it is stored."""
        quote = await self.ada.slash(self.channel, "rent", **options)
        before = set(self.store.rentals)
        await self.ada.click(quote.response, label="Rent")
        (new,) = set(self.store.rentals) - before
        return self.store.rentals[new]

    def change(self, rental: Rental, **changes: object) -> Rental:
        """Bring about what the reconciler would."""
        changed = replace(self.store.rentals[rental.id], **changes)
        self.store.rentals[rental.id] = changed
        return changed

    async def deliver(self, client: discord.Client | None = None) -> int:
        """One round of the outbox, as the house would run it."""
        from bot.adapters.discord.post import ChannelPost
        from cogs.ui import cards

        post = ChannelPost(client=client or self.env.bot, render=cards.rental, clock=self.clock)
        notices = Notices(store=self.store, post=post, news=Wake(), clock=self.clock)
        return await notices.deliver()


@pytest.fixture
async def chat(services: Services, store: MemoryStore, clock: SetClock) -> AsyncIterator[Chat]:
    """Faults that are not errors of the house fail the test, unless it has read `env.errors`."""
    bot = Bellhop(services=services)
    env = simcord.Env(bot, check_errors=False)
    await env.start()
    guild = env.create_guild("Team")
    leads = guild.create_role("Leads", permissions=discord.Permissions(manage_guild=True))
    try:
        yield Chat(
            env=env,
            guild=guild,
            channel=guild.create_text_channel("gpus"),
            ada=guild.add_member(env.create_user("Ada")),
            ben=guild.add_member(env.create_user("Ben")),
            lead=guild.add_member(env.create_user("Lea"), roles=[leads]),
            store=store,
            clock=clock,
        )
    finally:
        unread = env.error_cursor - env._errors_acknowledged
        await env.shutdown()
        await env.bot.close()
        faults = [one for one in env.errors[-unread:] if unread and not _expected(one)]
        assert not faults, faults


def _expected(error: BaseException) -> bool:
    return isinstance(getattr(error, "original", error), BotError)


def text(message: object) -> str:
    """Everything a person reads in a message's cards, buttons included."""
    found: list[str] = []
    for part in simcord.components.walk_components(message.components):  # type: ignore[attr-defined]
        found += [part[key] for key in ("content", "label") if part.get(key)]
        found += [option["label"] for option in part.get("options") or ()]
    return "\n".join(found)
