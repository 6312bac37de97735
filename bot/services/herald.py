"""Telling people what has changed outside: signs about a machine, a slow end, a blind account.

What to tell is worked out anew at each look from the rows and from what was told before, so that
a crash in between tells nothing twice and forgets nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.domain import omen_words, sweep_words
from bot.domain.bulletins import Bulletin, Tone
from bot.domain.money import Usd
from bot.domain.omens import Sign
from bot.domain.rentals import Reason, Rental, State
from bot.errors import Provider
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.ports.market import Market
from bot.services.account import AccountWatch

UNCONFIRMED_AFTER = timedelta(minutes=10)
LOCKED_AFTER = timedelta(minutes=10)
BLIND_AFTER = timedelta(minutes=10)
SETTLED_AFTER = timedelta(minutes=1)
"""A sign that comes and goes within this is on the card only."""

_AT_ONCE = frozenset({Sign.HOST_ENDS, Sign.STOPPED, Sign.DEARER})


class Herald:
    def __init__(
        self, *, store: Store, market: Market, account: AccountWatch, clock: Clock
    ) -> None:
        self._store = store
        self._market = market
        self._account = account
        self._clock = clock

    async def tell(self, rentals: Sequence[Rental]) -> None:
        """Write whatever bulletins are due about the open rentals and the account."""
        now = self._clock.now()
        await self._tell_blind(now)
        for rental in rentals:
            await self._tell_signs(rental, now)
            await self._tell_slow(rental, now)
        await self._take_back(rentals, now)

    async def _tell_blind(self, now: datetime) -> None:
        blind = self._account.blind
        if blind is None:
            for told in await self._unfinished("blind/"):
                await self._store.tell(sweep_words.readable(told, now))
        elif blind.denied:
            day = f"{blind.since:%Y-%m-%d}"
            hint = blind.error.hint
            if not await self._standing(f"blind/denied/{day}"):
                await self._store.tell(sweep_words.denied(day, blind.since, hint))
        elif now - blind.since >= BLIND_AFTER:
            day = f"{blind.since:%Y-%m-%d}"
            if not await self._standing(f"blind/unread/{day}"):
                said = blind.error.public
                await self._store.tell(sweep_words.unreadable(day, blind.since, said))

    async def _tell_signs(self, rental: Rental, now: datetime) -> None:
        for omen in rental.omens:
            if omen.sign not in _AT_ONCE and now - omen.since < SETTLED_AFTER:
                continue
            if await self._store.bulletin(omen_words.key_of(omen, rental)) is None:
                credit = await self._credit() if omen.sign is Sign.STOPPED else None
                await self._store.tell(omen_words.bulletin(omen, rental, credit))

    async def _tell_slow(self, rental: Rental, now: datetime) -> None:
        for told in (_slow_end(rental, now), _locked(rental, now)):
            if told is not None and await self._store.bulletin(told.key) is None:
                await self._store.tell(told)

    async def _take_back(self, rentals: Sequence[Rental], now: datetime) -> None:
        """Edit what does not hold any more."""
        open_ones = {one.id: one for one in rentals}
        for told in await self._unfinished("omen/"):
            rental = open_ones.get(told.rental_id) if told.rental_id else None
            keys = [omen_words.key_of(one, rental) for one in rental.omens] if rental else []
            rental = rental or await self._rental_of(told)
            if told.key not in keys and rental is not None:
                await self._store.tell(omen_words.over(told, rental, now))
        for told in await self._unfinished("unconfirmed/"):
            rental = await self._rental_of(told)
            if rental is not None and not rental.open:
                await self._store.tell(sweep_words.confirmed(told, rental))
        for told in await self._unfinished("vanished/"):
            rental = open_ones.get(told.rental_id) if told.rental_id else None
            if rental is not None and rental.reason is not Reason.VANISHED:
                await self._store.tell(omen_words.returned(told, now))

    async def _rental_of(self, told: Bulletin) -> Rental | None:
        return await self._store.rental(told.rental_id) if told.rental_id is not None else None

    async def _unfinished(self, prefix: str) -> list[Bulletin]:
        return [one for one in await self._store.bulletins(prefix) if one.tone is not Tone.OVER]

    async def _standing(self, key: str) -> bool:
        told = await self._store.bulletin(key)
        return told is not None and told.tone is not Tone.OVER

    async def _credit(self) -> Usd | None:
        try:
            return (await self._market.account()).credit
        except Provider:
            return None


def _slow_end(rental: Rental, now: datetime) -> Bulletin | None:
    """An end that Vast does not confirm."""
    since = rental.phase_at
    ours = rental.state is State.DESTROYING and rental.reason is not Reason.VANISHED
    if not ours or since is None or rental.contract is None or now - since < UNCONFIRMED_AFTER:
        return None
    return sweep_words.unconfirmed(rental, since)


def _locked(rental: Rental, now: datetime) -> Bulletin | None:
    """A machine that was taken in and does not let us archive it."""
    since = rental.adopted_at
    saving = rental.state is State.ARCHIVING and rental.proven_at is None
    if not saving or since is None or now - since < LOCKED_AFTER:
        return None
    return sweep_words.locked(rental, since)
