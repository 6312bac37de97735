"""How the main cards look on a phone: as they did when a person looked last."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.client import Services
from bot.domain import rentals
from bot.domain.budgets import TEAM, Budget
from bot.domain.idle import Asked, Word
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Phase, Reason, Rental, State
from bot.services.credit import Credit
from bot.services.policy import Policies
from bot.tasks import Wake
from tests.browser import chromium
from tests.builders import an_instance
from tests.cogs.camera import Camera
from tests.cogs.conftest import Chat
from tests.cogs.market import FixedMarket
from tests.cogs.test_board import anew, put_up
from tests.cogs.test_questions import FACTS, a_question, direct, judged
from tests.domain.test_archives import an_archive
from tests.pictures.album import Album

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(300)]

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def same_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are drawn; here the same ones each time."""
    monkeypatch.setattr(rentals, "secrets", random.Random(11))


@asynccontextmanager
async def camera(chat: Chat, aside: Path, folder: str) -> AsyncIterator[Camera]:
    """Fails at its end where something does not look as stored."""
    album = Album(aside)
    async with chromium() as browser:
        yield Camera(chat, browser, album, folder)
    album.close(folder)


async def test_the_way_to_a_machine(chat: Chat, tmp_path: Path) -> None:
    """From the offers to a notebook, and what it costs."""
    async with camera(chat, tmp_path, "renting") as one:
        await one.take("help", await chat.ada.slash(chat.channel, "help"))
        await one.take("offers", await chat.ada.slash(chat.channel, "offers"))
        quote = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", hours=4, name="fastbook")
        await one.take("quote", quote)
        await one.take("begun", await chat.ada.click(quote.response, label="Rent"))
        (rental,) = await chat.store.open_rentals()
        await _go(chat, rental, state=State.BOOTING, phase=Phase.LOADING)
        chat.clock.turn(MINUTE)
        await one.take("starting", chat.cards[-1])
        await _go(chat, rental, state=State.READY, phase=Phase.REACHABLE)
        await one.take("ready", chat.cards[-1])
        await one.take("status", await chat.ada.slash(chat.channel, "status"))
        await one.take("open", await chat.ada.slash(chat.channel, "open"))
        chat.clock.turn(60 * MINUTE)
        await chat.look(rental.id)
        await one.take("spend", await chat.ada.slash(chat.channel, "spend"))
        await one.take("destroy", await chat.ada.slash(chat.channel, "destroy"))
        await _go(chat, rental, broken_since=chat.clock.now() - 4 * MINUTE)
        await one.take("cannot-be-reached", chat.cards[-1])


async def test_a_budget_that_is_too_small(chat: Chat, tmp_path: Path) -> None:
    """The limits, a refusal, the question to a lead and their answer."""
    async with camera(chat, tmp_path, "budget") as one:
        await chat.lead.slash(chat.channel, "budget set", dollars="200")
        await chat.lead.slash(chat.channel, "budget set", dollars="3", member=chat.ada.user)
        await one.take("limits", await chat.ada.slash(chat.channel, "budget show"))
        quote = await chat.ada.slash(chat.channel, "rent", gpu="RTX 4090", hours=10)
        refused = await chat.ada.click(quote.response, label="Rent")
        await one.take("refused", refused)
        asked = await chat.ada.click(refused.response, label="Ask a lead for $1")
        await one.take("request", asked.followups[0])
        await chat.lead.click(asked.followups[0], label="Approve")
        await one.take("approved", chat.cards[-1])


async def test_a_machine_that_is_forgotten(chat: Chat, tmp_path: Path) -> None:
    """The question, the archive, the end, and the way back."""
    async with camera(chat, tmp_path, "idle") as one:
        rental = await chat.ready(name="fastbook")
        chat.clock.turn(62 * MINUTE)
        await judged(chat, rental, Asked(a_question(chat), FACTS), Word.ASK)
        await chat.write()
        await one.take("question", direct(chat)[0], inbox=True)
        now = chat.clock.now()
        await _go(chat, rental, state=State.ARCHIVING, reason=Reason.IDLE, released_at=now)
        await one.take("archiving", chat.cards[-1])
        await _end(chat, await chat.again(rental.id))
        await one.take("ended", chat.cards[-1])
        await one.take("archives", await chat.ada.slash(chat.channel, "archives list"))
        restore = {"archive": "qrstvwxz", "gpu": "RTX 4090"}
        await one.take("restore", await chat.ada.slash(chat.channel, "archives restore", **restore))


async def test_the_board(
    chat: Chat, services: Services, market: FixedMarket, tmp_path: Path
) -> None:
    """Who runs what, the budget, and the hours of credit left."""
    credit = Credit(
        store=chat.store,
        market=market,
        policies=Policies(store=chat.store),
        clock=chat.clock,
        wake=Wake(),
        telling=Wake(),
    )
    first, second = await chat.ready(name="fastbook"), await chat.ready(gpu="RTX 4090")
    market.listing = [an_instance(first), an_instance(second)]
    market.credit = Usd.of("41.20")
    await credit.pass_once()
    limit = Budget(subject=TEAM, amount=Usd.of(200), set_by=1, set_at=chat.clock.now())
    await chat.store.set_budget(chat.guild.id, limit)
    async with camera(chat, tmp_path, "board") as one:
        await one.take("board", await put_up(chat, anew(chat, credit)))


async def _go(chat: Chat, rental: Rental, **changes: Any) -> None:
    """Bring it there, as of now, with what every machine of that state has; its card follows."""
    now = chat.clock.now()
    facts: dict[str, Any] = {"phase_at": now}
    if rental.contract is None:
        facts |= {"contract": ContractId(9001), "created_at": now}
    if changes.get("state") is State.READY:
        facts |= {"running_at": now, "ready_at": now}
    await chat.change(rental.id, **facts | changes)
    await chat.look(rental.id)
    await chat.deliver()


async def _end(chat: Chat, rental: Rental) -> None:
    """Archived, proven and seen gone two minutes later."""
    now = chat.clock.now()
    row = replace(
        an_archive("qrstvwxz"),
        rental_id=rental.id,
        guild_id=rental.guild_id,
        owner_id=rental.owner_id,
        name=rental.name or "",
        bytes=2_400_000_000,
        entries=1_204,
        started_at=now,
        touched_at=now,
        proven_at=now,
    )
    await chat.store.begin_archive(replace(row, state=row.state.RUNNING))
    await chat.store.keep_archive(row)
    gone = chat.clock.turn(2 * MINUTE)
    ended = {"destroyed_at": now, "gone_at": gone, "closed_at": gone, "archive_id": row.id}
    await _go(chat, rental, state=State.CLOSED, proven_at=now, **ended)
