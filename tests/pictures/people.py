"""The people of the story, and what they do by the words that they read.

Buttons and menus are found by what stands on them, wherever the card has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.demo.hands import Hands, Seen, walk
from bot.demo.stage import Stage

SHOWN_S = 300.0


class Team:
    """Ada and Linus learn, Grace leads."""

    def __init__(self, stage: Stage) -> None:
        env, world = stage.demo.env, stage.demo.world
        self.people = world.people
        self._hands = {
            (key, inbox): Hands(env, world, person, inbox=inbox)
            for key, person in world.people.items()
            for inbox in (False, True)
        }
        self.ada = self._hands["ada", False]
        self.linus = self._hands["linus", False]
        self.grace = self._hands["grace", False]

    def inbox(self, who: str) -> Hands:
        return self._hands[who, True]


async def act(hands: Hands, message: Seen, words: str) -> Seen:
    """Press the button, or choose from the menu, on which these words (a pattern) stand."""
    wanted = re.compile(words, re.IGNORECASE)
    for label in message.buttons:
        if wanted.fullmatch(label):
            return await hands.press(message, label)
    for part in walk(message.components):
        for option in part.get("options") or ():
            if wanted.fullmatch(str(option["label"])):
                return await hands.choose(message, str(option["value"]))
    raise AssertionError(f"nothing to press says {words}; seen: {message.text}")


async def see(
    hands: Hands,
    *words: str,
    but: Callable[[Seen], bool] | None = None,
    within_s: float = SHOWN_S,
) -> Seen:
    """Wait for a message that says all of these (patterns), in texts or on buttons."""
    wanted = [re.compile(one, re.IGNORECASE | re.DOTALL) for one in words]

    def fits(message: Seen) -> bool:
        said = "\n".join((message.text, *message.buttons))
        return all(one.search(said) for one in wanted) and not (but is not None and but(message))

    return await hands.see(fits, " and ".join(words), within_s)
