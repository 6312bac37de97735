"""Which shares go over to the machine that has the work now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.rentals import RentalId
from bot.domain.shares import Ending, Share, inherited
from tests.builders import GUILD, NOW, OWNER

OLD, NEW = RentalId("bcdfgh"), RentalId("jkmnpq")
HOUR = timedelta(hours=1)
BEN = 22


def share(name: str = "s1", **changes: Any) -> Share:
    facts: dict[str, Any] = {
        "id": name,
        "rental_id": OLD,
        "guild_id": GUILD,
        "member_id": BEN,
        "member_name": "Ben",
        "by_id": OWNER,
        "view_only": False,
        "made_at": NOW,
        "until": NOW + 8 * HOUR,
    }
    return Share(**facts | changes)


@pytest.mark.parametrize(
    ("ending", "goes"),
    [
        (None, True),
        (Ending.OVER, True),
        (Ending.REVOKED, False),
        (Ending.EXPIRED, False),
        (Ending.LEFT, False),
        (Ending.ROLE, False),
        (Ending.REPLACED, False),
    ],
)
def test_what_ended_only_with_its_machine_holds_on(ending: Ending | None, goes: bool) -> None:
    """What somebody ended stays ended, whatever machine the work is on."""
    one = share(ending=ending, ended_at=NOW if ending else None)

    assert inherited([one], NEW, NOW) == ([one] if goes else [])


def test_no_share_goes_over_after_its_time() -> None:
    """To the second."""
    one = share()

    assert inherited([one], NEW, one.until - timedelta(seconds=1)) == [one]
    assert inherited([one], NEW, one.until) == []


def test_of_a_member_the_newest_share_decides() -> None:
    """An older one does not undo that it was taken back, nor what the new machine has."""
    older = share(ending=Ending.OVER, ended_at=NOW)
    taken_back = share(
        "s2", made_at=NOW + HOUR, rental_id=NEW, ending=Ending.REVOKED, ended_at=NOW + HOUR
    )
    anew = share("s3", made_at=NOW + HOUR, rental_id=NEW, view_only=True)

    assert inherited([taken_back, older], NEW, NOW + HOUR) == []
    assert inherited([anew, older], NEW, NOW + HOUR) == []


def test_each_member_is_looked_at_apart() -> None:
    """One is taken back, the other goes over."""
    ben = share(ending=Ending.REVOKED, ended_at=NOW)
    cy = share("s2", member_id=33)

    assert inherited([ben, cy], NEW, NOW) == [cy]
