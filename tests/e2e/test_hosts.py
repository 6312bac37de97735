"""Hosts that fail, as people meet them: the whole service against the sandbox and its faults.

Real SSH and real Jupyter; only the deadlines are short.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot.demo.hands import Hands
from bot.demo.run import PATIENT
from bot.demo.stage import Stage, set_stage
from bot.demo.visitor import Visitor
from bot.domain.images import DEFAULT
from bot.domain.limits import Limits
from bot.domain.offers import Wish, rank
from bot.domain.rentals import Phase, Reason, Rental, State
from tests.e2e.programs import control

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CALM = Limits(path=timedelta(seconds=60), doubt=timedelta(seconds=6))
HASTY = replace(CALM, loading=timedelta(seconds=15), ssh=timedelta(seconds=15))
"""Where a deadline is to be missed; still long enough for a host that works on a busy computer."""


@contextlib.asynccontextmanager
async def _stage(limits: Limits = CALM) -> AsyncIterator[tuple[Stage, Hands]]:
    async with set_stage(
        data=None, fast=4, page_port=None, policy=PATIENT, watch_s=1.0, limits=limits
    ) as stage:
        yield stage, Hands(stage.demo.env, stage.demo.world, stage.demo.world.people["ada"])


async def _fault(stage: Stage, name: str, **fields: Any) -> None:
    await control(stage.sandbox.url, "/sandbox/faults", {"fault": name, **fields})


async def _befalls(stage: Stage, rental: Rental, **fields: Any) -> None:
    """What the faults of that name do, at this moment."""
    async with (
        aiohttp.ClientSession() as session,
        session.put(
            f"{stage.sandbox.url}/sandbox/instances/{rental.contract}", json=fields
        ) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def _rented(stage: Stage, ada: Hands, *, place: int = 2) -> Rental:
    """An RTX 3090, by default one of which two of the kind are cheaper and may stand in."""
    wish = Wish(gpu="RTX 3090", disk_gb=10)
    offer = rank(await stage.app.market.search(wish), wish, DEFAULT)[place]
    quote = await ada.command("rent", offer=str(offer.id), disk=10)
    await ada.press(quote, "Rent")
    (rental,) = await stage.app.store.open_rentals()
    return rental


async def _until(
    stage: Stage, rental: Rental, holds: Callable[[Rental], object], *, within_s: float = 90
) -> Rental:
    """The row when that holds; fails with the row as it is instead."""
    deadline = time.monotonic() + within_s
    while True:
        row = await stage.app.store.rental(rental.id)
        assert row is not None
        if holds(row):
            return row
        assert time.monotonic() < deadline, row
        await asyncio.sleep(0.1)


async def _until_busy(stage: Stage, rental: Rental) -> None:
    """Wait until a look has seen a cell at work."""
    async with asyncio.timeout(60):
        while True:
            known = await stage.app.store.remembered(rental.id)
            if known is not None and known.memory.busy:
                return
            await asyncio.sleep(0.1)


async def _books(stage: Stage) -> list[dict[str, Any]]:
    books: list[dict[str, Any]] = (await control(stage.sandbox.url, "/sandbox/books"))["instances"]
    return books


def _ready(row: Rental) -> bool:
    return row.state is State.READY


async def _alive(stage: Stage) -> list[str]:
    return [one["state"] for one in await _books(stage) if one["destroyed_at"] is None]


async def test_a_host_that_never_stops_loading_is_replaced() -> None:
    """stuck_loading: destroyed, remembered with what the host's log said, and the next is ready."""
    async with _stage(HASTY) as (stage, ada):
        await _fault(stage, "stuck_loading")
        rental = await _rented(stage, ada)

        row = await _until(stage, rental, _ready)

        (tried,) = row.tries
        assert (tried.reason, row.phase) == (Reason.TOO_SLOW, Phase.REACHABLE)
        # Vast's message is the last line of the host's log: said once, without the host's time.
        assert re.fullmatch(r"[0-9a-f]{12}: .+\.", tried.words)
        assert tried.machine_id != row.machine_id
        assert await _alive(stage) == ["running"]
        assert len(await _books(stage)) == 2


async def test_a_host_that_refuses_ssh_is_replaced() -> None:
    """no_ssh: green at Vast and closed to everybody; given up at the deadline of that phase."""
    async with _stage(HASTY) as (stage, ada):
        await _fault(stage, "no_ssh")
        rental = await _rented(stage, ada)

        row = await _until(stage, rental, _ready)

        (tried,) = row.tries
        assert tried.reason is Reason.NO_SSH
        assert "refuses connections" in tried.words
        assert await _alive(stage) == ["running"]


async def test_a_host_that_never_gets_our_key_is_replaced() -> None:
    """no_keys: its SSH answers and refuses; the try says so."""
    async with _stage(HASTY) as (stage, ada):
        await _fault(stage, "no_keys")
        rental = await _rented(stage, ada)

        row = await _until(stage, rental, _ready)

        (tried,) = row.tries
        assert (tried.reason, "does not accept our key" in tried.words) == (Reason.NO_SSH, True)
        assert await _alive(stage) == ["running"]


async def test_a_host_whose_ssh_is_slow_is_waited_for() -> None:
    """slow_ssh: within its deadline that is no reason to leave it."""
    async with _stage() as (stage, ada):
        await _fault(stage, "slow_ssh", seconds=10)
        rental = await _rented(stage, ada)

        row = await _until(stage, rental, _ready)

        assert row.tries == ()
        assert len(await _books(stage)) == 1


async def test_a_host_that_goes_offline_is_told_and_left_as_it_is() -> None:
    """dies_later: the card says since when, and nothing is destroyed or rented for it."""
    async with _stage() as (stage, ada):
        await _fault(stage, "dies_later", after_s=10, state="offline")
        rental = await _rented(stage, ada)

        told = await ada.see(lambda one: "has not heard of its host" in one.text, "the host", 120)

        row = await stage.app.store.rental(rental.id)
        assert row is not None
        assert (row.state, len(await _books(stage))) == (State.READY, 1)
        assert "Vast charges nothing for an offline machine" in told.text
        assert "Replace" in told.buttons


async def test_an_image_that_is_not_there_ends_with_its_reason() -> None:
    """dies_loading with Docker's words: no second host is paid for the same mistake."""
    async with _stage() as (stage, ada):
        await _fault(stage, "dies_loading")
        rental = await _rented(stage, ada)

        row = await _until(stage, rental, lambda one: one.state is State.CLOSED)

        assert row.reason is Reason.BAD_IMAGE
        assert "manifest unknown" in row.detail
        assert len(await _books(stage)) == 1
        assert await _alive(stage) == []


async def test_a_jupyter_that_dies_is_started_again() -> None:
    """jupyter_dies: the path breaks, the server is started anew, and the card says what is lost."""
    async with _stage() as (stage, ada):
        rental = await _rented(stage, ada)
        first = await _until(stage, rental, _ready)
        await _befalls(stage, first, jupyter_dies=True)

        row = await _until(stage, rental, lambda one: one.note)

        assert first.note == ""
        assert "its kernels' memory is lost" in row.note
        assert row.broken_since is None
        assert len(await _books(stage)) == 1


async def test_a_lack_of_memory_reaches_the_card_and_offers_a_larger_gpu() -> None:
    """kernels_die, and a cell's own words: through the relay onto the card, within seconds."""
    async with _stage() as (stage, ada), Visitor() as visitor:
        rental = await _rented(stage, ada)
        await _until(stage, rental, _ready)
        opened = await ada.command("open")
        assert opened.link is not None
        await visitor.enter(opened.link)

        await visitor.run_cell("raise RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')")
        full = await ada.see(lambda one: "out of GPU memory" in one.text, "the lack", 30)
        menu = await ada.press(full, "Move to a larger GPU")
        quote = await ada.choose(menu, menu.choices[0])

        busy = asyncio.create_task(visitor.run_cell("import time; time.sleep(600)"))
        await _until_busy(stage, rental)
        await _befalls(stage, await _until(stage, rental, _ready), kernels_die=True)
        await ada.see(lambda one: "a kernel died" in one.text, "the death", 60)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)

        assert "The work comes along" in quote.text
        assert len(await _books(stage)) == 1


async def test_a_broken_way_is_on_the_card_and_mended_by_itself() -> None:
    """ssh_breaks: since when is on the row while it lasts; the same machine, the same Jupyter."""
    async with _stage() as (stage, ada):
        rental = await _rented(stage, ada)
        ready = await _until(stage, rental, _ready)
        await _befalls(stage, ready, ssh_cut_s=15)

        broken = await _until(stage, rental, lambda one: one.broken_since)
        mended = await _until(stage, rental, lambda one: one.broken_since is None)

        assert "SSH" in broken.detail
        assert mended.note == ""
        assert (mended.state, len(await _books(stage))) == (State.READY, 1)


@pytest.mark.parametrize(
    ("fault", "fields", "machines"),
    [
        ("lost_answer", {"match": {"path": "/asks/"}}, 1),
        ("cut", {"match": {"path": "/asks/"}}, 1),
        ("server_error", {"status": 502, "match": {"path": "/asks/"}}, 1),
        ("html", {"match": {"path": "/asks/"}}, 1),
        ("nonsense", {"match": {"path": "/asks/"}}, 1),
        ("rate_limited", {"match": {"path": "/asks/"}}, 1),
        ("offer_gone", {}, 1),
        ("offer_gone_410", {}, 1),
        ("bid_too_low", {}, 2),
        ("no_with_contract", {}, 2),
        ("price_changed", {"factor": 2}, 2),
        ("late_list", {"seconds": 3}, 1),
    ],
)
async def test_every_outcome_of_the_renting_call_ends_with_one_machine(
    fault: str, fields: dict[str, Any], machines: int
) -> None:
    """Yes, no, in doubt, an error that names a contract: one ready machine, none beside it."""
    async with _stage() as (stage, ada):
        await _fault(stage, fault, **fields)
        rental = await _rented(stage, ada)

        await _until(stage, rental, _ready)

        assert await _alive(stage) == ["running"]
        assert len(await _books(stage)) == machines


async def test_above_the_quoted_price_the_owner_is_asked_and_the_yes_rents() -> None:
    """offer_gone on the cheapest: the rest of its kind costs more, so a button says how much."""
    async with _stage() as (stage, ada):
        await _fault(stage, "offer_gone")
        rental = await _rented(stage, ada, place=0)
        asked = await _until(stage, rental, lambda one: one.proposal and one.message_id)
        before = await _books(stage)
        price = asked.proposed_per_hour
        assert price is not None

        card = await ada.see(lambda one: "Shall we rent it?" in one.text, "the question", 30)
        (label,) = [one for one in card.buttons if one.startswith("Rent at")]
        await ada.press(card, label)
        row = await _until(stage, rental, _ready)

        assert before == []
        assert row.agreed_per_hour == price > asked.agreed_per_hour
        assert await _alive(stage) == ["running"]


async def test_no_credit_is_a_definite_no() -> None:
    """low_credit: no other offer would change it; nothing was made."""
    async with _stage() as (stage, ada):
        await _fault(stage, "low_credit")
        rental = await _rented(stage, ada)

        row = await _until(stage, rental, lambda one: one.state is State.CLOSED)

        assert row.reason is Reason.REFUSED
        assert await _books(stage) == []
