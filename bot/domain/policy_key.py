"""One value of the policy: what it is called, what it can be, where it can be set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from bot.domain.policy_kinds import Kind, Wrong
from bot.errors import BadInput

T = TypeVar("T")


class Group(StrEnum):
    """The parts of the card; the value is the heading."""

    IDLE = "Idle and questions"
    ARCHIVES = "Archives"
    LIMITS = "Limits"
    RENTING = "Renting"
    MONEY = "Money"
    PEOPLE = "People and channels"


class Scope(StrEnum):
    TEAM = "team"
    PRESET = "preset"
    MEMBER = "member"


TEAM = frozenset((Scope.TEAM,))
PRESET = frozenset((Scope.TEAM, Scope.PRESET))
MEMBER = frozenset((Scope.TEAM, Scope.MEMBER))
ANYWHERE = frozenset(Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Generic[T]):
    """One value. `own`: a member may set it for themself; without, only leads may."""

    name: str
    title: str
    about: str
    group: Group
    kind: Kind[T]
    default: T
    example: str
    where: frozenset[Scope] = TEAM
    own: bool = False

    def parse(self, text: str) -> T:
        """From what a person wrote. Raises BadInput, which says what would be right."""
        try:
            return self.kind.parse(text)
        except Wrong as error:
            raise BadInput(
                f"{self.name} cannot be {text[:60]!r}",
                public=f"{self.name} {error}, e.g. {self.name}={self.example}.",
            ) from error
