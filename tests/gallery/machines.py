"""The quote, and the rental's card in each of its states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.forecasts import moving
from bot.domain.paces import Like, Pace, Part, Usual
from bot.domain.rentals import Phase, Reason, Rental, State, Try
from bot.domain.shortages import Kind, Shortage
from bot.domain.standing import Name, Standing
from bot.domain.tally import by_row
from bot.services.moves import Choices
from cogs.ui import answers, look, market
from cogs.ui.cards import rental_card
from tests.gallery.facts import (
    HOUR,
    LEAD,
    MINUTE,
    an_a100,
    an_rtx_3090,
    starting,
    the_machine,
    the_quote,
    watched,
)

_USUAL = Usual(
    like=Like.MACHINE,
    count=4,
    parts=(
        (Part.LOADING, timedelta(seconds=95)),
        (Part.CONNECTING, timedelta(seconds=8)),
        (Part.JUPYTER, timedelta(seconds=25)),
    ),
    whole=timedelta(seconds=128),
)


def cards(now: datetime) -> Mapping[str, look.Card]:
    """Before, during and after: what people see of a machine."""
    machine = the_machine(now)
    quote = the_quote(now)
    old, new = an_rtx_3090(), an_a100()
    moved = replace(
        quote,
        offer=new,
        moves_from=machine.id,
        hours=None,
        forecast=moving(12_000_000_000, old=old, old_per_hour=machine.per_hour, onto=new),
    )
    choices = Choices(rental=machine, wish=quote.wish, offers=[new], larger=True)
    live = {
        name: rental_card(rental, now, standing, None, pace)
        for name, (rental, standing, pace) in _states(now).items()
    }
    standings = {machine.id: watched(now)}
    return {
        "quote": market.quote(quote),
        "quote-of-a-move": market.quote(moved),
        "quote-instead": market.quote(quote, instead_of=machine),
        "begun": answers.begun(machine),
        "not-rented": answers.not_rented(),
        **live,
        "larger": market.moves(choices),
        "more": answers.more(machine),
        "sure": answers.sure(machine, by_row(machine, now)),
        "really-lose": answers.really_lose(machine, by_row(machine, now)),
        "destroying": answers.destroying(machine),
        "left-alone": answers.left_alone(),
        "ticket": answers.ticket(machine, "https://k7m2xp.gpu.example.org/-/ticket/" + "x" * 43),
        "status": answers.status(
            [machine, starting(now, Phase.LOADING, id="q4v8nd", name=None)],
            now,
            standings=standings,
        ),
        "status-none": answers.status([], now),
    }


def _states(now: datetime) -> Mapping[str, tuple[Rental, Standing | None, Pace | None]]:
    """The rental's card: the row, what the watch says of it, its pace."""
    pace = Pace(now - MINUTE / 2, _USUAL)
    tried = Try(
        number=1,
        offer=an_rtx_3090(),
        reason=Reason.TOO_SLOW,
        words="Pulling fs layer 3 of 9.",
        began_at=now - 20 * MINUTE,
        ended_at=now - 3 * MINUTE,
        machine_id=24_817,
    )
    short = {kind: watched(now, shortage=Shortage(kind, now - 2 * MINUTE, "k")) for kind in Kind}
    closed = {
        "state": State.CLOSED,
        "released_at": now - HOUR,
        "gone_at": now - MINUTE,
        "closed_at": now,
    }
    return {
        "starting-renting": (
            starting(now, Phase.RENTING, state=State.CREATING, created_at=None, contract=None),
            None,
            None,
        ),
        "starting-loading": (
            starting(now, Phase.LOADING, detail="pulling layer 3 of 9", running_at=None),
            None,
            pace,
        ),
        "starting-jupyter": (starting(now, Phase.OPENING), None, pace),
        "starting-restoring": (starting(now, Phase.RESTORING, restore_id="a"), None, pace),
        "starting-after-a-try": (
            starting(now, Phase.LOADING, tries=(tried,), running_at=None),
            None,
            pace,
        ),
        "replacing": (
            starting(
                now, Phase.LOADING, replacing=True, reason=Reason.TOO_SLOW, state=State.DESTROYING
            ),
            None,
            None,
        ),
        "dearer": (
            starting(
                now,
                Phase.RENTING,
                state=State.REQUESTED,
                proposal=an_a100(),
                proposed_until=now + HOUR,
                tries=(tried,),
            ),
            None,
            None,
        ),
        "ready": (the_machine(now), watched(now), None),
        "ready-quiet": (the_machine(now), watched(now, Name.QUIET), None),
        "ready-asked": (the_machine(now), watched(now, Name.ASKED, asked=True), None),
        "out-of-gpu-memory": (the_machine(now), short[Kind.GPU_MEMORY], None),
        "kernel-died": (the_machine(now), short[Kind.DIED], None),
        "gpu-full": (the_machine(now), short[Kind.FULL], None),
        "cannot-be-reached": (the_machine(now, broken_since=now - 4 * MINUTE), None, None),
        "archive-not-done": (
            the_machine(
                now,
                save_asked_at=now,
                save_fails=2,
                save_next_at=now + 5 * MINUTE,
                note="Not archived: the archive store is not answering as it should.",
            ),
            watched(now),
            None,
        ),
        "archiving": (
            the_machine(
                now,
                state=State.ARCHIVING,
                reason=Reason.RELEASED,
                ended_by=LEAD,
                released_at=now - MINUTE,
                phase_at=now - MINUTE,
            ),
            None,
            None,
        ),
        "archiving-idle": (
            the_machine(
                now, state=State.ARCHIVING, reason=Reason.IDLE, released_at=now, phase_at=now
            ),
            None,
            None,
        ),
        "moving": (
            the_machine(now, state=State.ARCHIVING, reason=Reason.MOVED, released_at=now),
            None,
            None,
        ),
        "ending": (
            the_machine(
                now,
                state=State.DESTROYING,
                reason=Reason.RELEASED,
                ended_by=LEAD,
                released_at=now - MINUTE,
                destroyed_at=now,
            ),
            None,
            None,
        ),
        "ended": (
            the_machine(
                now,
                reason=Reason.RELEASED,
                ended_by=LEAD,
                archive_id="a",
                proven_at=now - MINUTE,
                **closed,
            ),
            None,
            None,
        ),
        "ended-no-machine": (
            starting(
                now,
                Phase.RENTING,
                **{**closed, "gone_at": None},
                reason=Reason.NO_OFFER,
                contract=None,
                created_at=None,
                running_at=None,
            ),
            None,
            None,
        ),
    }
