"""What is asked of the market when a machine has failed: why it did, and what could stand in."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

from bot.domain.money import hourly
from bot.domain.offers import Sort, next_best
from bot.domain.policy_renting import GRUDGE
from bot.domain.rentals import Reason, Rental
from bot.domain.steps import Found, Heard, Nothing
from bot.errors import Provider
from bot.ports.books import Grudges
from bot.ports.clock import Clock
from bot.ports.market import Market
from bot.services.policy import Policies

log = logging.getLogger(__name__)

_LINES = 20
_LONGEST = 400
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d[T ][\d:.,]+(Z|[+-]\d\d:?\d\d)?\s+")
"""The time a log puts before its lines: the host's, which tells nobody anything on a card."""
_SECRET = ("token", "password", "secret", "api_key", "apikey", "ssh-rsa", "ssh-ed25519")
_BY_DAEMON = (Reason.TOO_SLOW, Reason.FAILED_START, Reason.BAD_IMAGE, Reason.REFUSED)


class Replacing:
    """How long a host that failed is remembered is read from the policy each time."""

    def __init__(
        self, *, market: Market, grudges: Grudges, clock: Clock, policies: Policies
    ) -> None:
        self._market = market
        self._grudges = grudges
        self._clock = clock
        self._policies = policies

    async def seek(self, rental: Rental) -> Found | Nothing:
        """The best offer of the same kind within the agreed price, else the cheapest above it.

        Machines that were tried for this rental are left out; hosts that failed others come last.
        Raises Provider when the market cannot be asked.
        """
        wish = replace(rental.wish, gpu=rental.offer.gpu_name, offer_id=None, max_price=None)
        cheapest = replace(wish, sort=Sort.PRICE)
        found = await self._market.search(cheapest, max_compute_cap=rental.image.max_compute_cap)
        remembered = await self._policies.value(GRUDGE)
        bad = await self._grudges.grudges(since=self._clock.now() - remembered)
        failed = [one.machine_id or one.offer.machine_id for one in rental.tries if one.contract]

        def best(*, dearer: bool) -> Found | None:
            offer = next_best(
                found,
                cheapest if dearer else wish,
                rental.image,
                like=rental.offer,
                gone=rental.tried,
                failed=failed,
                bad={one.machine_id for one in bad},
                at_most=None if dearer else rental.agreed_per_hour,
            )
            return Found(offer, dearer=dearer) if offer is not None else None

        return best(dearer=False) or best(dearer=True) or Nothing()

    async def explain(self, rental: Rental, reason: Reason) -> Heard:
        """Why a machine is given up, in the words of whoever knows; never fails for want of them.

        Asked while the machine is still there: with it, its log goes.
        """
        match reason:
            case Reason.PRICE_ROSE:
                return Heard(
                    f"It costs {hourly(rental.per_hour)}, "
                    f"and {hourly(rental.agreed_per_hour)} was agreed to."
                )
            case Reason.VANISHED:
                return Heard("")
        said = rental.detail.strip()
        last = await self._last_line(rental, daemon=reason in _BY_DAEMON)
        if last and last not in said:
            whose = "The host's log" if reason in _BY_DAEMON else "The machine's log"
            said = f"{_sentence(said)} {whose} ends with: {last}".strip()
        return Heard(_sentence(said[:_LONGEST]))

    async def _last_line(self, rental: Rental, *, daemon: bool) -> str:
        """The newest line of a log that holds nothing secret; empty where there is none."""
        if rental.contract is None:
            return ""
        try:
            lines = await self._market.logs(rental.contract, tail=_LINES, daemon=daemon)
        except Provider as error:
            log.info("the log of %s could not be read: %s", rental.contract, error)
            return ""
        safe = [line for line in lines if not any(word in line.lower() for word in _SECRET)]
        return _STAMP.sub("", safe[-1]).strip() if safe else ""


def _sentence(text: str) -> str:
    """Another's words so that ours may follow them."""
    return text if not text or text[-1] in ".!?…" else f"{text}."
