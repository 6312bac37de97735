"""The look at everything: what the credit's watch knows is told, and only while it is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.credit import Funds
from bot.domain.money import Usd
from bot.ports.books import Store
from bot.ports.vitals import Carried
from bot.services.credit import Known
from bot.services.health import Health
from bot.services.vitals import Vitals
from bot.tasks import Tasks
from tests.builders import NOW, SetClock

FUNDS = Funds(at=NOW, credit=Usd.of("30"), per_hour=Usd.of("1.5"), machines=3, others=1)


class Watch:
    def __init__(self) -> None:
        self.known = Known()


async def test_the_credit_lasts_as_its_watch_says(store: Store) -> None:
    """Other machines on the account burn it as well; unknown is unknown, and no more than that."""
    watch = Watch()

    def look() -> Vitals:
        return Vitals(
            store=store,
            tasks=Tasks(),
            health=Health({}, clock=SetClock()),
            carried=Carried,
            tunnels=lambda: 2,
            notebooks=lambda: 1,
            free_bytes=lambda: 7,
            credit=lambda: watch.known,
            clock=SetClock(),
        )

    async def seen(known: Known) -> tuple[Usd | None, Decimal | None]:
        watch.known = known
        snapshot = await look().snapshot()
        return snapshot.credit, snapshot.credit_hours

    assert await seen(Known()) == (None, None)
    assert await seen(Known(funds=FUNDS)) == (Usd.of("30"), Decimal(20))
    assert await seen(Known(funds=replace(FUNDS, per_hour=Usd(0)))) == (Usd.of("30"), None)
    assert await seen(Known(funds=FUNDS, unknown_since=NOW + timedelta(1))) == (None, None)
