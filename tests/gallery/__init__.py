"""Every kind of card once, with believable facts: to be looked at, and to be held against rules.

`python -m tests.gallery FOLDER` takes a picture of each on a phone and on a desktop
(`__main__.py`); `tests/cogs/ui/test_one_look.py` holds all of them against what they have in
common.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cogs.ui import look
from tests.gallery import around, letters, machines, money


def gallery(now: datetime) -> Mapping[str, look.Card]:
    """The cards by their names, as they are at `now`, in the order in which people meet them."""
    return {
        **machines.cards(now),
        **letters.cards(now),
        **around.cards(now),
        **money.cards(now),
    }
