"""On whose money something counts: the team's, a role's, a member's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    TEAM = "team"
    ROLE = "role"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose budget; `id` is the role's or the member's, 0 for the team."""

    scope: Scope
    id: int = 0


TEAM = Subject(Scope.TEAM)
