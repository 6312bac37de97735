"""The facts that the cards of the gallery share: one machine, its people, its ways."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.demo.world import GUILD_ID
from bot.domain.evidence import Fact
from bot.domain.evidence import Kind as Seen
from bot.domain.idle_memory import Asking, Question, begin
from bot.domain.idle_policy import Policy
from bot.domain.money import Usd
from bot.domain.offers import Offer, Wish
from bot.domain.prospects import Carried, Effect, Prospect
from bot.domain.purses import TEAM, Scope, Subject
from bot.domain.rentals import ContractId, Phase, Quote, Rental, RentalId, State
from bot.domain.shortages import Shortage, Vram
from bot.domain.standing import Name, Report, Rules, Standing
from tests.builders import CHANNEL, OWNER, a_quote, a_rental, an_offer, some_rates

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LEAD = OWNER + 1


def an_rtx_3090() -> Offer:
    return an_offer(
        id=20_481_377,
        gpu_name="RTX 3090",
        vram_mb=24_576,
        rates=some_rates(gpu_per_hour=Usd.of("0.189")),
        region="Norway, NO",
    )


def an_a100() -> Offer:
    return an_offer(
        id=20_481_390,
        machine_id=31_999,
        gpu_name="A100 SXM4",
        vram_mb=81_920,
        rates=some_rates(gpu_per_hour=Usd.of("0.896")),
        region="Finland, FI",
        datacenter=True,
    )


def the_quote(now: datetime, **changes: Any) -> Quote:
    facts: dict[str, Any] = {
        "id": "bcdfghjkmnpq",
        "guild_id": GUILD_ID,
        "offer": an_rtx_3090(),
        "wish": Wish(disk_gb=40),
        "hours": 4,
        "made_at": now,
        "prospect": Prospect(
            until=now + 4 * HOUR,
            hours=Usd.of("0.86"),
            archive=Carried(bytes=1_000_000_000, cost=Usd.of("0.02")),
            image=Carried(bytes=8_700_000_000, cost=Usd.of("0.17")),
            effects=(
                Effect(
                    subject=Subject(Scope.MEMBER, OWNER),
                    spent=Usd.of("12.40"),
                    most=Usd.of("13.45"),
                    limit=Usd.of(30),
                ),
                Effect(
                    subject=TEAM,
                    spent=Usd.of("148.90"),
                    most=Usd.of("152.10"),
                    limit=Usd.of(400),
                ),
            ),
        ),
    }
    return a_quote(**facts | changes)


def the_machine(now: datetime, **changes: Any) -> Rental:
    """Ada's, ready for three hours; its card is in the channel."""
    facts: dict[str, Any] = {
        "id": RentalId("k7m2xp"),
        "state": State.READY,
        "phase": Phase.REACHABLE,
        "guild_id": GUILD_ID,
        "channel_id": CHANNEL,
        "message_id": 1_310_000_000_000_000_777,
        "owner_id": OWNER,
        "name": "fastbook",
        "contract": ContractId(5),
        "machine_id": 24_817,
        "requested_at": now - 3 * HOUR,
        "created_at": now - 3 * HOUR + timedelta(seconds=4),
        "running_at": now - 3 * HOUR + 2 * MINUTE,
        "ready_at": now - 3 * HOUR + 3 * MINUTE,
        "phase_at": now - 3 * HOUR + 3 * MINUTE,
        "version": 9,
    }
    return a_rental(the_quote(now - 3 * HOUR), **facts | changes)


def starting(now: datetime, phase: Phase, **changes: Any) -> Rental:
    """On its way up for two minutes."""
    facts: dict[str, Any] = {
        "state": State.BOOTING,
        "phase": phase,
        "phase_at": now - MINUTE,
        "requested_at": now - 2 * MINUTE,
        "created_at": now - 2 * MINUTE + timedelta(seconds=4),
        "running_at": now - MINUTE,
        "ready_at": None,
    }
    return the_machine(now, **facts | changes)


FACTS = (
    Fact(Seen.PERSON, 62),
    Fact(Seen.GPU, 0),
    Fact(Seen.GPU_MEMORY, 20_482),
    Fact(Seen.KERNELS_IDLE, 1),
    Fact(Seen.TAB, 1),
)


def watched(
    now: datetime,
    name: Name = Name.ACTIVE,
    *,
    asked: bool = False,
    shortage: Shortage | None = None,
) -> Standing:
    """What the idle watch says of it, half a minute ago."""
    at = now - MINUTE / 2
    question = Question(kind=Asking.IDLE, asked_at=now - 5 * MINUTE, deadline=now + HOUR)
    memory = replace(begin(now - 3 * HOUR), quiet_since=now - HOUR)
    facts = FACTS if name is not Name.ACTIVE else (Fact(Seen.PERSON, 2), Fact(Seen.GPU, 97))
    return Standing(
        memory=replace(memory, question=question if asked else None),
        report=Report(
            at,
            name,
            facts,
            now + HOUR if name is Name.QUIET else None,
            vram=Vram(at=at, used_mb=20_582, total_mb=24_576),
            shortage=shortage,
        ),
        rules=Rules(idle=Policy()),
        ends_at=now + HOUR if asked else None,
        told=True,
    )
