"""`/status` when much is to be said at once: it is read most when much is wrong."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.images import DEFAULT
from bot.domain.lookouts import Lookout, State
from bot.domain.money import Usd
from bot.domain.offers import Wish
from bot.domain.shares import Share
from bot.services.health import Ailment
from cogs.ui import answers, sharing
from tests.builders import NOW, a_rental
from tests.cogs.ui.test_one_look import _texts

ROOM = 4000
"""Characters of all the text of a message."""


def _wish(number: int, *, note: str) -> Lookout:
    return Lookout(
        id=f"wsh{number}",
        state=State.OPEN,
        guild_id=1,
        channel_id=2,
        owner_id=10**18,
        owner_name="Ada",
        wish=Wish(gpu="RTX PRO 6000 Blackwell Max-Q Workstation Edition", max_price=Usd(10**6)),
        image=DEFAULT,
        rents=True,
        made_at=NOW,
        until=NOW + timedelta(hours=9),
        looked_at=NOW,
        note=note,
    )


def _shared() -> str:
    share = Share(
        id="shr",
        rental_id=a_rental().id,
        guild_id=1,
        member_id=10**18,
        member_name="Ben",
        by_id=10**18 + 1,
        view_only=False,
        made_at=NOW,
        until=NOW + timedelta(hours=9),
    )
    return sharing.mine([(a_rental(name="W" * 40), share)] * 9)


def test_all_that_can_be_said_at_once_fits() -> None:
    """Ten wishes that wait for credit, machines of others, and three things that are not well."""
    wishes = [_wish(number, note="There is one, but: " + "w" * 200) for number in range(10)]
    ailments = {
        name: Ailment("w" * 300, NOW) for name in ("vast", "archives", "disk", "searches", "clock")
    }

    shown = _texts(
        answers.status(
            [a_rental(name="lesson")] * 9,
            NOW,
            lookouts=wishes,
            ailments=ailments,
            shared=_shared(),
        )
    )

    assert len(shown) <= ROOM
    assert "lesson" in shown
    assert "Looking for" in shown
    assert "Shared with you" in shown


def test_wishes_do_not_take_the_place_of_machines() -> None:
    """Those that run cost money; of ten wishes some are counted."""
    wishes = [_wish(number, note="There is one, but: " + "w" * 100) for number in range(10)]

    shown = _texts(answers.status([a_rental(name="lesson")] * 5, NOW, lookouts=wishes))

    assert shown.count("**lesson · ") == 5
    assert "5 · RTX PRO 6000" in shown
    assert "-# … and 5 more" in shown
