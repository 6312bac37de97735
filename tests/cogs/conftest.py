"""The real bot with real services over a real database, in SimCord's Discord.

Only the market is small. SQLite alone is enough here: what differs between databases is the
store's affair and tested there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord
from simcord import actors
from simcord.components import walk_components

from bot.adapters.archive.places import open_place
from bot.adapters.archive.streams import Streams
from bot.adapters.archive.vault import PlaceVault
from bot.adapters.archive.workspace import SshWorkspaces
from bot.adapters.charts.bars import BarCharts
from bot.adapters.discord.mail import DiscordMail
from bot.adapters.discord.post import ChannelPost
from bot.adapters.ssh.people import check_public_key
from bot.adapters.storage.store import open_store
from bot.client import Bellhop, Services
from bot.domain import tabs
from bot.domain.limits import Limits
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Phase, Reason, Rental, RentalId, State
from bot.errors import BotError
from bot.ports.books import Store
from bot.ports.charts import Picture, Series
from bot.services.archive_retention import Retention
from bot.services.archives import Archives
from bot.services.boards import Boards
from bot.services.budgets import Budgets
from bot.services.desk import Desk
from bot.services.downloads import Downloads
from bot.services.guide import Guide
from bot.services.letters import Letters
from bot.services.links import Links
from bot.services.lookouts import Lookouts
from bot.services.moves import Moves
from bot.services.notices import Notices
from bot.services.offers import Offers
from bot.services.policy import Policies
from bot.services.reports import Reports
from bot.services.sharing import Sharing
from bot.services.shelf import Shelf
from bot.services.spend import Spend
from bot.services.ssh import Ssh
from bot.services.welcome import Welcome
from bot.tasks import Wake
from cogs.ui import questions
from cogs.ui.cards import rental_card
from tests.builders import NOW, SetClock, an_instance
from tests.cogs.market import FixedMarket, few_offers
from tests.postgres import apart


@pytest.fixture(scope="session", autouse=True)
def _drawing() -> None:
    """The library loads some seconds after a start, for which SimCord has no patience."""
    apart(BarCharts().load(0))


@pytest.fixture
def market() -> FixedMarket:
    return FixedMarket(few_offers())


@pytest.fixture
async def store(sqlite_url: str, clock: SetClock) -> AsyncIterator[Store]:
    async with open_store(sqlite_url, clock=clock) as opened:
        yield opened


@pytest.fixture
def archives(clock: SetClock, store: Store, tmp_path: Path) -> Archives:
    place = open_place(f"file://{tmp_path / 'archives'}")
    return Archives(
        books=store,
        vault=PlaceVault(streams=Streams(place=place, secret="s" * 32)),
        workspaces=SshWorkspaces(),
        clock=clock,
    )


@pytest.fixture
def services(clock: SetClock, market: FixedMarket, store: Store, archives: Archives) -> Services:
    budgets = Budgets(store=store, clock=clock, wake=Wake(), news=Wake())
    policies = Policies(store=store)
    offers = Offers(market=market, grudges=store, clock=clock, policies=policies)
    retention = Retention(
        store=store, archives=archives, policies=policies, news=Wake(), clock=clock
    )
    shelf = Shelf(archives=archives, retention=retention)
    desk = Desk(
        budgets=budgets,
        store=store,
        market=market,
        offers=offers,
        shelf=shelf,
        clock=clock,
        wake=Wake(),
        news=Wake(),
    )

    async def measure(rental: Rental) -> int:
        return 2_000_000_000

    links = Links(store=store, clock=clock, relay_url="http://{rental}.localhost:8642")
    sharing = Sharing(store=store, links=links, clock=clock, changed=Wake(), wake=Wake())
    return Services(
        sharing=sharing,
        guide=Guide(store=store, budgets=budgets, policies=policies, limits=Limits()),
        welcome=Welcome(
            store=store, policies=policies, budgets=budgets, clock=clock, joined=Wake()
        ),
        ssh=Ssh(store=store, sharing=sharing, check=check_public_key, clock=clock, changed=Wake()),
        desk=desk,
        moves=Moves(store=store, desk=desk, offers=offers, measure=measure, clock=clock),
        downloads=Downloads(
            shelf=shelf,
            archives=archives,
            links=store,
            clock=clock,
            origin="http://localhost:8642",
        ),
        offers=offers,
        lookouts=Lookouts(store=store, desk=desk, offers=offers, clock=clock),
        reports=Reports(store=store, policies=policies, clock=clock, telling=Wake()),
        spend=Spend(store=store, budgets=budgets, charts=BarCharts(), clock=clock),
        links=links,
        shelf=shelf,
        interactions=store,
        policies=policies,
        budgets=budgets,
        boards=Boards(store=store, hung=Wake()),
        clock=clock,
    )


@pytest.fixture
async def drawn() -> None:
    """The first picture loads the library, for which the pretend Discord has no patience."""
    day = Series("a", (Usd(1),))
    await BarCharts().draw(Picture(title="a", days=(NOW.date(),), series=(day,)))


@dataclass
class Chat:
    """A server with a channel, two members and a lead, and our bot in it."""

    env: simcord.Env
    guild: simcord.GuildHandle
    channel: simcord.ChannelHandle
    ada: simcord.MemberActor
    ben: simcord.MemberActor
    lead: simcord.MemberActor
    store: Store
    clock: SetClock

    async def rented(self, **options: Any) -> Rental:
        """Ada rents by command and button; the newest of her rentals."""
        quote = await self.ada.slash(self.channel, "rent", **options)
        await self.ada.click(quote.response, label="Rent")
        return (await self.store.rentals_of(self.guild.id, self.ada.id))[0]

    async def ready(self, **options: Any) -> Rental:
        """A rental of Ada's whose notebook answers, and whose card is in the channel."""
        rental = await self.rented(**options)
        now = self.clock.now()
        await self.change(
            rental.id,
            state=State.READY,
            phase=Phase.REACHABLE,
            contract=ContractId(int(rental.id.encode().hex(), 16) % 10**9),
            created_at=now,
            running_at=now,
            ready_at=now,
        )
        await self.look(rental.id)
        await self.deliver()
        return await self.again(rental.id)

    async def look(self, rental_id: RentalId) -> None:
        """Bring its tab up to now, as the bookkeeper does at each look."""
        rental, now = await self.again(rental_id), self.clock.now()
        assert rental.contract is not None
        machine = an_instance(rental, created_at=rental.created_at, running_since=rental.running_at)
        kept = await self.store.tabs_of([rental_id])
        tab = kept[0] if kept else tabs.opened(rental, rental.contract, machine, now)
        tab, entries = tabs.read(tab, machine, now)
        if rental.gone_at is not None:
            tab, rest = tabs.end(tab, now)
            entries += rest
        await self.store.write_tab(tab, entries)

    async def ended(self, rental: Rental) -> Rental:
        """Destroyed by its owner and seen gone, all at this moment; its card says so."""
        now = self.clock.now()
        ended = await self.change(
            rental.id,
            state=State.CLOSED,
            reason=Reason.RELEASED,
            ended_by=rental.owner_id,
            waived_by=rental.owner_id,
            released_at=now,
            destroyed_at=now,
            gone_at=now,
            closed_at=now,
        )
        await self.look(rental.id)
        await self.deliver()
        return ended

    async def change(self, rental_id: RentalId, **changes: Any) -> Rental:
        """Bring about what the reconciler would."""
        return await self.store.apply(
            replace(await self.again(rental_id), **changes), event="changed by a test"
        )

    async def again(self, rental_id: RentalId) -> Rental:
        rental = await self.store.rental(rental_id)
        assert rental is not None
        return rental

    async def choose(
        self, person: simcord.MemberActor, card: discord.Message, what: str
    ) -> simcord.InteractionResult:
        """Press More on a card, and choose from the menu."""
        menu = await person.click(card, label="More")
        return await person.select(menu.response, [what])

    async def deliver(self) -> int:
        """One round of the outbox, as the house runs it."""
        post = ChannelPost(client=self.env.bot, render=rental_card, clock=self.clock)
        notices = Notices(store=self.store, post=post, news=Wake(), clock=self.clock)
        return await notices.deliver()

    async def write(self) -> int:
        """One round of the letters."""
        mail = DiscordMail(client=self.env.bot, render=questions.letter, clock=self.clock)
        policies = Policies(store=self.store)
        letters = Letters(
            store=self.store, mail=mail, news=Wake(), clock=self.clock, policies=policies
        )
        return await letters.deliver()

    @property
    def cards(self) -> list[discord.Message]:
        """What everybody in the channel sees."""
        return self.channel.history()


@pytest.fixture
async def chat(services: Services, store: Store, clock: SetClock) -> AsyncIterator[Chat]:
    """A fault that is no error of the house fails the test, unless it has read `env.errors`."""
    env = simcord.Env(Bellhop(services=services), check_errors=False)
    await env.start()
    guild = env.create_guild("Team")
    leads = guild.create_role("Leads", permissions=discord.Permissions(manage_guild=True))
    try:
        yield Chat(
            env=env,
            guild=guild,
            channel=guild.create_text_channel("gpus"),
            ada=guild.add_member(env.create_user("ada", global_name="Ada")),
            ben=guild.add_member(env.create_user("ben", global_name="Ben")),
            lead=guild.add_member(env.create_user("lea", global_name="Lea"), roles=[leads]),
            store=store,
            clock=clock,
        )
    finally:
        unread = env._errors[env._errors_acknowledged :]
        await env.shutdown()
        await env.bot.close()
        faults = [one for one in unread if not _of_the_house(one)]
        assert not faults, faults


def text(message: Any) -> str:
    """Everything a person reads in a message's card: texts, buttons, menus."""
    components = message.components
    if isinstance(message, discord.Message):
        components = [part.to_dict() for part in components]
    found: list[str] = []
    for part in walk_components(components):
        found += [str(part[key]) for key in ("content", "label") if part.get(key)]
        found += [option["label"] for option in part.get("options") or ()]
    return "\n".join(found)


def link(message: Any) -> str:
    """The address behind a card's one link button."""
    (url,) = [part["url"] for part in walk_components(message.components) if part.get("url")]
    return str(url)


def twice(
    person: simcord.MemberActor,
    message: Any,
    label: str,
    *,
    by: simcord.MemberActor | None = None,
) -> Callable[[], Awaitable[simcord.InteractionResult]]:
    """A button that is pressed whatever the message shows now, and by whomever.

    A second, quick click arrives like that; and a forged one, which Discord would not let through.
    """
    stored = deepcopy(actors._visible_message(person, message))
    button = next(part for part in walk_components(stored.components) if part.get("label") == label)
    data = {"custom_id": button["custom_id"], "component_type": 2, "id": button["id"]}
    return lambda: actors._component_interaction(by or person, stored, data)


def _of_the_house(error: BaseException) -> bool:
    return isinstance(getattr(error, "original", error), BotError)
