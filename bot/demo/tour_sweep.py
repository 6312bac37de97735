"""The third act of the tour: what goes wrong outside is seen, told, and put right."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from bot.demo.checks import check, first_line
from bot.demo.control import control
from bot.demo.hands import Hands, Seen
from bot.demo.stage import Stage
from bot.domain.rentals import RentalId

TOLD_S = 60.0
GONE_S = 60.0
STRAY = "bellhop/zzk7m2"
REFUSED = 2
"""So many messages Discord does not take; a third one it does."""


class SweepAct:
    """Each step is a story of its own, made by a fault of the sandbox."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        people = stage.demo.world.people
        self._ada = Hands(stage.demo.env, stage.demo.world, people["ada"])
        self._inbox = Hands(stage.demo.env, stage.demo.world, people["ada"], inbox=True)
        self._lost = RentalId("")

    async def end_late(self, give_back: Callable[[], Awaitable[str]]) -> str:
        """Vast takes a destroy and carries it out seconds later."""
        await control(self._stage, "POST", "faults", {"fault": "late_destroy", "seconds": 5})
        told, shown = await asyncio.gather(
            give_back(),
            self._ada.see(lambda one: "not yet confirmed" in one.text, "an open end", GONE_S),
        )
        return f"{told}; meanwhile “{_line(shown, 'not yet confirmed')}”"

    async def destroy_a_stray(self) -> str:
        """A machine with our label that no rental knows, and that never came to run."""
        await control(
            self._stage, "POST", "faults", {"fault": "stuck_loading", "match": {"label": STRAY}}
        )
        contract = await self._rent_by_hand()
        told = await self._ada.see(
            lambda one: str(contract) in one.text and "Seen gone" in one.text,
            "a message about the stray",
            TOLD_S,
        )
        books = await control(self._stage, "GET", "books")
        (book,) = [one for one in books["instances"] if one["id"] == contract]
        check(book["destroyed_at"] is not None, "a destroyed stray", str(book))
        return f"“{first_line(told.text)}”: instance {contract}"

    async def be_unheard(self, rent: Callable[[Seen], Awaitable[RentalId]]) -> str:
        """Discord is away while Ada rents: the machine comes, and its card when it can."""
        demo = self._stage.demo
        demo.env.inject_error(
            "POST", f"/channels/{demo.world.gpu.id}/messages", status=503, times=REFUSED
        )
        self._lost = await rent(await self._ada.command("rent", disk=10))
        cards = [one for one in self._ada.messages() if self._lost in one.text]
        left = demo.env.backend.faults
        check(not left, "a Discord that refused", str(left))
        check(len(cards) == 1, "one card", str(len(cards)))
        return f"refused {REFUSED} times, then one card: “{first_line(cards[0].text)}”"

    async def lose_a_machine(self) -> str:
        """Somebody destroys that machine in Vast's console."""
        rental_id = self._lost
        rental = await self._stage.app.store.rental(rental_id)
        assert rental is not None
        path = f"instances/{rental.contract}"
        await control(self._stage, "PUT", path, {"state": "destroyed"})
        told = await self._inbox.see(
            lambda one: str(rental.contract) in one.text and "without our doing" in one.text,
            "a message to Ada",
            TOLD_S,
        )
        await self._ada.see(
            lambda one: rental_id in one.text and "disappeared from Vast" in one.text,
            "the card of a machine that is gone",
            GONE_S,
        )
        return f"“{first_line(told.text)}”"

    async def _rent_by_hand(self) -> int:
        """A machine rented past Bellhop, as a lost database would leave one."""
        headers = {"Authorization": "Bearer sandbox"}
        url = self._stage.sandbox.url
        deadline = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(headers=headers, timeout=deadline) as session:
            async with session.post(f"{url}/api/v0/bundles/", json={"limit": 1}) as answer:
                offer = (await answer.json())["offers"][0]["ask_contract_id"]
            body = {"image": "pytorch/pytorch", "disk": 10, "label": STRAY}
            async with session.put(f"{url}/api/v0/asks/{offer}/", json=body) as answer:
                return int((await answer.json())["new_contract"])


def _line(message: Seen, words: str) -> str:
    found = next(line for line in message.text.splitlines() if words in line)
    return found.replace("**", "")[:80]
