"""A start's phases on the card: what each took, what is usual, and no number before it is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.domain.paces import Like, Pace, Part, Usual
from bot.domain.rentals import ContractId, Phase, Reason, Rental, State, Try
from cogs.ui import cards, progress
from tests.builders import NOW, a_rental
from tests.cogs.ui.test_cards import _text

S = timedelta(seconds=1)
USUAL = Usual(
    like=Like.MACHINE,
    count=4,
    parts=((Part.LOADING, 120 * S), (Part.CONNECTING, 8 * S), (Part.JUPYTER, 25 * S)),
    whole=153 * S,
)


def booting(phase: Phase, **changes: Any) -> Rental:
    facts: dict[str, Any] = {
        "state": State.BOOTING,
        "phase": phase,
        "requested_at": NOW,
        "contract": ContractId(5),
        "created_at": NOW + 4 * S,
        "running_at": NOW + 94 * S,
        "phase_at": NOW + 100 * S,
    }
    return a_rental(**facts | changes)


def test_without_experience_no_number_is_invented() -> None:
    """A new team sees the phases and the time that passes, nothing more."""
    shown = _text(cards.rental_card(booting(Phase.LOADING, running_at=None), NOW + 9 * S))

    assert "✓ Renting · 4 s\n▸ **Loading**\n○ Connecting\n○ Starting Jupyter\n○ Ready" in shown
    assert "usual" not in shown.lower()


def test_what_is_over_says_how_long_it_took_and_what_comes_how_long_it_usually_takes() -> None:
    """Learned from earlier starts, and it says from which."""
    rental = booting(Phase.CONNECTING)

    shown = _text(cards.rental_card(rental, NOW + 99 * S, None, None, Pace(None, USUAL)))

    assert "✓ Loading · 90 s\n▸ **Connecting** · usually 8 s" in shown
    assert "○ Starting Jupyter · usually 25 s\n○ Ready" in shown
    assert (
        "-# Usually ready 3 min after it is rented. "
        "Usual is what 4 earlier starts on this machine took." in shown
    )


def test_the_time_of_the_connection_comes_from_the_books() -> None:
    """The row forgets it once Jupyter is on its way."""
    rows = progress.rows(booting(Phase.OPENING), Pace(NOW + 101 * S))

    assert "✓ Connecting · 7 s" in rows
    assert "✓ Connecting\n" in progress.rows(booting(Phase.OPENING), None)


def test_a_restore_has_a_row_of_its_own_and_no_usual_time() -> None:
    """It takes as long as the archive is large; the forecast below says how long."""
    rental = booting(Phase.RESTORING, restore_id="a")
    pace = Pace(NOW + 100 * S, USUAL)

    assert "▸ **Restoring**\n○ Starting Jupyter · usually 25 s" in progress.rows(rental, pace)
    assert progress.learned(rental, pace).startswith("Usual is what 4 earlier starts")


def test_after_a_failed_try_the_time_counts_from_then() -> None:
    """Not from the wish, which is older than the machine before."""
    first = booting(Phase.LOADING)
    tried = Try(
        number=1,
        offer=first.offer,
        reason=Reason.TOO_SLOW,
        words="",
        began_at=NOW,
        ended_at=NOW + 600 * S,
    )
    rental = booting(Phase.LOADING, tries=(tried,), created_at=NOW + 605 * S, running_at=None)

    assert progress.rows(rental, None).startswith("✓ Renting · 5 s")


def test_a_move_says_that_it_switches_over() -> None:
    """The last phase before the new machine is ready."""
    rows = progress.rows(booting(Phase.SWITCHING, moves_from="other"), None)

    assert rows.endswith("✓ Starting Jupyter\n▸ **Switching over**\n○ Ready")
