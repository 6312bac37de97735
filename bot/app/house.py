"""What each process of several has: the books, a place on the roll, and wires to the others."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.adapters.sealing.texts import TextSeal
from bot.adapters.storage.wires import PostgresWires
from bot.app.house_key import several_may_run
from bot.app.parts import Outside, open_outside
from bot.config import Settings
from bot.domain.rentals import RentalId
from bot.errors import Config
from bot.ports.chat import Home
from bot.ports.processes import Wires
from bot.services.calls import Calls
from bot.services.links import Links
from bot.services.roll import BOT, Roll
from bot.services.routes import Routes
from bot.tasks import Tasks

_REVOKED, _LET_GO = "revoked", "let-go"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One process's part of it. `begin` when everything that listens does."""

    outside: Outside
    wires: PostgresWires
    calls: Calls
    roll: Roll
    tasks: Tasks

    async def begin(self) -> None:
        """Sign the roll, and be on the wires from now on. Raises Store."""
        await self.roll.sign()
        self.tasks.forever("wires", self.wires.run)
        self.tasks.forever("roll", self.roll.run)


async def open_house(
    settings: Settings,
    routes: Routes,
    stack: contextlib.AsyncExitStack,
    *,
    role: str,
    address: Callable[[], Awaitable[str]] | None = None,
) -> House:
    """Raises Config, also for a secret that is not the other processes', and Store.

    The tasks are closed by whoever opens more.
    """
    outside = await open_outside(settings, routes, stack, key_on_disk=False)
    links = Links(
        store=outside.store,
        clock=outside.clock,
        relay_url=settings.relay_url,
        own_secret=_own_secret(settings),
    )
    roll = Roll(
        store=outside.store,
        clock=outside.clock,
        process_id=f"{role}-{secrets.token_hex(6)}",
        role=role,
        address=address,
    )
    stack.push_async_callback(roll.leave)
    tasks, wires = Tasks(), PostgresWires(settings.database_url)
    return House(
        outside=replace(outside, links=links),
        wires=wires,
        calls=Calls(wires=wires, tasks=tasks),
        roll=roll,
        tasks=tasks,
    )


def demand_several(settings: Settings, role: str) -> None:
    """Raise Config where the database is one that one process has to itself."""
    if not several_may_run(settings):
        raise Config(
            "DATABASE_URL",
            f"is SQLite, which one process has to itself. `--role {role}` works beside others on "
            "PostgreSQL (postgresql://user:password@host/bellhop); with SQLite leave --role away.",
        )


def routes_seal(settings: Settings) -> TextSeal:
    return TextSeal(settings.secret, "routes")


def tell_revocations(links: Links, wires: Wires) -> None:
    """Whose sessions are ended here has their connections cut by every relay."""
    links.watch(lambda rental_id: wires.tell(_REVOKED, rental_id))
    links.watch_members(
        lambda rental_id, member_id: wires.tell(_LET_GO, f"{rental_id} {member_id}")
    )


def hear_revocations(links: Links, wires: Wires) -> None:
    """A relay's side; what is missed is found at the curfew's next look."""

    def let_go(about: str) -> None:
        rental_id, _, member_id = about.partition(" ")
        links.let_go(RentalId(rental_id), int(member_id))

    wires.hear(_REVOKED, lambda about: links.revoked(RentalId(about)))
    wires.hear(_LET_GO, let_go)


def home_text(home: Home | None) -> str:
    """How the bot tells the others where it may write."""
    return f"{home.guild_id} {home.channel_id} {home.own_id}" if home is not None else ""


class FarHomes:
    """`ports.Homes` for a process without a session in the chat."""

    def __init__(self, *, roll: Roll) -> None:
        self._roll = roll

    async def home(self) -> Home | None:
        for one in await self._roll.there(BOT):
            numbers = [int(word) for word in one.address.split()]
            if len(numbers) == 3:
                return Home(guild_id=numbers[0], channel_id=numbers[1], own_id=numbers[2])
        return None


def _own_secret(settings: Settings) -> bytes:
    about = b"the house's own looks"
    return hmac.new(settings.secret.encode(), about, hashlib.sha256).digest()
