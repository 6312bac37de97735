"""What cards say of machines tried before, of a dearer one, of a broken path and its way out."""

from __future__ import annotations

from datetime import timedelta

from simcord.components import walk_components

from bot.domain.images import DEFAULT
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.rentals import ContractId, Phase, Reason, RentalId, State, Try
from bot.domain.replacement import Grudge
from bot.services.offers import Found
from cogs.ui import cards, look, market, offers
from tests.builders import NOW, a_quote, a_rental, an_offer, some_rates

MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(hours=2)


def _text(card: look.Card) -> str:
    found = walk_components(card.to_components())
    return "\n".join(
        str(part[key]) for part in found for key in ("content", "label") if part.get(key)
    )


def _tried(**changes: object) -> Try:
    facts: dict[str, object] = {
        "number": 1,
        "offer": an_offer(gpu_name="RTX 3090"),
        "reason": Reason.NO_SSH,
        "words": "SSH: 198.51.100.7:40022 refuses connections.",
        "began_at": NOW,
        "ended_at": NOW + MINUTE,
        "contract": ContractId(5),
        "machine_id": 24817,
        "created_at": NOW,
        "gone_at": NOW + MINUTE,
        "gpu": Usd.of("0.01"),
        "storage": Usd.of("0.0012"),
    }
    return Try(**facts | changes)  # type: ignore[arg-type]


def test_each_try_says_which_machine_why_it_ended_and_what_it_cost() -> None:
    """On the card of the next one, and on the last."""
    rental = a_rental(state=State.BOOTING, phase=Phase.LOADING, phase_at=NOW, tries=(_tried(),))

    shown = _text(cards.rental_card(rental, LATER))

    assert "1 · RTX 3090 in Sweden, SE · machine 24817: It started, but never let us in." in shown
    assert "refuses connections. It cost $0.01." in shown
    assert "$0.01 so far" in shown


def test_a_try_that_cost_less_than_can_be_shown_does_not_cost_a_nought() -> None:
    """“$0.00” would leave it open whether something was charged."""
    seconds = _tried(gpu=Usd(), storage=Usd(20))
    rental = a_rental(state=State.BOOTING, phase=Phase.LOADING, phase_at=NOW, tries=(seconds,))

    assert "It cost almost nothing." in _text(cards.rental_card(rental, LATER))


def test_while_a_failed_machine_goes_the_card_says_that_another_is_tried() -> None:
    """Not an end: the reason, the price that holds, and a way out."""
    rental = a_rental(
        state=State.DESTROYING,
        reason=Reason.TOO_SLOW,
        released_at=NOW,
        replacing=True,
        detail="The host's log ends with: pulling layer 3",
    )

    shown = _text(cards.rental_card(rental, LATER))

    assert "trying another machine" in shown
    assert "The host took too long to load the image. It is being destroyed." in shown
    assert "pulling layer 3" in shown
    assert shown.endswith("Cancel")


def test_a_dearer_machine_is_a_question_with_its_price_on_the_button() -> None:
    """Nothing costs meanwhile, and the card says when the question ends."""
    dear = an_offer(rates=some_rates(gpu_per_hour=Usd.of("0.40")))
    rental = a_rental(proposal=dear, proposed_until=LATER, tries=(_tried(),))

    shown = _text(cards.rental_card(rental, NOW))

    assert "Nothing runs and nothing costs meanwhile." in shown
    assert f"<t:{int(LATER.timestamp())}:R>" in shown
    assert "Rent at $0.421/h\nCancel" in shown


def test_a_broken_path_says_since_when_what_it_costs_and_offers_replace() -> None:
    """A ready machine its owner cannot get to is not green."""
    rental = a_rental(
        state=State.READY,
        contract=ContractId(5),
        created_at=NOW,
        running_at=NOW,
        ready_at=NOW,
        broken_since=NOW + timedelta(hours=1),
        detail="SSH: 198.51.100.7:40022 does not answer.",
    )

    shown = _text(cards.rental_card(rental, LATER))

    assert f"broke <t:{int((NOW + timedelta(hours=1)).timestamp())}:R>" in shown
    assert "$0.32 since then" in shown
    assert "does not answer" in shown
    assert shown.endswith("Replace\nOpen\nArchive and destroy")


def test_a_quote_in_place_of_another_says_what_is_lost() -> None:
    """With an archive what was made since; without one everything. The old one goes on costing."""
    old = a_rental(archive_id="a1", proven_at=NOW)

    with_one = _text(market.quote(a_quote(restore_id="a1"), instead_of=old))
    without = _text(market.quote(a_quote(), instead_of=a_rental()))

    assert "What was made since is not in it." in with_one
    assert "There is no archive of the old machine: the new one begins empty." in without
    assert "until you destroy it" in without


def test_a_machine_that_failed_us_is_marked_in_the_list() -> None:
    """Rented all the same by whoever wants it."""
    offer = an_offer()
    failed = Grudge(
        rental_id=RentalId("b2k7xq"),
        contract=ContractId(5),
        machine_id=offer.machine_id,
        host_id=offer.host_id,
        reason=Reason.NO_SSH,
        at=NOW,
    )

    found = Found(
        wish=Wish(),
        image=DEFAULT,
        offers=[offer],
        more={},
        failed={offer.machine_id: failed},
        at=NOW,
    )

    shown = _text(offers.page(found, owner_id=1))

    assert f"This machine failed us <t:{int(NOW.timestamp())}:R>." in shown


def test_a_card_with_every_try_holds_the_limits() -> None:
    """The longest words, ten tries."""
    words = "<@1> *x* " * 80
    tries = tuple(_tried(number=number, words=words) for number in range(1, 11))
    rental = a_rental(state=State.BOOTING, phase=Phase.LOADING, tries=tries)

    shown = _text(cards.rental_card(rental, LATER))

    assert len(shown) < 4000
    assert "<@1>" not in shown
    assert "… and 5 before these" in shown
