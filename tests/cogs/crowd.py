"""Servers that are hard to put into words: nothing in it, one long name, sixty machines at once.

What stands in the books of each is made once and copied from then on: the pretend Discord gives the
same numbers to the same people in every test.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.domain.archives import Archive, ArchiveId, ArchiveState
from bot.domain.budgets import TEAM, Budget, Scope, Subject
from bot.domain.images import Image
from bot.domain.lookouts import Lookout
from bot.domain.lookouts import State as Looking
from bot.domain.money import Usd
from bot.domain.offers import Offer, Wish
from bot.domain.rentals import ContractId, Phase, Rental, State
from bot.domain.shares import Share
from tests.builders import NOW, a_quote, a_rental, an_offer, some_rates
from tests.cogs.conftest import Chat

HOUR = timedelta(hours=1)

ODD = (
    "W" * 40,
    "名前の長いノートブック" * 3,
    "مرحبا بالعالم كيف الحال اليوم",
    "👩🏽‍🚀🏳️‍🌈" * 6,
    "**__~~||`# @everyone <@1> [x](http://x)",
    "Đặng Thị Ngọc Ánh – thực hành học sâu",
)
"""Names as people give them, 40 characters at most."""

_STATES = (
    {"state": State.READY, "phase": Phase.REACHABLE},
    {"state": State.BOOTING, "phase": Phase.LOADING, "detail": "é\n`" * 700},
    {"state": State.ARCHIVING, "phase": Phase.REACHABLE, "note": "saving " * 60},
    {"state": State.CREATING, "phase": Phase.RENTING},
)


@dataclass(frozen=True, slots=True)
class Scene:
    name: str
    machines: int


SCENES = (Scene("nothing", 0), Scene("one", 1), Scene("sixty", 60))


def dear_offers() -> list[Offer]:
    """The longest names and the highest prices that a market could have."""
    rates = some_rates(
        gpu_per_hour=Usd.of("9999.999999"),
        storage_per_gb_month=Usd.of("99.999999"),
        upload_per_gb=Usd.of("99.99"),
        download_per_gb=Usd.of("99.99"),
    )
    return [
        an_offer(
            id=10**14 + number,
            machine_id=10**9 + number,
            gpu_name=f"RTX PRO 6000 Blackwell Max-Q Workstation Edition {number}",
            gpus=1 if number % 2 else 16,
            rates=rates,
            region="Trinidad and Tobago (" + ODD[number % len(ODD)] * 3 + "), TT",
            cpu_cores=Decimal("99999.5"),
            ram_mb=10**9,
            upload_mbps=Decimal("999999.9"),
            download_mbps=Decimal("999999.9"),
            compute_cap=800,
            disk_free_gb=10**6,
        )
        for number in range(60)
    ]


async def fill(chat: Chat, scene: Scene, kept: Path) -> None:
    """Put the scene into the chat's books. `kept` is where it is kept for the next test."""
    if not scene.machines:
        return
    people = f"{chat.guild.id}-{chat.channel.id}-{chat.ada.id}-{chat.ben.id}-{chat.lead.id}"
    template = kept / f"{scene.name}-{people}.db"
    books = _file_of(chat)
    if template.exists():
        _copy(template, books)
        return
    for number in range(scene.machines):
        await _machine(chat, number)
    await _money(chat)
    with closing(sqlite3.connect(books)) as connection:
        connection.execute("VACUUM INTO ?", (str(template),))


async def _machine(chat: Chat, number: int) -> None:
    offer = dear_offers()[number]
    quote = a_quote(
        guild_id=chat.guild.id,
        channel_id=chat.channel.id,
        owner_id=chat.ada.id,
        owner_name=ODD[number % len(ODD)][:32],
        name=ODD[number % len(ODD)],
        offer=offer,
        wish=Wish(disk_gb=10_000, gpus=16, min_vram_gb=1000),
        image=Image(reference="registry.example/" + "i" * 230, name="i" * 250, note="n" * 300),
        hours=720,
    )
    await chat.store.add_quote(quote)
    rental = await chat.store.begin(a_rental(quote), quote_id=quote.id)
    facts: dict[str, Any] = dict(_STATES[number % len(_STATES)])
    if facts["state"] is not State.CREATING:
        facts |= {
            "contract": ContractId(10**9 + number),
            "created_at": NOW,
            "running_at": NOW,
            "message_id": 10**18 + number,
        }
    if facts["state"] in (State.READY, State.ARCHIVING):
        facts["ready_at"] = NOW
    rental = await chat.store.apply(replace(rental, **facts), event="changed by a test")
    await _archive(chat, rental, number)
    if rental.ready_at is not None:
        await chat.look(rental.id)
        await _share(chat, rental, number)
    if number < 3:
        await _wish(chat, rental, number)


async def _archive(chat: Chat, rental: Rental, number: int) -> None:
    running = Archive(
        id=ArchiveId(f"a{number:05d}"),
        rental_id=rental.id,
        guild_id=chat.guild.id,
        owner_id=chat.ada.id,
        name=rental.title,
        state=ArchiveState.RUNNING,
        root="/workspace/" + "x" * 200,
        started_at=NOW,
        touched_at=NOW,
    )
    await chat.store.begin_archive(running)
    proven = replace(
        running,
        state=ArchiveState.COMMITTED,
        proven_at=NOW,
        manifest="0" * 64,
        bytes=10**13,
        entries=10**9,
    )
    await chat.store.keep_archive(proven)


async def _share(chat: Chat, rental: Rental, number: int) -> None:
    await chat.store.add_share(
        Share(
            id=f"s{number:05d}",
            rental_id=rental.id,
            guild_id=chat.guild.id,
            member_id=chat.ben.id,
            member_name=ODD[number % len(ODD)][:32],
            by_id=chat.ada.id,
            view_only=False,
            made_at=NOW,
            until=NOW + HOUR,
        )
    )


async def _wish(chat: Chat, rental: Rental, number: int) -> None:
    await chat.store.add_lookout(
        Lookout(
            id=f"w{number:05d}",
            state=Looking.OPEN,
            guild_id=chat.guild.id,
            channel_id=chat.channel.id,
            owner_id=chat.ada.id,
            owner_name=rental.owner_name,
            wish=Wish(gpu="G" * 60, max_price=Usd.of("9999.999999"), disk_gb=10_000),
            image=rental.image,
            name=ODD[number],
            made_at=NOW,
            until=NOW + HOUR,
        )
    )


async def _money(chat: Chat) -> None:
    """Budgets of the team, a person and each of her many roles."""
    roles = [Subject(Scope.ROLE, 10**18 + number) for number in range(60)]
    for subject in (TEAM, Subject(Scope.MEMBER, chat.ada.id), *roles):
        limit = Usd.of("9999999.99")
        await chat.store.set_budget(
            chat.guild.id, Budget(subject=subject, amount=limit, set_by=chat.lead.id, set_at=NOW)
        )


def _file_of(chat: Chat) -> str:
    engine: Any = chat.store
    return str(engine._database._writer.url.database)


def _copy(template: Path, books: str) -> None:
    with closing(sqlite3.connect(books)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("ATTACH ? AS kept", (str(template),))
        named = connection.execute("SELECT name FROM kept.sqlite_master WHERE type = 'table'")
        for (table,) in named.fetchall():
            if table != "alembic_version" and not table.startswith("sqlite_"):
                connection.execute(f'DELETE FROM main."{table}"')
                connection.execute(f'INSERT INTO main."{table}" SELECT * FROM kept."{table}"')
        connection.commit()
