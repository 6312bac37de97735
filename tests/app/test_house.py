"""What processes of one installation tell each other about people and places."""

from __future__ import annotations

from bot.app.house import FarHomes, hear_revocations, home_text, tell_revocations
from bot.ports.chat import Home
from bot.ports.processes import Process
from bot.services.links import Links
from tests.builders import NOW
from tests.relay.books import OWNER, RENTAL, Books, Hands, rental
from tests.relay.conftest import until
from tests.services.wires import Wires

URL = "https://{rental}.gpu.example.org"


async def test_a_revocation_reaches_every_relay_at_once() -> None:
    """What was believed for some seconds is not any more, and what is open is cut."""
    books, clock, wires = Books(rental()), Hands(), Wires()
    chat, one, two = (Links(store=books, clock=clock, relay_url=URL) for _ in range(3))
    cut: list[object] = []
    tell_revocations(chat, wires)
    for relay in (one, two):
        hear_revocations(relay, wires)
        relay.watch(lambda rental_id: cut.append(rental_id))
        relay.watch_members(lambda *who: cut.append(who))
    secret = (await chat.issue(OWNER, RENTAL)).rpartition("/")[2]
    session = await one.spend(RENTAL, secret)
    assert session is not None
    assert await one.enter(RENTAL, session.value) is not None
    assert await two.enter(RENTAL, session.value) is not None

    await chat.revoke(RENTAL)
    await until(lambda: len(cut) == 2, within_s=20)
    assert cut == [RENTAL, RENTAL]
    for relay in (one, two):
        assert await relay.enter(RENTAL, session.value) is None

    await chat.revoke_member(RENTAL, OWNER.id)
    await until(lambda: len(cut) == 4, within_s=20)
    assert cut[2:] == [(RENTAL, OWNER.id)] * 2


class Roll:
    """A roll with these on it."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def there(self, role: str) -> list[Process]:
        assert role == "bot"
        return [
            Process(id=str(n), role=role, address=one, seen_at=NOW)
            for n, one in enumerate(self.addresses)
        ]


async def test_the_worker_knows_from_the_bot_where_we_may_write() -> None:
    """For a machine that nobody owns; before the bot is connected there is no such place."""
    home = Home(guild_id=1, channel_id=2, own_id=3)

    assert await FarHomes(roll=Roll("", home_text(home))).home() == home  # type: ignore[arg-type]
    assert await FarHomes(roll=Roll(home_text(None))).home() is None  # type: ignore[arg-type]
    assert await FarHomes(roll=Roll()).home() is None  # type: ignore[arg-type]
