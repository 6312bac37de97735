"""What a value of the policy can be: how people write each kind, how it is shown and kept.

Kinds that have bounds are in `policy_measures.py`.

Kept is JSON. `parse` and `load` raise `Wrong`, whose words continue a sentence that begins with the
value's name: “idle … must be between 30 min and 4 h”.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Generic, Protocol, TypeVar

from bot.domain import zones
from bot.domain.images import choose
from bot.domain.quiet_hours import hours_text
from bot.errors import BadInput

T = TypeVar("T")

_OFF = frozenset(("off", "none", "never", "unlimited", "-"))
_ON = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
_CLOCK = re.compile(r"([01]?\d|2[0-3])(?::([0-5]\d))?")
_DISCORD_ID = re.compile(r"(?:<(?:@&|#|@!?)(\d{15,20})>|(\d{15,20}))")


class Wrong(ValueError):
    """What was written cannot be this value; the words say what can."""


class Kind(Protocol[T]):
    def parse(self, text: str) -> T:
        """From what a person wrote."""
        ...

    def show(self, value: T) -> str:
        """For a person; `parse` reads it back."""
        ...

    def dump(self, value: T) -> object:
        """As JSON can hold it."""
        ...

    def load(self, data: object) -> T: ...


@dataclass(frozen=True, slots=True)
class Off(Generic[T]):
    """Another kind, or `off`, which is None. `word` is how that reads."""

    kind: Kind[T]
    word: str = "off"

    def parse(self, text: str) -> T | None:
        plain = text.strip().lower()
        return None if plain in _OFF or plain == self.word else self.kind.parse(text)

    def show(self, value: T | None) -> str:
        return self.word if value is None else self.kind.show(value)

    def dump(self, value: T | None) -> object:
        return None if value is None else self.kind.dump(value)

    def load(self, data: object) -> T | None:
        return None if data is None else self.kind.load(data)


@dataclass(frozen=True, slots=True)
class Flag:
    def parse(self, text: str) -> bool:
        if (value := _ON.get(text.strip().lower())) is None:
            raise Wrong("must be yes or no")
        return value

    def show(self, value: bool) -> str:
        return "yes" if value else "no"

    def dump(self, value: bool) -> object:
        return value

    def load(self, data: object) -> bool:
        if not isinstance(data, bool):
            raise Wrong("must be true or false")
        return data


class _Words(abc.ABC):
    """Shown and kept as it is written."""

    __slots__ = ()

    @abc.abstractmethod
    def parse(self, text: str) -> str: ...

    def show(self, value: str) -> str:
        return value

    def dump(self, value: str) -> object:
        return value

    def load(self, data: object) -> str:
        return self.parse(_text(data))


@dataclass(frozen=True, slots=True)
class Choice(_Words):
    """One of these words; the mapping says what each means."""

    words: Mapping[str, str]

    def parse(self, text: str) -> str:
        plain = text.strip().lower()
        if plain not in self.words:
            *some, last = self.words
            raise Wrong(f"must be {', '.join(some)} or {last}")
        return plain


@dataclass(frozen=True, slots=True)
class Zone(_Words):
    """A time zone by its name."""

    def parse(self, text: str) -> str:
        if (name := zones.named(text)) is None:
            raise Wrong("must be the name of a time zone, or a large city in it")
        return name


@dataclass(frozen=True, slots=True)
class Hours(_Words):
    """Hours of the day, like 22:00-08:00; in which zone is another value."""

    def parse(self, text: str) -> str:
        try:
            return hours_text(text)
        except BadInput as error:
            raise Wrong("must be hours of the day, from and to") from error


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time on the clock, like 02:00; in which zone is another value."""

    def parse(self, text: str) -> time:
        match = _CLOCK.fullmatch(text.strip())
        if match is None:
            raise Wrong("must be a time of the day")
        return time(int(match[1]), int(match[2] or 0))

    def show(self, value: time) -> str:
        return f"{value:%H:%M}"

    def dump(self, value: time) -> object:
        return self.show(value)

    def load(self, data: object) -> time:
        return self.parse(_text(data))


@dataclass(frozen=True, slots=True)
class DiscordId:
    """A role or a channel by its number, kept as text: it does not fit what JSON calls a number."""

    what: str

    def parse(self, text: str) -> int:
        match = _DISCORD_ID.fullmatch(text.strip())
        if match is None:
            raise Wrong(f"must be the number of a {self.what} (Copy ID in Discord), or none")
        return int(match[1] or match[2])

    def show(self, value: int) -> str:
        return str(value)

    def dump(self, value: int) -> object:
        return str(value)

    def load(self, data: object) -> int:
        return self.parse(_text(data))


class Role(DiscordId):
    """A role of the server."""

    def __init__(self) -> None:
        super().__init__("role")


class Channel(DiscordId):
    """A text channel of the server."""

    def __init__(self) -> None:
        super().__init__("channel")


@dataclass(frozen=True, slots=True)
class Images:
    """Presets and Docker images by name, in the order given."""

    def parse(self, text: str) -> tuple[str, ...]:
        names = [part.strip() for part in text.split(",") if part.strip()]
        if not names:
            raise Wrong("must be presets or images, with commas between them")
        try:
            return tuple(dict.fromkeys(choose(name).name for name in names))
        except BadInput as error:
            raise Wrong("must be presets or images as on Docker Hub, with commas") from error

    def show(self, value: tuple[str, ...]) -> str:
        return ", ".join(value)

    def dump(self, value: tuple[str, ...]) -> object:
        return list(value)

    def load(self, data: object) -> tuple[str, ...]:
        if not isinstance(data, list):
            raise Wrong("must be a list")
        return self.parse(", ".join(_text(each) for each in data))


def _text(data: object) -> str:
    if not isinstance(data, str):
        raise Wrong("must be a text")
    return data
