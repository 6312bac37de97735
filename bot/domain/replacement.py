"""When a machine is given up: whether another is tried, what is remembered, what the row becomes.

The next machine is rented only after the one before was seen gone. That costs some seconds (Vast
shows a destroy within a few), and in return no rental ever pays for two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.ledger import cost, machine_cost
from bot.domain.limits import Limits
from bot.domain.offers import Offer
from bot.domain.rentals import ContractId, Phase, Reason, Rental, RentalId, State, Try

HOST_FAULTS = frozenset(
    {
        Reason.FAILED_START,
        Reason.TOO_SLOW,
        Reason.NO_SSH,
        Reason.NO_NOTEBOOK,
        Reason.NO_PATH,
        Reason.PRICE_ROSE,
    }
)
"""What a host is remembered for."""

REPLACEABLE = HOST_FAULTS | {Reason.VANISHED, Reason.REFUSED}
"""What another machine may do better. A bad image fails everywhere."""

_IMAGE_FAULTS = (
    "manifest unknown",
    "manifest for ",
    "pull access denied",
    "repository does not exist",
    "invalid reference format",
    "no matching manifest",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grudge:
    """A host that failed us: what is remembered of it."""

    rental_id: RentalId
    contract: ContractId
    machine_id: int
    host_id: int
    reason: Reason
    at: datetime


def may_replace(rental: Rental, reason: Reason, limits: Limits, now: datetime) -> bool:
    """Whether another machine is tried after this one: nobody worked on it, nobody wants out."""
    if reason not in REPLACEABLE or rental.ready_at is not None or rental.ended_by is not None:
        return False
    return may_try(rental, limits, now, failing=1)


def may_try(rental: Rental, limits: Limits, now: datetime, *, failing: int = 0) -> bool:
    """Whether one more machine may be tried, by their number and by what they have cost."""
    failed = failing + sum(one.contract is not None for one in rental.tries)
    return failed < limits.tries and cost(rental, now).total < limits.tries_cost


def start_failure(message: str) -> Reason:
    """What a host's last words say about a start that failed: the image's fault, or the host's."""
    said = message.lower()
    return Reason.BAD_IMAGE if any(one in said for one in _IMAGE_FAULTS) else Reason.FAILED_START


def grudge(before: Rental, after: Rental, now: datetime) -> Grudge | None:
    """What is to be remembered of a host with this change: its machine was just given up."""
    given_up = after.state is State.DESTROYING and before.state is not State.DESTROYING
    if not given_up or after.reason not in HOST_FAULTS or after.contract is None:
        return None
    return held_against(after, after.reason, now)


def held_against(rental: Rental, reason: Reason, now: datetime) -> Grudge:
    """A grudge against the host of a rental's machine."""
    assert rental.contract is not None
    return Grudge(
        rental_id=rental.id,
        contract=rental.contract,
        machine_id=rental.machine_id or rental.offer.machine_id,
        host_id=rental.offer.host_id,
        reason=reason,
        at=now,
    )


def set_aside(rental: Rental, reason: Reason, words: str, now: datetime) -> Rental:
    """The row after its offer has failed and is over: a try more, and everything open again."""
    gone = rental.destroyed_at or rental.missing_since or now
    gone_at = gone if rental.contract is not None else None
    spent = machine_cost(replace(rental, gone_at=gone_at), now)
    ended = Try(
        number=len(rental.tries) + 1,
        offer=rental.offer,
        reason=reason,
        words=words,
        began_at=_began(rental),
        ended_at=now,
        contract=rental.contract,
        machine_id=rental.machine_id,
        created_at=rental.created_at,
        running_at=rental.running_at,
        gone_at=gone_at,
        gpu=spent.gpu,
        storage=spent.storage,
    )
    return replace(
        rental,
        state=State.CREATING,
        tries=(*rental.tries, ended),
        tried=(*rental.tried, rental.offer.id),
        replacing=False,
        sent_at=None,
        contract=None,
        machine_id=None,
        rates=None,
        phase=Phase.RENTING,
        phase_at=now,
        detail="",
        created_at=None,
        running_at=None,
        missing_since=None,
        host_key=None,
        addresses=(),
        note="",
        omens=(),
        reason=None,
        released_at=rental.released_at if rental.ended_by is not None else None,
        restored_at=None,
        destroyed_at=None,
        absent_seen=0,
        settled_until=None,
        next_at=None,
        fails=0,
    )


def propose(rental: Rental, offer: Offer, until: datetime, now: datetime) -> Rental:
    """The row while a dearer machine waits for a yes: nothing is rented meanwhile."""
    return replace(
        rental, state=State.REQUESTED, proposal=offer, proposed_until=until, phase_at=now
    )


def accept(rental: Rental, now: datetime) -> Rental:
    """The row after the yes: that machine, at that price, as if it had been quoted."""
    assert rental.proposal is not None
    return replace(
        rental,
        offer=rental.proposal,
        agreed_per_hour=rental.proposal.rates.per_hour(rental.wish.disk_gb),
        proposal=None,
        proposed_until=None,
        phase_at=now,
    )


def out_of_offers(rental: Rental) -> Reason:
    """Why a rental ends for which nothing is left: what went wrong last, if anything did."""
    failed = [one.reason for one in rental.tries if one.contract is not None]
    return failed[-1] if failed else Reason.NO_OFFER


def _began(rental: Rental) -> datetime:
    if rental.created_at is not None:
        return rental.created_at
    ended = rental.tries[-1].ended_at if rental.tries else rental.requested_at
    return rental.sent_at or ended
