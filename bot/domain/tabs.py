"""The tab of one machine: what it bills by time, read off at each look and booked by the hour.

Only what was seen is booked. At a look the time since the look before is filled in with the state
the machine was in; where that has changed meanwhile, Vast's own "running since" says when, or else
the middle of the time in between. So hours missed while we were down are made up for at the first
look after it, and a look that failed, or showed nothing clear, changes nothing.

GPU time bills while the machine runs, the disk from creation until it is gone, stopped too, and
nothing while its host is offline (reference vast-api, 4.2). Sums are exact in grains, of which a
micro-dollar has so many that every price times a microsecond is a whole number of them; what an
entry rounds away is carried to the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.ledger import HOUR, Cost, Entry, Kind
from bot.domain.money import MONTH, Usd
from bot.domain.offers import Rates
from bot.domain.rentals import ContractId, Instance, Rental, RentalId, Status

RESTARTED = timedelta(seconds=30)
"""How much later than the last look a machine must say it began, to have stood still between."""

DYING = timedelta(minutes=2)
"""So long a destroyed machine may still show in Vast's list without being billed."""

_US = timedelta(microseconds=1)
_GRAINS = MONTH // _US
_HOURS = MONTH // HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """What a machine bills by time at the moment."""

    rates: Rates
    disk_gb: int
    gpu: bool = False
    storage: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """Read off up to `read_until`, in the books up to `booked_until`; the time between is open."""

    rental_id: RentalId
    contract: ContractId
    version: int = 0  # 0: not stored yet
    created_at: datetime
    burn: Burn
    read_until: datetime
    booked_until: datetime
    looked: bool = False  # whether a listing has ever shown it
    gpu_open: int = 0  # grains
    storage_open: int = 0  # grains
    destroyed_at: datetime | None = None  # when Vast last took our destroy
    ended_at: datetime | None = None


def opened(rental: Rental, contract: ContractId, machine: Instance | None, now: datetime) -> Tab:
    """The tab of a machine that is known for the first time, by a listing or by the row alone."""
    told = rental.made_at(machine.created_at) if machine is not None else None
    since = told or rental.created_at or rental.sent_at or now
    if contract == rental.contract and rental.settled_until is not None:
        since = rental.settled_until  # an older version has written the books up to here
    return Tab(
        rental_id=rental.id,
        contract=contract,
        created_at=min(since, now),
        burn=Burn(rates=rental.price, disk_gb=rental.wish.disk_gb),
        read_until=min(since, now),
        booked_until=min(since, now),
    )


def read(tab: Tab, machine: Instance, at: datetime) -> tuple[Tab, list[Entry]]:
    """What a listing of that moment adds: the tab, and the entries of hours that are over.

    A tab that was closed is opened again by a machine that turns out to be alive.
    """
    gone_at = max(filter(None, (tab.destroyed_at, tab.ended_at)), default=None)
    dying = gone_at is not None and at < gone_at + DYING
    if at < tab.read_until or dying or machine.status is Status.UNCLEAR:
        return tab, []
    tab = replace(tab, destroyed_at=None, ended_at=None)
    seen = _burn(machine, tab.burn)
    if not tab.looked:
        tab = replace(tab, looked=True, burn=replace(seen, gpu=False))
    entries: list[Entry] = []
    for until, burn in list(_course(tab, seen, machine.running_since, at)):
        tab, booked = _run(replace(tab, burn=burn), until)
        entries += booked
    return tab, entries


def destroyed(tab: Tab, at: datetime) -> Tab:
    """Vast has taken our destroy: nothing is billed from here, if it turns out to be gone."""
    return tab if tab.ended_at is not None else replace(tab, destroyed_at=at)


def end(tab: Tab, at: datetime) -> tuple[Tab, list[Entry]]:
    """It is gone since that moment: the rest is booked, also of the hour that is not over."""
    if tab.ended_at is not None:
        return tab, []
    tab, entries = _run(tab, at)
    tab, rest = _book(tab)
    return replace(tab, ended_at=max(at, tab.created_at)), entries + rest


def outstanding(tab: Tab, now: datetime) -> Cost:
    """What is not in the books yet: the open time, and from the last look to now as it burns."""
    until = min(now, tab.destroyed_at or now)
    if tab.ended_at is None and until > tab.read_until:
        gpu, storage = _grains(tab.burn, until - tab.read_until)
        tab = replace(tab, gpu_open=tab.gpu_open + gpu, storage_open=tab.storage_open + storage)
    return Cost(_rounded(tab.gpu_open), _rounded(tab.storage_open))


def _burn(machine: Instance, before: Burn) -> Burn:
    gpu = machine.gpu_billed
    if gpu is None:
        gpu = machine.status is Status.UP
    return Burn(
        rates=machine.rates or before.rates,
        disk_gb=machine.disk_gb or before.disk_gb,
        gpu=gpu,
        storage=machine.disk_billed,
    )


def _course(
    tab: Tab, seen: Burn, running_since: datetime | None, at: datetime
) -> Iterator[tuple[datetime, Burn]]:
    """What it burned since the last look, as (until, burn)."""
    was, start = tab.burn, tab.read_until
    began = min(max(running_since, start), at) if running_since and seen.gpu else None
    if was.gpu and began is not None and began > start + RESTARTED:
        yield _middle(start, began), was
        yield began, replace(was, gpu=False)
    elif was.gpu != seen.gpu and began is not None:
        yield began, was
    elif was != seen:
        yield _middle(start, at), was
    yield at, seen


def _middle(start: datetime, end: datetime) -> datetime:
    return start + (end - start) / 2


def _run(tab: Tab, until: datetime) -> tuple[Tab, list[Entry]]:
    """Burn on until then, and book each hour of the clock that is over."""
    entries: list[Entry] = []
    while tab.read_until < until:
        start = tab.read_until
        full = start.replace(minute=0, second=0, microsecond=0) + HOUR
        reach = min(full, until)
        gpu, storage = _grains(tab.burn, reach - start)
        tab = replace(
            tab,
            read_until=reach,
            gpu_open=tab.gpu_open + gpu,
            storage_open=tab.storage_open + storage,
        )
        if reach == full:
            tab, booked = _book(tab)
            entries += booked
    return tab, entries


def _book(tab: Tab) -> tuple[Tab, list[Entry]]:
    gpu, storage = _rounded(tab.gpu_open), _rounded(tab.storage_open)
    entries = [
        Entry(
            rental_id=tab.rental_id,
            contract=tab.contract,
            kind=kind,
            period_start=tab.booked_until,
            period_end=tab.read_until,
            amount=amount,
        )
        for kind, amount in ((Kind.GPU, gpu), (Kind.STORAGE, storage))
        if amount.micros
    ]
    return replace(
        tab,
        booked_until=tab.read_until,
        gpu_open=tab.gpu_open - gpu.micros * _GRAINS,
        storage_open=tab.storage_open - storage.micros * _GRAINS,
    ), entries


def _grains(burn: Burn, span: timedelta) -> tuple[int, int]:
    us = span // _US
    gpu = burn.rates.gpu_per_hour.micros * _HOURS * us if burn.gpu else 0
    storage = burn.rates.storage_per_gb_month.micros * burn.disk_gb * us if burn.storage else 0
    return gpu, storage


def _rounded(grains: int) -> Usd:
    return Usd((2 * grains + _GRAINS) // (2 * _GRAINS))


def per_hour(tab: Tab) -> Usd:
    """What it burns at the moment."""
    gpu, storage = _grains(tab.burn, HOUR) if tab.ended_at is None else (0, 0)
    return _rounded(gpu) + _rounded(storage)
