"""The policy as it is set: what holds where, where that comes from, and what cannot be used.

Values are JSON texts by their addresses (`policy_keys.py`). One that cannot be used is passed over,
so that a slip in a setting stops nothing; `faults` names it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bot.domain.policy_key import Key, Scope
from bot.domain.policy_keys import Spot, find, spot
from bot.domain.policy_kinds import Wrong
from bot.errors import BadInput

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A value and where it is set; None where it is the default."""

    value: T
    scope: Scope | None


@dataclass(frozen=True, slots=True)
class Values:
    """What is set at one moment. `usual` are defaults that differ from the register's."""

    texts: Mapping[str, str]
    usual: Mapping[str, Any] = field(default_factory=dict)

    def get(self, key: Key[T], *, preset: str = "", member_id: int | None = None) -> T:
        """What holds: the member's own value over that of the preset over the team's."""
        return self.found(key, preset=preset, member_id=member_id).value

    def found(self, key: Key[T], *, preset: str = "", member_id: int | None = None) -> Found[T]:
        for at, scope in _nearest_first(key, preset, member_id):
            if (text := self.texts.get(at.address)) is not None:
                try:
                    return Found(read(key, text), scope)
                except Wrong as error:
                    log.warning("the policy's %s is passed over: it %s", at.address, error)
        return Found(self.usual.get(key.name, key.default), None)

    def at(self, at: Spot) -> Any:
        """What is set at this very spot; None where nothing, or nothing usable, is."""
        text = self.texts.get(at.address)
        if text is None:
            return None
        try:
            return read(at.key, text)
        except Wrong:
            return None

    def is_set(self, at: Spot) -> bool:
        return at.address in self.texts

    def faults(self) -> list[str]:
        """A line for each value that is passed over."""
        said = []
        for address, text in sorted(self.texts.items()):
            try:
                read(find(address).key, text)
            except Wrong as error:
                said.append(f"{address} {error}")
            except BadInput as error:
                said.append(error.public)
        return said


def read(key: Key[T], text: str) -> T:
    """A value from its JSON text. Raises Wrong."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise Wrong("is no JSON") from error
    return key.kind.load(data)


def write(key: Key[T], value: T) -> str:
    return json.dumps(key.kind.dump(value), ensure_ascii=False)


def shown(address: str, text: str | None) -> str:
    """A kept value for people; as it stands where nobody can read it."""
    if text is None:
        return "default"
    try:
        key = find(address).key
        return str(key.kind.show(read(key, text)))
    except (Wrong, BadInput):
        return text


def wished(wishes: Mapping[str, str]) -> dict[str, str | None]:
    """JSON texts by address from what people wrote; an empty text takes a value away.

    All or nothing: raises BadInput, with a line for each that is wrong.
    """
    written: dict[str, str | None] = {}
    wrong: list[BadInput] = []
    for address, text in wishes.items():
        try:
            at = find(address)
            written[at.address] = write(at.key, at.key.parse(text)) if text.strip() else None
        except BadInput as error:
            wrong.append(error)
    if wrong:
        raise BadInput(
            "; ".join(str(error) for error in wrong),
            public="\n".join(error.public for error in wrong),
        )
    return written


def _nearest_first(
    key: Key[Any], preset: str, member_id: int | None
) -> Iterator[tuple[Spot, Scope]]:
    if member_id is not None and Scope.MEMBER in key.where:
        yield spot(key, member_id=member_id), Scope.MEMBER
    if preset and Scope.PRESET in key.where:
        yield spot(key, preset=preset), Scope.PRESET
    yield spot(key), Scope.TEAM
