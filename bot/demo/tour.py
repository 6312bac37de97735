"""The tour: the story of the demo, played step by step and checked against the sandbox's books.

What people see is read from the pretend Discord, what happened at Vast from the sandbox's own
books, which know nothing of Bellhop.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import aiohttp

from bot.demo.checks import check, first_line
from bot.demo.hands import Hands, Seen
from bot.demo.stage import Stage
from bot.demo.tour_board import BoardAct
from bot.demo.tour_budget import BudgetAct
from bot.demo.tour_idle import IdleAct
from bot.demo.tour_money import MoneyAct
from bot.demo.tour_move import MoveAct
from bot.demo.tour_share import ShareAct
from bot.demo.tour_sweep import SweepAct
from bot.demo.visitor import Visitor
from bot.domain.money import Usd
from bot.domain.rentals import RentalId

READY_S = 90.0
GONE_S = 60.0
Book = dict[str, Any]


class Tour:
    """One play of the story. Each step leaves what the next ones need."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        people = stage.demo.world.people
        self._ada = Hands(stage.demo.env, stage.demo.world, people["ada"])
        self._linus = Hands(stage.demo.env, stage.demo.world, people["linus"])
        self._visitor: Visitor
        self._offers = self._quote = self._card = self._bill = Seen(0, 0, ())
        self._rental = RentalId("")
        self._quoted = Usd()

    async def play(self) -> int:
        """Every step in order; 0 only if all held."""
        idle, outside = IdleAct(self._stage), SweepAct(self._stage)
        moves, money = MoveAct(self._stage, idle), MoneyAct(self._stage)
        budget, board = BudgetAct(self._stage), BoardAct(self._stage)
        guests = ShareAct(self._stage)
        steps: tuple[tuple[str, Callable[[], Awaitable[str]]], ...] = (
            ("Ada asks for offers", self._see_offers),
            ("She chooses one and gets a quote", self._get_quote),
            ("She presses Rent, twice", self._rent),
            ("The card follows the machine until it is ready", self._become_ready),
            ("Linus is not let in", self._keep_out),
            ("Open gives Ada a way into her notebook, once", self._open),
            ("She runs a cell and a terminal in the real JupyterLab", self._work),
            ("Linus is let in by /share, works, and is let go of at once", guests.share),
            ("A program on another port opens at an address of its own", guests.open_port),
            ("/status and /spend say what it costs", self._read_costs),
            ("/board shows the channel who runs what; asked for again, it moves", board.put_up),
            ("The Vast credit runs low; the team is told, until more is paid in", money.run_low),
            ("/destroy asks, archives, and then ends it", self._destroy),
            ("The sandbox's books agree with the bill", self._compare),
            ("She gets a receipt: quoted, reckoned and billed by Vast", money.get_receipt),
            ("Ada's next quote says what it makes of her month", budget.foretell),
            ("It is beyond her budget, so nothing is rented", budget.be_refused),
            ("Grace, a lead, approves it with one tap", budget.be_approved),
            (
                "Ada rents it, works, and forgets the machine",
                lambda: idle.work_and_go(budget.quote),
            ),
            ("She is asked, with what was measured", idle.be_asked),
            ("Nobody answers: archived, proven, destroyed", idle.be_ended),
            ("Grace looks at the week: who, what, what was saved", budget.see_the_week),
            ("The work is restored onto another GPU, file by file the same", idle.restore),
            ("She downloads the archive by a private link", moves.download),
            ("Move: another GPU, the same work and address, then the old one ends", moves.move),
            (
                "She gives that one back without an archive; Vast confirms it late",
                lambda: outside.end_late(idle.give_back),
            ),
            ("A machine that no rental owns is found and destroyed", outside.destroy_a_stray),
            (
                "Discord is away while Ada rents; the machine comes, and then one card",
                lambda: outside.be_unheard(idle.rented),
            ),
            ("Somebody destroys it in Vast's console; she is told", outside.lose_a_machine),
            ("Nothing is left running", self._nothing_left),
            ("The board has followed, and says how to begin", board.be_empty),
        )
        async with Visitor() as self._visitor:
            for number, (title, step) in enumerate(steps, 1):
                if not await self._play(number, title, step):
                    print("\nThe tour ended early; the later steps were not played.")
                    return 1
        print(f"\nAll {len(steps)} steps held.")
        return 0

    async def _play(self, number: int, title: str, step: Callable[[], Awaitable[str]]) -> bool:
        try:
            told = await step()
        except Exception as error:  # a door: whatever went wrong is a step that did not hold
            print(f"{number:>2}. {title}\n    FAILED: {type(error).__name__}: {error}", flush=True)
            return False
        print(f"{number:>2}. {title}\n    {told}", flush=True)
        return True

    # --- The steps ----------------------------------------------------------------------------

    async def _see_offers(self) -> str:
        self._offers = await self._ada.command("offers", disk=10)
        prices = re.findall(r"\$\d+\.\d{3}/h", self._offers.text)
        check(len(self._offers.choices) >= 5, "a page of offers", self._offers.text)
        check(len(prices) >= 5, "whole prices", self._offers.text)
        check("Why number 1 is first" in self._offers.text, "why the first", self._offers.text)
        beside = await self._ada.press(self._offers, "Compare")
        check(beside.text.count("DLPerf") == 3, "three side by side", beside.text)
        self._offers = await self._ada.press(beside, "Back to the offers")
        return f"{len(self._offers.choices)} offers, from {prices[0]}; three side by side"

    async def _get_quote(self) -> str:
        self._quote = await self._ada.choose(self._offers, self._offers.choices[0])
        for word in ("GPU", "torage", "ransfer"):
            check(
                word in self._quote.text or word.lower() in self._quote.text, word, self._quote.text
            )
        check("Rent" in self._quote.buttons, "a Rent button", str(self._quote.buttons))
        prices = re.findall(r"\$(\d+\.\d{3})/h", self._quote.text)
        self._quoted = max(Usd.of(price) for price in prices)
        return f"GPU, disk and transfer apart; {self._quoted.dollars:.3f} $/h in all"

    async def _rent(self) -> str:
        await self._ada.press(self._quote, "Rent")
        rentals = await self._open_rentals()
        try:
            await self._ada.press(self._quote, "Rent")
        except Exception as gone:  # the button may be gone already, which is as good
            told = f"the second press met no button ({type(gone).__name__})"
        else:
            told = "the second press met the same rental"
        check(await self._open_rentals() == rentals, "one rental", str(rentals))
        check(len(rentals) == 1, "one rental", str(rentals))
        self._rental = rentals[0]
        return f"one rental, {self._rental}; {told}"

    async def _become_ready(self) -> str:
        seen: list[str] = []

        def ready(message: Seen) -> bool:
            if self._rental not in message.text:
                return False
            if not seen or seen[-1] != message.text:
                seen.append(message.text)
            return "Open" in message.buttons

        self._card = await self._ada.see(ready, "a ready card", READY_S)
        cards = [one for one in self._ada.messages() if self._rental in one.text]
        check(len(cards) == 1, "one card in the channel", str(len(cards)))
        book = await self._book()
        check(book["state"] == "running", "a running instance", str(book))
        label = f"bellhop/{self._rental}"
        check(book["label"] == label, label, str(book))
        return f"one message, {len(seen)} versions of it seen; instance {book['id']} is running"

    async def _keep_out(self) -> str:
        answer = await self._linus.press(self._card, "Open")
        check(answer.link is None, "no link for Linus", answer.text)
        address = self._stage.app.links.address(self._rental)
        async with Visitor() as stranger:
            status, page = await stranger.look(address + "/lab")
        check(status in (401, 403), "a refusal", f"{status}: {page[:200]}")
        check("/open" in page, "how to get in", page[:400])
        return f"“{first_line(answer.text)}” and, at the bare address, {status}"

    async def _open(self) -> str:
        answer = await self._ada.press(self._card, "Open")
        check(answer.link is not None, "a link", answer.text)
        link = str(answer.link)
        await self._visitor.look(link)
        status, page = await self._visitor.enter(link)
        check(status == 200 and "jupyter" in page.lower(), "JupyterLab", f"{status}: {page[:200]}")
        async with Visitor() as late:
            again, _ = await late.enter(link)
        check(again in (403, 404, 410), "a spent ticket", str(again))
        return f"JupyterLab's own page through the relay; the spent ticket answers {again}"

    async def _work(self) -> str:
        printed = await self._visitor.run_cell("print(6 * 7)")
        check(printed.strip() == "42", "42", printed)
        gpu = await self._visitor.type_in_terminal("nvidia-smi -L; echo over$((1+1))", "over2")
        check("GPU 0" in gpu, "nvidia-smi's list", gpu)
        return f"the cell printed {printed.strip()}; the terminal shows the GPU"

    async def _read_costs(self) -> str:
        status = await self._ada.command("status")
        check(self._rental in status.text, "the rental in /status", status.text)
        check("$" in status.text, "a cost in /status", status.text)
        spend = await self._ada.command("spend")
        check("$" in spend.text, "a total in /spend", spend.text)
        return f"“{first_line(spend.text)}”"

    async def _destroy(self) -> str:
        asked = await self._ada.command("destroy")
        check("Archive and destroy" in asked.buttons, "a question", asked.text)
        book = await self._book()
        check(book["destroyed_at"] is None, "nothing destroyed yet", str(book))
        await self._ada.press(asked, "Archive and destroy")
        self._bill = await self._ada.see(
            lambda one: self._rental in one.text and "Seen gone" in one.text, "the bill", GONE_S
        )
        book = await self._book()
        check(book["destroyed_at"] is not None, "an instance that is gone", str(book))
        return f"“{_bill_line(self._bill.text)}”"

    async def _compare(self) -> str:
        book = await self._book()
        by_time = book["billed"]["gpu"] + book["billed"]["storage"]
        vast = Usd(sum(book["billed"].values()) if "transfer" in self._bill.text else by_time)
        told = Usd.of(_bill_line(self._bill.text).split("$", 1)[1].split("*", 1)[0].split(":")[0])
        ran = datetime.fromisoformat(book["destroyed_at"]) - datetime.fromisoformat(
            book["created_at"]
        )
        # What two looks at the account may miss at the quoted price, and what rounding hides.
        shown = Usd(5_000 if told >= Usd(10_000) else 100)
        slack = Usd.of(self._quoted.dollars * Decimal(10) / 3600) + shown
        check(abs((told - vast).micros) <= slack.micros, f"{vast} within {slack}", str(told))
        return (
            f"told {told}, the books say {vast} for {ran.total_seconds():.0f} s; one instance ever"
        )

    async def _nothing_left(self) -> str:
        books = await self._books()
        alive = [one["id"] for one in books if one["destroyed_at"] is None]
        check(not alive, "no living instance", str(alive))
        check(len(books) == 6, "six instances in all", str(len(books)))
        return f"{len(books)} instances ever, none alive"

    # --- The books ----------------------------------------------------------------------------

    async def _open_rentals(self) -> list[RentalId]:
        return [rental.id for rental in await self._stage.app.store.open_rentals()]

    async def _books(self) -> list[Book]:
        """Every instance that ever was, as the sandbox's control API tells it."""
        url = f"{self._stage.sandbox.url}/sandbox/books"
        deadline = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=deadline) as session, session.get(url) as answer:
            return list((await answer.json())["instances"])

    async def _book(self) -> Book:
        books = await self._books()
        check(len(books) == 1, "one instance in all", str(books))
        return books[0]


def _bill_line(text: str) -> str:
    return next(line.strip("*# ") for line in text.splitlines() if "It cost" in line)
