"""How often Python looks for garbage that holds itself alive, and among how much.

As it comes, Python looks after every 700 objects more, which for a relay that answers thousands of
requests a second was a quarter of its processor time; and now and then it goes through all there
is, modules and schemas included, while everybody waits.
"""

from __future__ import annotations

import gc

OBJECTS = 5_000
"""So many more before it looks. 20,000 were no faster (docs/relay.md)."""


def settle() -> None:
    """What is there now is there to stay, and is not looked at again. Once, when all is set up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
