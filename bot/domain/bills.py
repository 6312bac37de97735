"""What Vast charged for a machine, held against our own books; a difference is written into them.

Vast's charges come late and rounded to a thousandth of a dollar, and only they know about transfer.
So transfer is booked as they grow. What they say beyond our reckoning is added at once; what they
say below it counts only once the machine is gone and the bill has stood still for a while, since
until then it may merely be late. Whatever was booked stays: a correction is an entry of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.ledger import Entry, Kind
from bot.domain.money import ZERO, Usd
from bot.domain.rentals import ContractId, RentalId
from bot.domain.tabs import Tab, outstanding

ROUNDED = Usd(500)
"""Vast rounds to a thousandth: a difference up to half of one is no difference."""

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Parts:
    gpu: Usd = ZERO
    storage: Usd = ZERO
    download: Usd = ZERO
    upload: Usd = ZERO

    def __add__(self, other: Parts) -> Parts:
        return Parts(
            self.gpu + other.gpu,
            self.storage + other.storage,
            self.download + other.download,
            self.upload + other.upload,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One line of Vast's, about one machine: its whole amount, and the parts it is made of."""

    contract: ContractId
    label: str  # empty: it has none
    start: datetime
    end: datetime
    total: Usd
    parts: Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What Vast has charged for a machine so far, as of the newest look."""

    rental_id: RentalId
    contract: ContractId
    total: Usd
    parts: Parts
    seen_at: datetime
    changed_at: datetime  # when it first said this
    settled_at: datetime | None = None  # held against the books for good


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a bill must stand still to be believed, and how long it is looked at."""

    still: timedelta = timedelta(hours=1)
    watched: timedelta = timedelta(days=3)


def summed(charges: Iterable[Charge]) -> dict[ContractId, Charge]:
    """One charge a machine. A line that comes twice, as pages may bring it, counts once."""
    lines: dict[tuple[ContractId, datetime], Charge] = {}
    for one in charges:
        known = lines.get((one.contract, one.start))
        if known is None or one.end >= known.end:
            lines[one.contract, one.start] = one
    whole: dict[ContractId, Charge] = {}
    for one in lines.values():
        before = whole.get(one.contract)
        whole[one.contract] = one if before is None else _joined(before, one)
    return whole


def reckon(
    tab: Tab,
    booked: Mapping[Kind, Usd],
    before: Bill | None,
    charge: Charge,
    *,
    patience: Patience,
    now: datetime,
) -> tuple[Bill, list[Entry]]:
    """The bill as it stands now, and what it adds to the books of that machine.

    `booked` is what the books hold for this machine, corrections included.
    """
    same = before is not None and (before.total, before.parts) == (charge.total, charge.parts)
    bill = Bill(
        rental_id=tab.rental_id,
        contract=tab.contract,
        total=charge.total,
        parts=charge.parts,
        seen_at=now,
        changed_at=before.changed_at if same and before is not None else now,
        settled_at=before.settled_at if same and before is not None else None,
    )
    since = before.seen_at if before is not None else tab.created_at
    entries = _transfer(tab, booked, charge.parts, since, now)
    own = Usd.sum(booked.values()) + Usd.sum(one.amount for one in entries)
    difference = charge.total - own - outstanding(tab, now).total
    still = same and tab.ended_at is not None and now - bill.changed_at >= patience.still
    if difference > _slack(tab) or (still and -difference > ROUNDED):
        entries.append(_correction(tab, booked, charge, difference, since, now))
    if still and bill.settled_at is None:
        bill = replace(bill, settled_at=now)
    return bill, entries


def watched(tab: Tab, bill: Bill | None, patience: Patience, now: datetime) -> bool:
    """Whether Vast may still have something to say about this machine."""
    if tab.ended_at is None or bill is None or bill.settled_at is None:
        return tab.ended_at is None or now - tab.ended_at < 2 * patience.watched
    return now - tab.ended_at < patience.watched


def corrections(entries: Sequence[Entry]) -> Usd:
    return Usd.sum(one.amount for one in entries if one.kind is Kind.ADJUSTMENT)


def _joined(one: Charge, other: Charge) -> Charge:
    return replace(
        one,
        label=one.label or other.label,
        start=min(one.start, other.start),
        end=max(one.end, other.end),
        total=one.total + other.total,
        parts=one.parts + other.parts,
    )


def _transfer(
    tab: Tab, booked: Mapping[Kind, Usd], parts: Parts, since: datetime, now: datetime
) -> list[Entry]:
    return [
        Entry(
            rental_id=tab.rental_id,
            contract=tab.contract,
            kind=kind,
            period_start=since,
            period_end=now,
            amount=amount - booked.get(kind, ZERO),
        )
        for kind, amount in ((Kind.DOWNLOAD, parts.download), (Kind.UPLOAD, parts.upload))
        if amount > booked.get(kind, ZERO)
    ]


def _slack(tab: Tab) -> Usd:
    """How much more than our reckoning Vast may say without our having missed something.

    Of a machine that lives its clock and ours may differ by a little.
    """
    if tab.ended_at is not None:
        return ROUNDED
    return ROUNDED + tab.burn.rates.per_hour(tab.burn.disk_gb).over(
        2 * MINUTE, per=timedelta(hours=1)
    )


def _correction(
    tab: Tab,
    booked: Mapping[Kind, Usd],
    charge: Charge,
    difference: Usd,
    since: datetime,
    now: datetime,
) -> Entry:
    return Entry(
        rental_id=tab.rental_id,
        contract=tab.contract,
        kind=Kind.ADJUSTMENT,
        period_start=now,
        period_end=now,
        amount=difference,
        why=_why(tab, booked, charge, now),
    )


def _why(tab: Tab, booked: Mapping[Kind, Usd], charge: Charge, now: datetime) -> str:
    """The parts in which the bill and our reckoning differ, for people."""
    open_ = outstanding(tab, now)
    rows = (
        ("GPU", charge.parts.gpu, booked.get(Kind.GPU, ZERO) + open_.gpu),
        ("disk", charge.parts.storage, booked.get(Kind.STORAGE, ZERO) + open_.storage),
        ("download", charge.parts.download, booked.get(Kind.DOWNLOAD, ZERO)),
        ("upload", charge.parts.upload, booked.get(Kind.UPLOAD, ZERO)),
    )
    said = [
        f"{name} {billed}, reckoned {own}"
        for name, billed, own in rows
        if abs((billed - own).micros) > ROUNDED.micros
    ]
    return f"Vast charged {'; '.join(said)}." if said else f"Vast charged {charge.total} in all."
