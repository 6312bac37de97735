"""The role `bot`: the session in the chat, and everything that is said there.

One at a time has the session; others stand by and take over when it is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from bot.adapters.storage.migrate import demand_newest, migrate
from bot.app.chores import chat_chores, chat_ticks, make_board
from bot.app.counter import make_client, make_counter
from bot.app.door import health_of, open_lodge
from bot.app.house import home_text, open_house, tell_revocations
from bot.app.parts import Shared
from bot.app.turn import take_turn
from bot.app.work import SWEEP_POLLS
from bot.client import Bellhop
from bot.config import Settings
from bot.domain.limits import Limits
from bot.schedule import Schedule
from bot.services.budgets import Budgets
from bot.services.far_archives import FarArchives
from bot.services.far_wakes import FarWake, serve
from bot.services.onlooker import Onlooker
from bot.services.policy import Policies
from bot.services.roll import BOT
from bot.services.routes import Routes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRole:
    """`client` still has to be logged in. `lost` is set when another may have taken our place."""

    client: Bellhop
    lost: asyncio.Event


@contextlib.asynccontextmanager
async def open_bot(settings: Settings, *, migrating: bool = True) -> AsyncIterator[BotRole]:
    """The chat's part, once the session is ours to have. Raises Config, Store."""
    async with contextlib.AsyncExitStack() as stack:
        await (migrate if migrating else demand_newest)(settings.database_url)
        lease = await take_turn(settings, stack, on="chat")
        log.info("the session in the chat is ours")

        async def home() -> str:
            return home_text(await board.home())

        house = await open_house(settings, Routes(), stack, role=BOT, address=home)
        outside, wires = house.outside, house.wires
        limits = Limits()
        shared = Shared(
            policies=Policies(store=outside.store, limits=limits),
            limits=limits,
            routes=Routes(),
            wake=FarWake(wires=wires, name="wake"),
            keys=FarWake(wires=wires, name="keys"),
        )
        await shared.policies.values()
        for name, wake in (
            ("news", shared.news),
            ("telling", shared.telling),
            ("sharing", shared.sharing),
        ):
            serve(wires, name, wake)
        tell_revocations(outside.links, wires)
        far = FarArchives(calls=house.calls)
        budgets = Budgets(
            store=outside.store, clock=outside.clock, wake=shared.wake, news=shared.news
        )
        counter = make_counter(outside, shared, budgets, deleting=far)
        client = make_client(settings, outside, shared, counter, measure=far.measure)
        board = make_board(client)
        stack.push_async_callback(client.close)
        stack.push_async_callback(house.tasks.aclose)
        health = health_of(settings, outside, shared, "database", "vast", "disk", client=client)
        await open_lodge(
            settings,
            outside,
            stack,
            health=health,
            tasks=house.tasks,
            credit=lambda: counter.credit.known,
        )

        schedule = Schedule(chat_ticks(shared))
        schedule.start()
        stack.callback(schedule.close)
        await house.begin()
        chat_chores(
            settings, outside, shared, counter, client=client, board=board, tasks=house.tasks
        )
        onlooker = Onlooker(
            credit=counter.credit,
            account=shared.account,
            clock=outside.clock,
            every=timedelta(seconds=settings.poll_s * SWEEP_POLLS),
        )
        house.tasks.forever("account", onlooker.run)
        house.tasks.forever("policy", shared.policies.run)
        yield BotRole(client=client, lost=lease.lost)
