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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.adapters.archive.places import open_place
from bot.adapters.archive.streams import Streams
from bot.adapters.archive.vault import PlaceVault
from bot.adapters.archive.workspace import SshWorkspaces
from bot.adapters.discord.mail import DiscordMail
from bot.adapters.discord.post import ChannelPost
from bot.adapters.discord.tidings import DiscordTidings
from bot.adapters.jupyter.notebooks import JupyterNotebooks
from bot.adapters.ssh.keys import load_or_create
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
from bot.errors import BotError, Config, system_reason
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.relay.app import Relay
from bot.schedule import Schedule, Tick
from bot.services.archives import Archives
from bot.services.desk import Desk
from bot.services.idle import IdleWatch
from bot.services.letters import Letters
from bot.services.links import Links
from bot.services.lookouts import Lookouts
from bot.services.notices import Notices
from bot.services.offers import Offers
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
from bot.services.watch import Watch
from bot.tasks import Tasks, Wake
from cogs.ui import lookouts as lookout_cards
from cogs.ui import questions as letter_cards
from cogs.ui.cards import rental_card

log = logging.getLogger(__name__)

DELIVER_TICK_S = 5.0
LOOK_OUT_TICK_S = 60.0


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
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        lease = await stack.enter_async_context(hold_lease(settings.database_url))
        await (migrate if migrating else demand_newest)(settings.database_url)
        store = await stack.enter_async_context(open_store(settings.database_url, clock=clock))
        market = Vast(url=settings.vast_url, api_key=settings.vast_api_key, clock=clock)
        stack.push_async_callback(market.close)
        key = await asyncio.to_thread(load_or_create, settings.data / "keys")
        tunnels = SshTunnels(key=key)
        stack.push_async_callback(tunnels.aclose)

        wake, news = Wake(), Wake()
        routes, traffic = Routes(), Traffic()
        links = Links(store=store, clock=clock, relay_url=settings.relay_url)
        limits = limits or Limits()
        offers = Offers(market=market, grudges=store, clock=clock, grudge=limits.grudge)
        place = await asyncio.to_thread(open_place, settings.archive_url)
        archives = Archives(
            books=store,
            vault=PlaceVault(streams=Streams(place=place, secret=settings.secret)),
            workspaces=SshWorkspaces(),
            clock=clock,
        )
        shelf = Shelf(archives=archives)
        desk = Desk(
            store=store,
            market=market,
            offers=offers,
            shelf=shelf,
            clock=clock,
            wake=wake,
            news=news,
            limits=limits,
        )
        lookouts = Lookouts(store=store, desk=desk, offers=offers, clock=clock)
        client = Bellhop(
            services=Services(
                desk=desk,
                offers=offers,
                lookouts=lookouts,
                spend=Spend(store=store, clock=clock),
                links=links,
                shelf=shelf,
                clock=clock,
            ),
            guild_id=settings.guild_id,
        )
        stack.push_async_callback(client.close)
        post = ChannelPost(client=client, render=rental_card, clock=clock)
        notices = Notices(store=store, post=post, news=news, clock=clock)

        health = Health(store=store, market=market, client=client)
        relay = Relay(
            host=settings.relay_host,
            port=settings.relay_port,
            relay_url=settings.relay_url,
            links=links,
            routes=routes,
            traffic=traffic,
            rentals=store,
            health=health.look,
            clock=clock,
        )
        notebooks = JupyterNotebooks()
        policies = Policies(store=store, usual=policy)
        idle = IdleWatch(
            store=store,
            probe=Probe(
                tunnels=tunnels,
                notebooks=notebooks,
                looks=ShellLooks(),
                routes=routes,
                traffic=traffic,
                clock=clock,
            ),
            policy=policies.idle,
            clock=clock,
        )
        tasks = Tasks()
        stack.push_async_callback(tasks.aclose)
        reconciler = Reconciler(
            store=store,
            market=market,
            steps=Steps(
                market=market,
                tunnels=tunnels,
                notebooks=notebooks,
                archives=archives,
                idle=idle,
                replacing=Replacing(
                    market=market, grudges=store, clock=clock, grudge=limits.grudge
                ),
                paths=relay,
                routes=routes,
                traffic=traffic,
                links=links,
                clock=clock,
                installation=settings.installation,
                public_key=key.public_line(),
            ),
            tasks=tasks,
            wake=wake,
            news=news,
            clock=clock,
            limits=limits,
            installation=settings.installation,
            poll=timedelta(seconds=settings.poll_s),
        )
        watch = Watch(
            routes=routes,
            paths=relay,
            wake=wake,
            every=timedelta(seconds=settings.watch_s),
        )
        questions = Questions(
            store=store,
            watch=idle,
            policies=policies,
            wake=wake,
            news=news,
            clock=clock,
        )
        asking, looking_out = Wake(), Wake()
        scout = Scout(
            store=store,
            desk=desk,
            offers=offers,
            tidings=DiscordTidings(client=client, render=lookout_cards.letter),
            clock=clock,
        )
        letters = Letters(
            store=store,
            mail=DiscordMail(client=client, render=letter_cards.letter, clock=clock),
            news=news,
            clock=clock,
            policies=policies,
        )
        try:
            await relay.start()
        except OSError as error:
            raise Config(
                "BELLHOP_RELAY_LISTEN",
                f"{settings.relay_host}:{settings.relay_port} cannot be used "
                f"({system_reason(error)}). Stop what uses it, or choose another port.",
            ) from error
        stack.push_async_callback(relay.close)

        schedule = Schedule(
            [
                Tick(name="reconcile", every_s=settings.poll_s, wake=wake.set),
                Tick(name="deliver", every_s=DELIVER_TICK_S, wake=news.set),
                Tick(name="look out", every_s=LOOK_OUT_TICK_S, wake=looking_out.set),
                Tick(name="ask", every_s=settings.watch_s, wake=asking.set),
            ]
        )
        schedule.start()
        stack.callback(schedule.close)
        tasks.forever("reconciler", reconciler.run)
        tasks.forever("notices", notices.run)
        tasks.forever("letters", letters.run)
        tasks.forever("watch", watch.run)
        tasks.forever("questions", lambda: questions.run(asking, reconciler.reported))
        tasks.forever("archives", archives.run)
        tasks.forever("scout", lambda: scout.run(looking_out))
        yield App(
            client=client,
            relay=relay,
            store=store,
            market=market,
            reconciler=reconciler,
            notices=notices,
            links=links,
            routes=routes,
            archives=archives,
            clock=clock,
            wake=wake,
            lost=lease.lost,
        )


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
