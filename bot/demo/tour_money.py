"""The tour's steps about money: a credit that runs low, and the receipt of what has ended."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.demo.checks import check, first_line
from bot.demo.control import control
from bot.demo.hands import Hands
from bot.demo.stage import Stage
from bot.domain.money import Usd
from bot.domain.rentals import Rental

TOLD_S = 60.0
BILLED_S = 60.0
GB = 10**9
SLACK = timedelta(seconds=10)
"""Between what Vast bills and what two looks at it show."""

_FIGURE = re.compile(r"^(Quoted|Reckoned|Vast|Together)\s+\$([\d.]+)$", re.MULTILINE)


class MoneyAct:
    """Each step stands for itself and leaves the account as it was."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        people = stage.demo.world.people
        self._ada = Hands(stage.demo.env, stage.demo.world, people["ada"])
        self._inbox = Hands(stage.demo.env, stage.demo.world, people["ada"], inbox=True)

    async def run_low(self) -> str:
        """Credit for five hours is left: the channel is told, and told again when it is paid in.

        Meanwhile gigabytes go through the machine, of which only Vast's bill will know.
        """
        await self._ada.command("keep", hours=1)  # she only looks on meanwhile
        before = (await control(self._stage, "GET", "books"))["credit"]
        rentals = await self._stage.app.store.open_rentals()
        for rental in rentals:
            self._carry(rental)
        burn = Usd.sum(rental.per_hour for rental in rentals)
        await self._credit(burn.times(5))
        told = await self._ada.see(
            lambda one: "Less than 6 hours of Vast credit left" in one.text, "a warning", TOLD_S
        )
        spend = await self._ada.command("spend")
        check("Vast credit" in spend.text, "the credit in /spend", spend.text)
        await self._credit(Usd(before))
        await self._ada.see(
            lambda one: one.id == told.id and "lasts longer again" in one.text,
            "the same message, edited",
            TOLD_S,
        )
        lasts = next(line for line in spend.text.splitlines() if "Vast credit" in line)
        return f"“{first_line(told.text)}”; /spend: “{lasts.replace('**', '')}”"

    async def get_receipt(self) -> str:
        """Of the machine that has just ended: its three columns against the sandbox's books."""
        (rental,) = await self._ended()
        shown = await self._inbox.see(
            lambda one: rental.id in one.text and "agree" in one.text,
            "a receipt with Vast's bill",
            BILLED_S,
        )
        figures = dict(_FIGURE.findall(shown.text))
        books = (await control(self._stage, "GET", "books"))["instances"]
        billed = sum(sum(one["billed"].values()) for one in books if one["id"] == rental.contract)
        for column in ("Reckoned", "Vast"):
            off = abs(Usd.of(figures[column]).micros - billed)
            check(off <= 500, f"{Usd(billed)} to a thousandth", f"{column} {figures[column]}")
        for part in ("Download", "Upload"):
            check(part in shown.text, part, shown.text)
        off = abs(Usd.of(figures["Quoted"]).micros - billed)
        check(off <= _beyond(rental), "the quote beside it", shown.text)
        return ", ".join(f"{name} ${figures[name]}" for name in ("Quoted", "Reckoned", "Vast"))

    def _carry(self, rental: Rental) -> None:
        world = self._stage.sandbox.world
        world.carried(world.contract(int(rental.contract or 0)), up=2 * GB, down=9 * GB)

    async def _ended(self) -> list[Rental]:
        store, world = self._stage.app.store, self._stage.demo.world
        mine = await store.rentals_of(world.guild.id, world.people["ada"].user.id)
        return [one for one in mine if not one.open and one.contract is not None]

    async def _credit(self, amount: Usd) -> None:
        await control(self._stage, "PUT", "account", {"credit": float(amount.dollars)})


def _beyond(rental: Rental) -> int:
    """Micro-dollars that a quote says too much: the GPU is free while the image loads."""
    assert rental.created_at is not None
    loading = (rental.running_at or rental.created_at) - rental.created_at
    return rental.agreed_per_hour.over(loading + SLACK, per=timedelta(hours=1)).micros + 1_000
