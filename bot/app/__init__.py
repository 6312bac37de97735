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

from bot.adapters.storage.lease import hold_lease
from bot.adapters.storage.migrate import demand_newest, migrate
from bot.adapters.vast.client import Vast
from bot.app.chores import (
    chat_chores,
    chat_ticks,
    door_chores,
    make_board,
    work_chores,
    work_ticks,
)
from bot.app.counter import make_client, make_counter
from bot.app.door import LAST_FLUSH_S, listen, make_relay
from bot.app.parts import Shared, open_outside
from bot.app.work import make_idle_watch, make_reconciler
from bot.client import Bellhop
from bot.config import Settings
from bot.domain.idle_policy import Policy
from bot.domain.lifecycle import Limits
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.relay.app import Relay
from bot.schedule import Schedule
from bot.services.archives import Archives
from bot.services.budgets import Budgets
from bot.services.links import Links
from bot.services.notices import Notices
from bot.services.policy import Policies
from bot.services.reconciler import Reconciler
from bot.services.routes import Routes
from bot.tasks import Tasks, Wake


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
        idle = make_idle_watch(settings, outside, shared)
        reconciler = make_reconciler(settings, outside, shared, idle=idle, paths=relay, tasks=tasks)
        relay.resume(await outside.recorder.restore())
        await listen(relay, settings)
        stack.push_async_callback(outside.recorder.close)
        stack.push_async_callback(relay.close)
        stack.callback(outside.recorder.note_tabs)
        stack.push_async_callback(outside.outputs.flush_all, LAST_FLUSH_S)

        schedule = Schedule([*work_ticks(settings, shared), *chat_ticks(shared)])
        schedule.start()
        stack.callback(schedule.close)
        board = make_board(client)
        notices = chat_chores(
            settings, outside, shared, counter, client=client, board=board, tasks=tasks
        )
        work_chores(
            settings,
            outside,
            shared,
            counter,
            idle=idle,
            reconciler=reconciler,
            paths=relay,
            homes=board,
            ssh=client.services.ssh,
            tasks=tasks,
        )
        door_chores(outside, shared, relay=relay, tasks=tasks)
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
