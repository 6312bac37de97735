"""The root of the tree, and what is wrong with a setting."""

from __future__ import annotations

import os


def system_reason(error: OSError) -> str:
    """Why the system refused, in its own few words; asyncio puts a whole sentence around them."""
    known = error.errno is not None and error.errno > 0
    return os.strerror(error.errno) if known and error.errno else error.strerror or str(error)


class BotError(Exception):
    """The root. `public` and `hint` are shown to people; the message itself goes to the log."""

    public = "Something went wrong on our side."
    hint = "Try again in a minute."

    def __init__(self, detail: str = "", *, public: str = "", hint: str | None = None) -> None:
        """Without a `hint` that of the class is said; an empty one says none."""
        super().__init__(detail or public or self.public)
        if public:
            self.public = public
        if hint is not None:
            self.hint = hint


class Config(BotError):
    """A setting is missing or wrong. `name` is the variable, the message says what to do."""

    hint = ""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}", public=f"{name}: {detail}")
        self.name = name
