"""The fuse box: settings in, a running Bellhop out.

Everything shared is made here, once, on one `AsyncExitStack`, so that closing is the reverse of
opening. Three circles are broken here by handing something over: the post gets the function that
renders a card, the relay and the steps share the book of routes, and the links tell the relay whom
to let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.adapters.archive.memory import give_back_large
from bot.adapters.archive.places import open_place
from bot.adapters.archive.streams import Streams
from bot.adapters.archive.vault import PlaceVault
from bot.adapters.archive.workspace import SshWorkspaces
from bot.adapters.charts.bars import BarCharts
from bot.adapters.discord.bulletins import DiscordBoard
from bot.adapters.discord.mail import DiscordMail
from bot.adapters.discord.post import ChannelPost
from bot.adapters.discord.tidings import DiscordTidings
from bot.adapters.jupyter.documents import JupyterDocuments
from bot.adapters.jupyter.notebooks import JupyterNotebooks
from bot.adapters.ssh.keys import SshKey, load_or_create
from bot.adapters.ssh.looks import ShellLooks
from bot.adapters.ssh.tunnels import SshTunnels
from bot.adapters.storage.lease import hold_lease
from bot.adapters.storage.migrate import demand_newest, migrate
from bot.adapters.storage.store import open_store
from bot.adapters.vast.client import Vast
from bot.client import Bellhop, Services
from bot.config import Settings
from bot.domain.idle_policy import Policy
from bot.domain.lifecycle import Limits
from bot.domain.rentals import Rental, mark_of
from bot.errors import BotError, Config, system_reason
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.relay.app import Relay
from bot.relay.hosts import bare
from bot.schedule import Schedule, Tick
from bot.services.account import AccountWatch
from bot.services.archive_ahead import Ahead
from bot.services.archive_retention import Retention
from bot.services.archives import Archives
from bot.services.bills import Bills
from bot.services.bookkeeper import Bookkeeper
from bot.services.budgets import Budgets
from bot.services.bulletins import Bulletins
from bot.services.desk import Desk
from bot.services.downloads import Downloads
from bot.services.herald import Herald
from bot.services.idle import IdleWatch
from bot.services.letters import Letters
from bot.services.links import Links
from bot.services.lookouts import Lookouts
from bot.services.moves import Moves
from bot.services.notices import Notices
from bot.services.offers import Offers
from bot.services.outputs import Outputs
from bot.services.policy import Policies
from bot.services.probe import Probe
from bot.services.questions import Questions
from bot.services.reconciler import Reconciler
from bot.services.replacing import Replacing
from bot.services.routes import Routes, Traffic
from bot.services.scout import Scout
from bot.services.shelf import Shelf
from bot.services.spend import Spend
from bot.services.steps import Steps
from bot.services.sweep import Sweep
from bot.services.watch import Watch
from bot.tasks import Tasks, Wake
from cogs.ui import bulletins as bulletin_cards
from cogs.ui import lookouts as lookout_cards
from cogs.ui import questions as letter_cards
from cogs.ui.cards import rental_card

log = logging.getLogger(__name__)

DELIVER_TICK_S = 5.0
BILL_TICK_S = 600.0
SWEEP_POLLS = 4
"""The account is swept at every so many-th poll; both list it."""
LOOK_OUT_TICK_S = 60.0
LAST_FLUSH_S = 2.0
"""How long the end of the process waits for outputs that only its memory has."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A connected Bellhop. `client` still has to be logged in, by whoever opened the app."""

    client: Bellhop
    relay: Relay
    store: Store
    market: Vast
    reconciler: Reconciler
    notices: Notices
    links: Links
    routes: Routes
    archives: Archives
    clock: Clock
    wake: Wake
    lost: asyncio.Event  # set when another process may have taken our place


@contextlib.asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    limits: Limits | None = None,
    policy: Policy | None = None,
    migrating: bool = True,
) -> AsyncIterator[App]:
    """A working Bellhop without its chat: relay listening, rentals reconciled, notices due.

    Raises Config for a setting that turns out wrong, Store when the database is away or in use.
    """
    async with contextlib.AsyncExitStack() as stack:
        lease = await stack.enter_async_context(hold_lease(settings.database_url))
        await (migrate if migrating else demand_newest)(settings.database_url)
        routes = Routes()
        outside = await _open_outside(settings, routes, stack)
        shared = Shared(
            policies=Policies(store=outside.store, usual=policy),
            limits=limits or Limits(),
            routes=routes,
        )
        await shared.policies.values()  # who is a lead is known before the first command comes
        budgets = Budgets(
            store=outside.store, clock=outside.clock, wake=shared.wake, news=shared.news
        )
        counter = _counter(outside, shared, budgets)
        client = _client(settings, outside, shared, counter)
        stack.push_async_callback(client.close)
        tasks = Tasks()
        stack.push_async_callback(tasks.aclose)

        relay = _relay(settings, outside, shared, client=client)
        idle = _idle_watch(outside, shared)
        reconciler = _reconciler(settings, outside, shared, idle=idle, paths=relay, tasks=tasks)
        notices = Notices(
            store=outside.store,
            post=ChannelPost(client=client, render=rental_card, clock=outside.clock),
            news=shared.news,
            clock=outside.clock,
        )
        await _listen(relay, settings)
        stack.push_async_callback(relay.close)
        stack.push_async_callback(outside.outputs.flush_all, LAST_FLUSH_S)

        schedule = Schedule(
            [
                Tick(name="reconcile", every_s=settings.poll_s, wake=shared.wake.set),
                Tick(name="deliver", every_s=DELIVER_TICK_S, wake=shared.news.set),
                Tick(name="bill", every_s=BILL_TICK_S, wake=shared.billing.set),
                Tick(name="look out", every_s=LOOK_OUT_TICK_S, wake=shared.looking_out.set),
                Tick(name="ask", every_s=settings.watch_s, wake=shared.asking.set),
                Tick(
                    name="sweep",
                    every_s=settings.poll_s * SWEEP_POLLS,
                    wake=shared.sweeping.set,
                ),
            ]
        )
        schedule.start()
        stack.callback(schedule.close)
        questions = _questions(outside, shared, idle=idle)
        scout = _scout(outside, counter, client=client)
        tasks.forever("reconciler", reconciler.run)
        tasks.forever("notices", notices.run)
        tasks.forever("letters", _letters(outside, shared, client=client).run)
        tasks.forever("kernels", relay.keep_joined)
        board = DiscordBoard(client=client, render=bulletin_cards.bulletin)
        bulletins = Bulletins(
            store=outside.store, board=board, news=shared.telling, clock=outside.clock
        )
        tasks.forever("bulletins", bulletins.run)
        tasks.forever("sweep", _sweep(settings, outside, shared, board=board).run)
        tasks.forever("watch", _watch(settings, shared, paths=relay).run)
        tasks.forever("questions", lambda: questions.run(shared.asking, reconciler.reported))
        bills = _bills(settings, outside, shared)
        tasks.forever("budgets", budgets.run)
        tasks.forever("bills", lambda: bills.run(shared.billing))
        tasks.forever("archives", _retention(outside, shared).run)
        tasks.forever("ahead", _ahead(outside, shared, tasks=tasks).run)
        tasks.forever("scout", lambda: scout.run(shared.looking_out))
        tasks.forever("policy", shared.policies.run)
        yield App(
            client=client,
            relay=relay,
            store=outside.store,
            market=outside.market,
            reconciler=reconciler,
            notices=notices,
            links=outside.links,
            routes=shared.routes,
            archives=outside.archives,
            clock=outside.clock,
            wake=shared.wake,
            lost=lease.lost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What reaches out of the process, and the services that are little more than that."""

    clock: Clock
    store: Store
    market: Vast
    key: SshKey
    tunnels: SshTunnels
    notebooks: JupyterNotebooks
    archives: Archives
    outputs: Outputs
    links: Links
    downloads: Downloads


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What one part writes and another reads, and how they wake each other."""

    policies: Policies
    limits: Limits
    routes: Routes
    traffic: Traffic = field(default_factory=Traffic)
    wake: Wake = field(default_factory=Wake)  # the reconciler has something to do
    news: Wake = field(default_factory=Wake)  # a card or letter is to be sent
    billing: Wake = field(default_factory=Wake)  # it is time to look at Vast's bill
    asking: Wake = field(default_factory=Wake)  # it is time for a round of idle questions
    sweeping: Wake = field(default_factory=Wake)  # it is time to look at the whole account
    telling: Wake = field(default_factory=Wake)  # a bulletin is to be sent
    account: AccountWatch = field(default_factory=AccountWatch)
    looking_out: Wake = field(default_factory=Wake)  # it is time to search for those who wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Where people are served: what is on offer, what they have, what they begin and end."""

    offers: Offers
    shelf: Shelf
    desk: Desk
    budgets: Budgets


async def _open_outside(
    settings: Settings, routes: Routes, stack: contextlib.AsyncExitStack
) -> Outside:
    clock = SystemClock()
    store = await stack.enter_async_context(open_store(settings.database_url, clock=clock))
    market = Vast(url=settings.vast_url, api_key=settings.vast_api_key, clock=clock)
    stack.push_async_callback(market.close)
    key = await asyncio.to_thread(load_or_create, settings.data / "keys")
    tunnels = SshTunnels(key=key)
    stack.push_async_callback(tunnels.aclose)
    give_back_large()
    place = await asyncio.to_thread(open_place, settings.archive_url)
    outputs = Outputs(documents=JupyterDocuments(), routes=routes)
    archives = Archives(
        books=store,
        vault=PlaceVault(streams=Streams(place=place, secret=settings.secret)),
        workspaces=SshWorkspaces(),
        clock=clock,
        outputs=outputs,
    )
    return Outside(
        clock=clock,
        store=store,
        market=market,
        key=key,
        tunnels=tunnels,
        notebooks=JupyterNotebooks(),
        archives=archives,
        outputs=outputs,
        links=Links(store=store, clock=clock, relay_url=settings.relay_url),
        downloads=Downloads(
            shelf=Shelf(archives=archives),
            archives=archives,
            links=store,
            clock=clock,
            origin=bare(settings.relay_url),
        ),
    )


def _counter(outside: Outside, shared: Shared, budgets: Budgets) -> Counter:
    offers = Offers(
        market=outside.market,
        grudges=outside.store,
        clock=outside.clock,
        grudge=shared.limits.grudge,
    )
    shelf = Shelf(archives=outside.archives, retention=_retention(outside, shared))
    desk = Desk(
        store=outside.store,
        market=outside.market,
        offers=offers,
        shelf=shelf,
        budgets=budgets,
        clock=outside.clock,
        wake=shared.wake,
        news=shared.news,
        limits=shared.limits,
    )
    return Counter(offers=offers, shelf=shelf, desk=desk, budgets=budgets)


def _client(settings: Settings, outside: Outside, shared: Shared, counter: Counter) -> Bellhop:
    return Bellhop(
        services=Services(
            desk=counter.desk,
            offers=counter.offers,
            moves=_moves(outside, counter),
            downloads=outside.downloads,
            lookouts=Lookouts(
                store=outside.store, desk=counter.desk, offers=counter.offers, clock=outside.clock
            ),
            spend=Spend(
                store=outside.store,
                budgets=counter.budgets,
                charts=BarCharts(),
                clock=outside.clock,
            ),
            links=outside.links,
            shelf=counter.shelf,
            interactions=outside.store,
            policies=shared.policies,
            budgets=counter.budgets,
            clock=outside.clock,
            account=shared.account,
        ),
        guild_id=settings.guild_id,
    )


def _scout(outside: Outside, counter: Counter, *, client: Bellhop) -> Scout:
    return Scout(
        store=outside.store,
        desk=counter.desk,
        offers=counter.offers,
        tidings=DiscordTidings(client=client, render=lookout_cards.letter),
        clock=outside.clock,
    )


def _moves(outside: Outside, counter: Counter) -> Moves:
    async def measure(rental: Rental) -> int:
        shell = outside.tunnels.shell(rental.id)
        return (await outside.archives.estimate(rental, shell)).bytes

    return Moves(
        store=outside.store,
        desk=counter.desk,
        offers=counter.offers,
        measure=measure,
        clock=outside.clock,
    )


def _idle_watch(outside: Outside, shared: Shared) -> IdleWatch:
    return IdleWatch(
        store=outside.store,
        probe=Probe(
            tunnels=outside.tunnels,
            notebooks=outside.notebooks,
            looks=ShellLooks(),
            routes=shared.routes,
            traffic=shared.traffic,
            clock=outside.clock,
            outputs=outside.outputs,
        ),
        policy=shared.policies.idle,
        clock=outside.clock,
    )


def _reconciler(
    settings: Settings,
    outside: Outside,
    shared: Shared,
    *,
    idle: IdleWatch,
    paths: Relay,
    tasks: Tasks,
) -> Reconciler:
    return Reconciler(
        store=outside.store,
        market=outside.market,
        steps=Steps(
            market=outside.market,
            tunnels=outside.tunnels,
            notebooks=outside.notebooks,
            archives=outside.archives,
            outputs=outside.outputs,
            idle=idle,
            replacing=Replacing(
                market=outside.market,
                grudges=outside.store,
                clock=outside.clock,
                grudge=shared.limits.grudge,
            ),
            paths=paths,
            routes=shared.routes,
            traffic=shared.traffic,
            links=outside.links,
            clock=outside.clock,
            installation=settings.installation,
            public_key=outside.key.public_line(),
        ),
        bookkeeper=Bookkeeper(store=outside.store, billing=shared.billing),
        tasks=tasks,
        wake=shared.wake,
        news=shared.news,
        clock=outside.clock,
        limits=shared.limits,
        installation=settings.installation,
        poll=timedelta(seconds=settings.poll_s),
        account=shared.account,
    )


def _sweep(settings: Settings, outside: Outside, shared: Shared, *, board: DiscordBoard) -> Sweep:
    return Sweep(
        store=outside.store,
        market=outside.market,
        board=board,
        herald=Herald(
            store=outside.store,
            market=outside.market,
            account=shared.account,
            clock=outside.clock,
        ),
        account=shared.account,
        clock=outside.clock,
        limits=shared.limits,
        installation=settings.installation,
        mark=mark_of(outside.key.public_line()),
        wake=shared.sweeping,
        moved=shared.wake,
        news=shared.telling,
        every=timedelta(seconds=settings.poll_s * SWEEP_POLLS),
    )


def _watch(settings: Settings, shared: Shared, *, paths: Relay) -> Watch:
    return Watch(
        routes=shared.routes,
        paths=paths,
        wake=shared.wake,
        every=timedelta(seconds=settings.watch_s),
    )


def _bills(settings: Settings, outside: Outside, shared: Shared) -> Bills:
    return Bills(
        store=outside.store,
        market=outside.market,
        clock=outside.clock,
        news=shared.news,
        installation=settings.installation,
    )


def _questions(outside: Outside, shared: Shared, *, idle: IdleWatch) -> Questions:
    return Questions(
        store=outside.store,
        watch=idle,
        policies=shared.policies,
        wake=shared.wake,
        news=shared.news,
        clock=outside.clock,
    )


def _retention(outside: Outside, shared: Shared) -> Retention:
    return Retention(
        store=outside.store,
        archives=outside.archives,
        policies=shared.policies,
        news=shared.news,
        clock=outside.clock,
    )


def _ahead(outside: Outside, shared: Shared, *, tasks: Tasks) -> Ahead:
    return Ahead(
        store=outside.store,
        archives=outside.archives,
        tunnels=outside.tunnels,
        traffic=shared.traffic,
        policies=shared.policies,
        tasks=tasks,
        news=shared.news,
        clock=outside.clock,
    )


def _letters(outside: Outside, shared: Shared, *, client: Bellhop) -> Letters:
    return Letters(
        store=outside.store,
        mail=DiscordMail(client=client, render=letter_cards.letter, clock=outside.clock),
        news=shared.news,
        clock=outside.clock,
        policies=shared.policies,
    )


def _relay(settings: Settings, outside: Outside, shared: Shared, *, client: Bellhop) -> Relay:
    return Relay(
        host=settings.relay_host,
        port=settings.relay_port,
        relay_url=settings.relay_url,
        links=outside.links,
        routes=shared.routes,
        traffic=shared.traffic,
        rentals=outside.store,
        health=Health(store=outside.store, market=outside.market, client=client).look,
        clock=outside.clock,
        outputs=outside.outputs,
        downloads=outside.downloads,
    )


async def _listen(relay: Relay, settings: Settings) -> None:
    try:
        await relay.start()
    except OSError as error:
        raise Config(
            "BELLHOP_RELAY_LISTEN",
            f"{settings.relay_host}:{settings.relay_port} cannot be used "
            f"({system_reason(error)}). Stop what uses it, or choose another port.",
        ) from error


class Health:
    """What readiness looks at: each dependency by name, and an empty string where all is well."""

    def __init__(self, *, store: Store, market: Vast, client: Bellhop) -> None:
        self._store = store
        self._market = market
        self._client = client

    async def look(self) -> dict[str, str]:
        return {
            "database": await _fault(self._store.open_rentals()),
            "vast": await _fault(self._market.account()),
            "discord": "" if self._client.is_ready() else "Not connected.",
        }


async def _fault(check: Awaitable[object]) -> str:
    try:
        await check
    except BotError as error:
        return error.public
    return ""
