"""Quotes and rentals as rows of their tables, and back, exactly."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from bot.adapters.storage import plain, wire
from bot.domain.omens import Omens
from bot.domain.prospects import Prospect
from bot.domain.rentals import Phase, Quote, Reason, Rental, RentalId, State, Try

# Fields whose column has the same name and, through its type, the same value.
_QUOTE = (
    "id",
    "guild_id",
    "channel_id",
    "owner_id",
    "owner_name",
    "name",
    "hours",
    "made_at",
    "restore_id",
    "moves_from",
    "address",
)
_RENTAL = (
    *("id", "version", "guild_id", "channel_id", "message_id", "owner_id", "owner_name", "name"),
    *("agreed_per_hour", "hours", "requested_at", "attempt", "sent_at", "contract", "machine_id"),
    *("phase_at", "detail", "created_at", "running_at", "ready_at", "missing_since", "host_key"),
    *("note", "ended_by", "released_at", "waived_by", "destroyed_at", "absent_seen"),
    *("save_asked_at", "archive_id", "proven_at", "save_fails", "restore_id", "restored_at"),
    *("save_next_at", "held", "held_at", "save_allowed", "ahead_id", "ahead_at"),
    *("save_failed_at", "moves_from", "cleared_at", "address"),
    *("gone_at", "closed_at", "settled_until", "next_at", "fails"),
    *("replacing", "proposed_until", "broken_since", "adopted_at"),
)
_TRY = (
    *("number", "words", "began_at", "ended_at", "contract", "machine_id", "created_at"),
    *("running_at", "gone_at", "gpu", "storage"),
)


def quote_values(quote: Quote) -> dict[str, Any]:
    return {name: getattr(quote, name) for name in _QUOTE} | {
        "wish": wire.wish_text(quote.wish),
        "image": wire.image_text(quote.image),
        "offer": wire.offer_text(quote.offer),
        "forecast": wire.forecast_text(quote.forecast) if quote.forecast is not None else None,
        "prospect": plain.text_of(quote.prospect) if quote.prospect is not None else None,
    }


def quote_of(row: Row[Any]) -> Quote:
    return Quote(
        **{name: getattr(row, name) for name in _QUOTE},
        wish=wire.wish_of(row.wish),
        image=wire.image_of(row.image),
        offer=wire.offer_of(row.offer),
        forecast=wire.forecast_of(row.forecast) if row.forecast is not None else None,
        prospect=plain.read(Prospect, row.prospect) if row.prospect is not None else None,
    )


def rental_values(rental: Rental) -> dict[str, Any]:
    return {name: getattr(rental, name) for name in _RENTAL} | {
        "state": rental.state.value,
        "phase": rental.phase.value,
        "reason": rental.reason.value if rental.reason is not None else None,
        "wish": wire.wish_text(rental.wish),
        "image": wire.image_text(rental.image),
        "offer": wire.offer_text(rental.offer),
        "rates": wire.rates_text(rental.rates) if rental.rates is not None else None,
        "tried": wire.numbers_text(rental.tried),
        "addresses": wire.addresses_text(rental.addresses),
        "omens": plain.text_of(Omens(rental.omens)),
        "proposal": wire.offer_text(rental.proposal) if rental.proposal is not None else None,
        "forecast": wire.forecast_text(rental.forecast) if rental.forecast is not None else None,
        "prospect": plain.text_of(rental.prospect) if rental.prospect is not None else None,
    }


def rental_of(row: Row[Any], tries: tuple[Try, ...] = ()) -> Rental:
    return Rental(
        **{name: getattr(row, name) for name in _RENTAL},
        state=State(row.state),
        phase=Phase(row.phase),
        reason=Reason(row.reason) if row.reason is not None else None,
        wish=wire.wish_of(row.wish),
        image=wire.image_of(row.image),
        offer=wire.offer_of(row.offer),
        rates=wire.rates_of(row.rates) if row.rates is not None else None,
        tried=wire.numbers_of(row.tried),
        addresses=wire.addresses_of(row.addresses),
        omens=plain.read(Omens, row.omens).of,
        proposal=wire.offer_of(row.proposal) if row.proposal is not None else None,
        forecast=wire.forecast_of(row.forecast) if row.forecast is not None else None,
        prospect=plain.read(Prospect, row.prospect) if row.prospect is not None else None,
        tries=tries,
    )


def try_values(rental_id: RentalId, one: Try) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _TRY} | {
        "rental_id": rental_id,
        "reason": one.reason.value,
        "offer": wire.offer_text(one.offer),
    }


def try_of(row: Row[Any]) -> Try:
    return Try(
        **{name: getattr(row, name) for name in _TRY},
        reason=Reason(row.reason),
        offer=wire.offer_of(row.offer),
    )
