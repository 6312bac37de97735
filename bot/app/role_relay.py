"""The role `relay`: the browser's door. Any number of them, each with ways of its own to machines.

What a relay knows is in rows, and when it ends, another has the same: sessions, routes, and the
output of cells that run on without a tab.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

from bot.adapters.discord.by_rest import ServersByRest
from bot.adapters.storage.migrate import demand_newest, migrate
from bot.app.chores import door_chores
from bot.app.door import LAST_FLUSH_S, health_of, listen, open_relay
from bot.app.guests import make_sign_in, members_of
from bot.app.house import House, hear_revocations, open_house, routes_seal
from bot.app.parts import Shared, recordings_seal
from bot.config import Settings
from bot.domain.limits import Limits
from bot.domain.rentals import RentalId
from bot.errors import BotError
from bot.relay.app import Relay
from bot.services.credit import Known
from bot.services.far_outputs import answer_flush
from bot.services.far_routes import RouteFinder, SoughtRoutes
from bot.services.far_traffic import TrafficTeller
from bot.services.far_wakes import FarWake
from bot.services.policy import Policies
from bot.services.recordings import Recorder
from bot.services.roll import RELAY
from bot.services.sign_in import SignIn
from bot.tasks import rest

log = logging.getLogger(__name__)

ADOPT_S = 5.0
_JOINED = "joined"
_ANY = ("0.0.0.0", "::", "")


@contextlib.asynccontextmanager
async def open_relay_role(settings: Settings, *, migrating: bool = True) -> AsyncIterator[Relay]:
    """A relay that listens. Raises Config, Store."""
    async with contextlib.AsyncExitStack() as stack:
        await (migrate if migrating else demand_newest)(settings.database_url)

        async def address() -> str:
            # Who is leaving is there, and keeps what it keeps, but cannot be asked for a page.
            return f"{_reached_at(settings.relay_host)}:{relay.port}" if relay.port else ""

        routes = SoughtRoutes()
        house = await open_house(settings, routes, stack, role=RELAY, address=address)
        house = _with_own_recorder(settings, house)
        outside, tasks = house.outside, house.tasks
        limits = Limits()
        shared = Shared(
            policies=Policies(store=outside.store, limits=limits),
            limits=limits,
            routes=routes,
            news=FarWake(wires=house.wires, name="news"),
        )
        finder = RouteFinder(
            routes=routes,
            tunnels=outside.tunnels,
            store=outside.store,
            seal=routes_seal(settings),
            wires=house.wires,
            tasks=tasks,
            outputs=outside.outputs,
        )
        routes.seek = finder.seek
        sign_in = await _sign_in(settings, house, shared, stack)
        stack.push_async_callback(tasks.aclose)
        relay = open_relay(
            settings,
            outside,
            shared,
            health=health_of(settings, outside, shared, "database", "disk"),
            credit=Known,
            sign_in=sign_in,
            tasks=tasks,
            joined=lambda *session: house.wires.tell(
                _JOINED, json.dumps([house.roll.process_id, *session])
            ),
        )
        _hear_joined(house, relay)
        hear_revocations(outside.links, house.wires)
        answer_flush(house.calls, outside.outputs, lambda: outside.recorder.write(whole=True))
        await listen(relay, settings)
        await house.begin()
        relay.resume(await outside.recorder.restore())
        stack.push_async_callback(outside.recorder.close)
        stack.push_async_callback(relay.close)
        stack.callback(outside.recorder.note_tabs)
        stack.push_async_callback(outside.outputs.flush_all, LAST_FLUSH_S)
        traffic = TrafficTeller(
            traffic=shared.traffic,
            outputs=outside.outputs,
            store=outside.store,
            process_id=house.roll.process_id,
        )
        door_chores(outside, shared, relay=relay, tasks=tasks)
        tasks.forever("routes", finder.run)
        tasks.forever("traffic", traffic.run)
        tasks.forever("adopting", lambda: _adopt(outside.recorder, relay))
        tasks.forever("policy", shared.policies.run)
        yield relay


def _with_own_recorder(settings: Settings, house: House) -> House:
    """What this relay keeps is marked as its own; what a dead one kept is taken over."""
    outside, roll = house.outside, house.roll

    async def others() -> Collection[str]:
        return {one.id for one in await roll.there(RELAY)} - {roll.process_id}

    recorder = Recorder(
        store=outside.store,
        outputs=outside.outputs,
        clock=outside.clock,
        wake=outside.recording,
        seal=recordings_seal(settings),
        keeper=roll.process_id,
        others=others,
    )
    return replace(house, outside=replace(outside, recorder=recorder))


async def _adopt(recorder: Recorder, relay: Relay) -> None:
    """Take over what is nobody's, for ever."""
    while True:
        await rest(ADOPT_S)
        try:
            relay.resume(await recorder.restore())
        except BotError as error:
            log.warning("the outputs that other relays kept were not looked at: %s", error)


def _hear_joined(house: House, relay: Relay) -> None:
    """Two relays with one session would cut each other off in turn: the newer one has it."""

    def joined(about: str) -> None:
        try:
            process_id, rental_id, kernel_id, session_id = json.loads(about)
        except ValueError:
            return  # longer than a hint may be: no browser of ours
        if process_id != house.roll.process_id:
            relay.let_join(RentalId(rental_id), kernel_id, session_id)

    house.wires.hear(_JOINED, joined)


async def _sign_in(
    settings: Settings, house: House, shared: Shared, stack: contextlib.AsyncExitStack
) -> SignIn | None:
    if not settings.sign_in.on:
        return None

    async def server_ids() -> list[int]:
        return sorted({one.guild_id for one in await house.outside.store.readable_rentals()})

    servers = ServersByRest(token=settings.discord_token, server_ids=server_ids)
    stack.push_async_callback(servers.close)
    house.tasks.forever("servers", servers.run)
    return make_sign_in(settings, house.outside, members_of(shared, servers))


def _reached_at(host: str) -> str:
    """Where the other processes find us: the address we listen on, else this computer's own."""
    if host not in _ANY:
        return host
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"
