"""The act about budgets: a quote that foretells the month, a refusal, a lead's yes, the week's
picture."""

from __future__ import annotations

import re

from simcord.results import ResponseMessage

from bot.demo.checks import check, first_line
from bot.demo.hands import Hands, Seen
from bot.demo.stage import Stage

HOURS = 24
HERS, TEAMS = "1", "40"
"""Dollars a month: less than a day of any machine, and more."""

SHOWN_S = 30.0


class BudgetAct:
    """Leaves an approved quote for the next machine, and no budget at the end."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        people = stage.demo.world.people
        self._people = people
        self._ada = Hands(stage.demo.env, stage.demo.world, people["ada"])
        self._grace = Hands(stage.demo.env, stage.demo.world, people["grace"])
        self.quote = Seen(0, 0, ())

    async def foretell(self) -> str:
        """Grace sets two budgets; Ada's next quote says what it would make of both."""
        await self._grace.command("budget set", dollars=TEAMS)
        await self._grace.command("budget set", dollars=HERS, member=self._people["ada"].user)
        self.quote = await self._ada.command("rent", disk=10, hours=HOURS)
        said = self.quote.text
        for word in (f"for the {HOURS} hours you plan", "of transfer", "No hours"):
            check((word in said) is (word != "No hours"), word, said)
        mine = _line(said, f"You: .* of \\${HERS} used; with this at most more than is allowed")
        team = _line(said, f"The team: .* of \\${TEAMS} used; with this at most")
        return f"“{mine}”; “{team}”"

    async def be_refused(self) -> str:
        """Nothing is rented."""
        store = self._stage.app.store
        before = await store.open_rentals()
        self.quote = await self._ada.press(self.quote, "Rent")
        check("Not within the budget" in self.quote.text, "a refusal", self.quote.text)
        check(await store.open_rentals() == before, "no new rental", self.quote.text)
        return f"“{_line(self.quote.text, 'This person')}”"

    async def be_approved(self) -> str:
        """One tap each; Ada cannot say yes to herself."""
        (ask,) = [one for one in self.quote.buttons if one.startswith("Ask a lead")]
        await self._ada.press(self.quote, ask)
        request = await self._grace.see(
            lambda one: "asks for" in one.text and "Approve" in one.buttons, "a request", SHOWN_S
        )
        own = await self._ada.press(request, "Approve")
        check("Only leads" in own.text, "a refusal of her own yes", own.text)
        await self._grace.press(request, "Approve")
        answered = await self._grace.see(
            lambda one: one.id == request.id and "Approved by" in one.text, "a yes", SHOWN_S
        )
        check(not answered.buttons, "no buttons left", str(answered.buttons))
        check("Rent" in self.quote.buttons, "a Rent button for Ada", str(self.quote.buttons))
        return f"{ask.lower()}: approved with one tap; her Rent button works now"

    async def see_the_week(self) -> str:
        """The weekly report as of now, and away with the budgets."""
        team = await self._grace.command("spend", team=True)
        week = await self._grace.press(team, "Show the week's report")
        check("The last seven days" in week.text, "the week's report", week.text)
        check("Ada" in week.text, "who spent it", week.text)
        check("saved by ending 1 idle machine" in week.text, "what idle cost not", week.text)
        picture = await self._picture(week)
        await self._grace.command("budget set", dollars="off")
        await self._grace.command("budget set", dollars="off", member=self._people["ada"].user)
        saved = _line(week.text, "About .* saved").split(":")[0]
        return f"“{first_line(week.text)}”, a picture of {len(picture):,} bytes; “{saved}”"

    async def _picture(self, message: Seen) -> bytes:
        env = self._stage.demo.env
        stored = env.backend.get_message(message.channel_id, message.id)
        (file,) = ResponseMessage(env, stored).attachments
        png = await file.read()
        check(png.startswith(b"\x89PNG"), "a PNG", repr(png[:20]))
        return bytes(png)


def _line(text: str, pattern: str) -> str:
    """The line that begins so, without marks. Fails where there is none."""
    found = next((line for line in text.splitlines() if re.match(pattern, line)), "")
    check(bool(found), pattern, text)
    return found.replace("**", "")
