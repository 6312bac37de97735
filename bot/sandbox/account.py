"""The one account of the simulated market: its credit, what was paid in, and its SSH keys."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime

from bot.sandbox.refusal import Refusal

USER_ID = 4_217


@dataclass(frozen=True, slots=True)
class Deposit:
    id: int
    at: datetime
    micro: int


@dataclass(frozen=True, slots=True)
class Key:
    id: int
    text: str
    created_at: datetime


class Account:
    """Money paid in (micro-dollars) and public keys. What was spent is the contracts' matter."""

    def __init__(self, credit: int, at: datetime) -> None:
        self._ids = itertools.count(1)
        self.deposits: list[Deposit] = []
        self.keys: dict[int, Key] = {}
        self.pay_in(credit, at)

    @property
    def paid_in(self) -> int:
        return sum(deposit.micro for deposit in self.deposits)

    def pay_in(self, micro: int, at: datetime) -> None:
        if micro:
            self.deposits.append(Deposit(next(self._ids), at, micro))

    def add_key(self, text: str, at: datetime) -> Key:
        """Raises Refusal for an empty one."""
        key = Key(next(self._ids), checked_key(text), at)
        self.keys[key.id] = key
        return key

    def change_key(self, key_id: int, text: str) -> Key:
        old = self._key(key_id)
        self.keys[key_id] = Key(old.id, checked_key(text), old.created_at)
        return self.keys[key_id]

    def drop_key(self, key_id: int) -> None:
        del self.keys[self._key(key_id).id]

    def key_id(self, text: str) -> int:
        """The id of a key of the account with this text, or a new id for a key of no account."""
        known = (key.id for key in self.keys.values() if key.text == text)
        return next(known, None) or next(self._ids)

    def _key(self, key_id: int) -> Key:
        if key_id not in self.keys:
            raise Refusal(400, "no_ssh_key", f"No SSH key {key_id}.")
        return self.keys[key_id]


def checked_key(text: object) -> str:
    """A public key without the newline of its file. Raises Refusal for an empty one."""
    if not isinstance(text, str) or not text.strip():
        raise Refusal(400, "no_ssh_key", "No SSH key was given.")
    return text.strip()
