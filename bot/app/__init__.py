"""The fuse box: settings in, a running Bellhop out.

Everything shared is made here, once, on one `AsyncExitStack`, so that closing is the reverse of
opening. Three circles are broken here by handing something over: the post gets the function that
renders a card, the relay and the steps share the book of routes, and the links tell the relay whom
to let go.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.adapters.discord.bulletins import DiscordBoard
from bot.adapters.discord.post import ChannelPost
from bot.adapters.discord.presence import DiscordPresence
from bot.adapters.storage.lease import hold_lease
from bot.adapters.storage.migrate import demand_newest, migrate
from bot.adapters.vast.client import Vast
from bot.app.counter import (
    make_board_keeper,
    make_client,
    make_counter,
    make_letters,
    make_scout,
)
from bot.app.door import listen, make_relay
from bot.app.guests import make_key_rounds, make_share_rounds
from bot.app.parts import Shared, open_outside
from bot.app.work import (
    SWEEP_POLLS,
    make_ahead,
    make_bills,
    make_departures,
    make_idle_watch,
    make_questions,
    make_reconciler,
    make_reports,
    make_retention,
    make_sweep,
    make_watch,
)
from bot.client import Bellhop
from bot.config import Settings
from bot.domain.idle_policy import Policy
from bot.domain.lifecycle import Limits
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.relay.app import Relay
from bot.schedule import Schedule, Tick
from bot.services.archives import Archives
from bot.services.budgets import Budgets
from bot.services.bulletins import Bulletins
from bot.services.links import Links
from bot.services.notices import Notices
from bot.services.policy import Policies
from bot.services.reconciler import Reconciler
from bot.services.routes import Routes
from bot.tasks import Tasks, Wake
from cogs.ui import bulletins as bulletin_cards
from cogs.ui.cards import rental_card

DELIVER_TICK_S = 5.0
BILL_TICK_S = 600.0
LOOK_OUT_TICK_S = 60.0
LAST_FLUSH_S = 2.0
"""How long the end of the process waits for outputs that only its memory has."""


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
        limits = limits or Limits()
        outside = await open_outside(settings, routes, stack)
        shared = Shared(
            policies=Policies(store=outside.store, usual=policy, limits=limits),
            limits=limits,
            routes=routes,
        )
        await shared.policies.values()  # who is a lead is known before the first command comes
        budgets = Budgets(
            store=outside.store, clock=outside.clock, wake=shared.wake, news=shared.news
        )
        counter = make_counter(outside, shared, budgets)
        client = make_client(settings, outside, shared, counter)
        stack.push_async_callback(client.close)
        tasks = Tasks()
        stack.push_async_callback(tasks.aclose)

        relay = make_relay(
            settings, outside, shared, client=client, credit=counter.credit, tasks=tasks
        )
        idle = make_idle_watch(outside, shared)
        reconciler = make_reconciler(settings, outside, shared, idle=idle, paths=relay, tasks=tasks)
        notices = Notices(
            store=outside.store,
            post=ChannelPost(client=client, render=rental_card, clock=outside.clock),
            news=shared.news,
            clock=outside.clock,
        )
        relay.resume(await outside.recorder.restore())
        await listen(relay, settings)
        stack.push_async_callback(outside.recorder.close)
        stack.push_async_callback(relay.close)
        stack.callback(outside.recorder.note_tabs)
        stack.push_async_callback(outside.outputs.flush_all, LAST_FLUSH_S)

        schedule = Schedule(
            [
                Tick(name="reconcile", every_s=settings.poll_s, wake=shared.wake.set),
                Tick(name="deliver", every_s=DELIVER_TICK_S, wake=shared.news.set),
                Tick(name="bill", every_s=BILL_TICK_S, wake=shared.billing.set),
                Tick(
                    name="credit",
                    every_s=settings.poll_s * SWEEP_POLLS,
                    wake=shared.crediting.set,
                ),
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
        presence = DiscordPresence(client=client)
        tasks.forever("departures", make_departures(settings, outside, members=presence).run)
        questions = make_questions(outside, shared, idle=idle)
        scout = make_scout(outside, counter, client=client)
        tasks.forever("reconciler", reconciler.run)
        tasks.forever("notices", notices.run)
        tasks.forever("letters", make_letters(outside, shared, client=client).run)
        tasks.forever("kernels", relay.keep_joined)
        tasks.forever("curfew", relay.keep_curfew)
        tasks.forever("recordings", outside.recorder.run)
        board = DiscordBoard(client=client, render=bulletin_cards.bulletin)
        bulletins = Bulletins(
            store=outside.store,
            board=board,
            news=shared.telling,
            clock=outside.clock,
            policies=shared.policies,
            charts=shared.charts,
        )
        tasks.forever("bulletins", bulletins.run)
        keeper = make_board_keeper(outside, shared, counter, client=client)
        tasks.forever("boards", keeper.run)
        tasks.forever("sweep", make_sweep(settings, outside, shared, board=board).run)
        tasks.forever("watch", make_watch(settings, shared, paths=relay).run)
        tasks.forever("questions", lambda: questions.run(shared.asking, reconciler.reported))
        bills = make_bills(settings, outside, shared)
        tasks.forever("budgets", budgets.run)
        tasks.once("pictures", shared.charts.load())
        tasks.forever("reports", make_reports(outside, shared).run)
        tasks.forever("bills", lambda: bills.run(shared.billing))
        tasks.forever("credit", lambda: counter.credit.run(shared.crediting))
        tasks.forever("archives", make_retention(outside, shared).run)
        tasks.forever("ahead", make_ahead(outside, shared, tasks=tasks).run)
        tasks.forever("scout", lambda: scout.run(shared.looking_out))
        tasks.forever("shares", make_share_rounds(outside, shared, client=client).run)
        tasks.forever("ssh keys", make_key_rounds(outside, shared, client=client).run)
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
