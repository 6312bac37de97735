"""The role `worker`: machines, archives, the idle watch and the books.

One at a time does the work: what a save builds on, and which rental is in whose hands, is guarded
in its memory. Others stand by and take over when it is gone; their first pass is like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from bot.adapters.storage.migrate import demand_newest, migrate
from bot.app.chores import work_chores, work_ticks
from bot.app.counter import make_counter, measuring
from bot.app.door import health_of, open_lodge
from bot.app.guests import make_sharing, make_ssh
from bot.app.house import FarHomes, House, open_house, routes_seal, tell_revocations
from bot.app.parts import Shared, make_archives
from bot.app.turn import take_turn
from bot.app.work import make_idle_watch, make_reconciler
from bot.config import Settings
from bot.domain.limits import Limits
from bot.relay.far_looks import FarLooks
from bot.relay.hosts import Hosts
from bot.schedule import Schedule
from bot.services.budgets import Budgets
from bot.services.far_archives import Work
from bot.services.far_outputs import FarOutputs
from bot.services.far_routes import RouteTeller, ToldRoutes
from bot.services.far_traffic import TrafficHearer
from bot.services.far_wakes import FarWake, serve
from bot.services.policy import Policies
from bot.services.roll import WORKER
from bot.services.routes import Traffic

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRole:
    """`lost` is set when another may have taken our place."""

    lost: asyncio.Event


@contextlib.asynccontextmanager
async def open_worker(settings: Settings, *, migrating: bool = True) -> AsyncIterator[WorkerRole]:
    """The work, once it is ours to do. Raises Config, Store."""
    async with contextlib.AsyncExitStack() as stack:
        await (migrate if migrating else demand_newest)(settings.database_url)
        lease = await take_turn(settings, stack, on="work")
        log.info("the work is ours")
        routes, traffic = ToldRoutes(), Traffic()
        house = await open_house(settings, routes, stack, role=WORKER)
        hearer = TrafficHearer(traffic=traffic, store=house.outside.store, roll=house.roll)
        house = _with_far_outputs(settings, house, hearer)
        outside, wires = house.outside, house.wires
        limits = Limits()
        shared = Shared(
            policies=Policies(store=outside.store, limits=limits),
            limits=limits,
            routes=routes,
            traffic=traffic,
            news=FarWake(wires=wires, name="news"),
            telling=FarWake(wires=wires, name="telling"),
            sharing=FarWake(wires=wires, name="sharing"),
        )
        await shared.policies.values()
        serve(wires, "wake", shared.wake)
        serve(wires, "keys", shared.keys)
        tell_revocations(outside.links, wires)
        budgets = Budgets(
            store=outside.store, clock=outside.clock, wake=shared.wake, news=shared.news
        )
        counter = make_counter(outside, shared, budgets)
        Work(
            archives=outside.archives, measure=measuring(outside), rental=outside.store.rental
        ).answer(house.calls)
        teller = RouteTeller(
            routes=routes, store=outside.store, seal=routes_seal(settings), wires=wires
        )
        paths = FarLooks(
            links=outside.links,
            hosts=Hosts(relay_url=settings.relay_url, port=settings.relay_port),
            roll=house.roll,
            ready=teller.tell,
        )
        stack.push_async_callback(paths.close)
        stack.push_async_callback(house.tasks.aclose)
        health = health_of(settings, outside, shared, "database", "vast", "archives", "disk")
        await open_lodge(
            settings,
            outside,
            stack,
            health=health,
            tasks=house.tasks,
            credit=lambda: counter.credit.known,
        )

        schedule = Schedule(work_ticks(settings, shared))
        schedule.start()
        stack.callback(schedule.close)
        await house.begin()
        await hearer.hear()
        idle = make_idle_watch(settings, outside, shared)
        work_chores(
            settings,
            outside,
            shared,
            counter,
            idle=idle,
            reconciler=make_reconciler(
                settings, outside, shared, idle=idle, paths=paths, tasks=house.tasks
            ),
            paths=paths,
            homes=FarHomes(roll=house.roll),
            ssh=make_ssh(outside, shared, make_sharing(outside, shared)),
            tasks=house.tasks,
        )
        house.tasks.forever("routes", teller.run)
        house.tasks.forever("traffic", hearer.run)
        house.tasks.forever("policy", shared.policies.run)
        yield WorkerRole(lost=lease.lost)


def _with_far_outputs(settings: Settings, house: House, hearer: TrafficHearer) -> House:
    """What cells put out is kept by the relays: whoever works with machines asks them."""
    outside = house.outside
    kept = FarOutputs(calls=house.calls, roll=house.roll, hearer=hearer, store=outside.store)
    archives = make_archives(
        settings, outside.store, outside.place, outside.clock, kept, outside.metrics
    )
    return replace(house, outside=replace(outside, kept=kept, archives=archives))
