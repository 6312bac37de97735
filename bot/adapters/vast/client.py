"""The market: `ports.Market` over Vast's HTTP.

One method an errand, each with its deadline. What a row means is `wire.py`'s, what an answer means
`answers.py`'s; here is what is asked, and what each errand makes of a no.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime

from bot.adapters.vast import charges, listing, renting, values, wire
from bot.adapters.vast.answers import Answer
from bot.adapters.vast.http import Http
from bot.adapters.vast.kept import Kept, Together
from bot.adapters.vast.pacing import PACES, Endpoint, Pace, Pacing, RealTimer, Timer
from bot.domain.bills import Charge
from bot.domain.money import Usd
from bot.domain.offers import Offer, Wish
from bot.domain.rentals import ContractId, Instance
from bot.errors import Nonsense, OfferGone
from bot.ports.clock import Clock
from bot.ports.market import Account, Order

log = logging.getLogger(__name__)

SEARCH_KEPT_S = 15.0
NAMES_KEPT_S = 3600.0
LOGS_S = 10.0  # Vast's own client waits nine seconds for an upload
LOGS_BYTES = 200_000

_GONE = ("no_such_instance", "not_found")


class Vast:
    """Vast.ai with one key. Make it inside a running loop; `close()` ends its connections.

    `paces` and `timer` are there for tests and for a sandbox that need not be spared.
    """

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        clock: Clock,
        timer: Timer | None = None,
        paces: Mapping[Endpoint, Pace] = PACES,
    ) -> None:
        timer = timer or RealTimer()
        self._clock = clock
        self._http = Http(
            url=url,
            api_key=api_key,
            clock=clock,
            timer=timer,
            pacing=Pacing(timer=timer, paces=paces),
        )
        self._offers = Kept[list[Offer]](timer=timer, for_s=SEARCH_KEPT_S)
        self._names = Kept[list[str]](timer=timer, for_s=NAMES_KEPT_S)
        self._machines = Together[list[Instance]](
            lambda: listing.everything(self._http, clock), name="vast: every instance"
        )
        self._renting: set[int] = set()

    async def close(self) -> None:
        await self._offers.close()
        await self._names.close()
        await self._machines.close()
        await self._http.close()

    async def search(self, wish: Wish, *, max_compute_cap: int | None = None) -> list[Offer]:
        """Offers priced at the wish's disk, at most 64, best first; kept for 15 s per query.

        A row that cannot be read is left out and counted in the log.
        """
        query = wire.query(wish, max_compute_cap)
        found = await self._offers.get(json.dumps(query, sort_keys=True), lambda: self._find(query))
        return list(found)

    def searches(self) -> str:
        """Why nothing can be searched for a good while, in words; empty where it can."""
        return self._http.closed(Endpoint.SEARCH)

    async def gpu_names(self) -> list[str]:
        """Every model on the market, as Vast writes it; kept for an hour."""
        return list(await self._names.get("", self._find_names))

    async def machines(self) -> list[Instance]:
        """Every instance, from all pages; Nonsense rather than a part.

        Read for all who ask at the same time, and always begun after they asked: at Vast's pace a
        thousand take three quarters of a minute, and three who list by turns would be too slow.
        """
        return list(await self._machines.get())

    async def machine(self, contract: ContractId) -> Instance | None:
        """One instance; None where Vast says `null`, an empty list or `no_such_instance`."""
        path = f"/api/v0/instances/{contract}/"
        answer = await self._http.read(Endpoint.SHOW, path, query={"owner": "me"})
        if _gone(answer):
            return None
        body = answer.check().row
        found = body.get("instances", "nothing")
        if found is None or found == []:
            return None
        # The documents show a list; Vast's own client knows both.
        row = found[0] if isinstance(found, list) and len(found) == 1 else found
        seen = wire.instance(row, self._clock.now())
        if seen.contract != contract:
            raise Nonsense(f"{answer.what} is about instance {seen.contract}")
        return seen

    async def rent(self, order: Order) -> ContractId:
        """Rent, sent at most once. `renting.py` says which answer is which error.

        Two calls for one offer at a time can both be accepted by Vast and then break each other
        (reference vast-api, 6.1), so the second is told that the offer is gone. Also raises Down,
        where the call never left.
        """
        if order.offer_id in self._renting:
            raise OfferGone(f"offer {order.offer_id} is being rented by another call of ours")
        self._renting.add(order.offer_id)
        try:
            return await renting.rent(self._http, order)
        finally:
            self._renting.discard(order.offer_id)

    async def destroy(self, contract: ContractId) -> None:
        """Ask for the end of an instance; one that Vast does not know is no error.

        Sent once; safe to repeat. Only a look afterwards tells whether it is gone.
        """
        path = f"/api/v0/instances/{contract}/"
        answer = await self._http.send(Endpoint.DESTROY, "DELETE", path, {})
        if not _gone(answer):
            answer.check()

    async def logs(self, contract: ContractId, *, tail: int, daemon: bool = False) -> list[str]:
        """The last lines of a log; asked for, then fetched from where the host uploads them."""
        path = f"/api/v0/instances/request_logs/{contract}/"
        body = {"tail": str(tail)} | ({"daemon_logs": "true"} if daemon else {})
        answer = (await self._http.send(Endpoint.LOGS, "PUT", path, body)).check()
        url = values.text(answer.row.get("result_url"))
        if not url:
            raise Nonsense(f"{answer.what}: no result_url in the answer")
        text = await self._http.fetch(url, total_s=LOGS_S, most_bytes=LOGS_BYTES)
        return [line for line in text.splitlines() if line.strip()][-tail:]

    async def account(self) -> Account:
        answer = (await self._http.read(Endpoint.ACCOUNT, "/api/v0/users/current")).check()
        credit = values.number(answer.row.get("credit"))
        if credit is None:
            raise Nonsense(f"{answer.what}: no credit in the answer")
        return Account(credit=Usd.of(credit), email=values.text(answer.row.get("email")))

    async def charges(self, *, since: datetime, until: datetime) -> list[Charge]:
        """What was charged on those UTC days, from all pages; Nonsense rather than a part."""
        return await charges.everything(self._http, since, until)

    async def register_key(self, public_key: str) -> bool:
        """Put a public key on the account unless it is there; False where a team key forbids it.

        Keys are compared by their body: the comment is anybody's. Safe to repeat.
        """
        listed = await self._http.read(Endpoint.LIST_KEYS, "/api/v0/ssh/")
        if listed.says("team_ssh_keys_not_supported"):
            return False
        if _key_body(public_key) in _known_keys(listed):
            return True
        body = {"ssh_key": public_key.strip()}
        added = await self._http.send(Endpoint.ADD_KEY, "POST", "/api/v0/ssh/", body)
        if added.says("team_ssh_keys_not_supported"):
            return False
        added.check()
        log.info("registered our SSH key on the Vast account")
        return True

    async def attach_key(self, contract: ContractId, public_key: str) -> None:
        """Put a public key on one instance. Safe to repeat."""
        path = f"/api/v0/instances/{contract}/ssh/"
        body = {"ssh_key": public_key.strip()}
        answer = await self._http.send(Endpoint.ATTACH_KEY, "POST", path, body)
        if not answer.says("already"):
            answer.check()

    async def _find(self, query: Mapping[str, object]) -> list[Offer]:
        answer = await self._http.send(Endpoint.SEARCH, "POST", "/api/v0/bundles/", query)
        rows = answer.check().row.get("offers")
        if not isinstance(rows, list):
            raise Nonsense(f"{answer.what}: no list of offers in the answer")
        found: dict[int, Offer] = {}
        odd = 0
        for row in rows:
            try:
                if not isinstance(row, dict):
                    raise Nonsense("an offer is no object")
                if wire.is_rentable(row):
                    offer = wire.offer(row, self._clock.now())
                    found.setdefault(offer.id, offer)  # Vast sends some twice
            except Nonsense as error:
                odd += 1
                log.debug("left out an offer: %s", error)
        if odd:
            log.warning("left out %d of %d offers that cannot be read", odd, len(rows))
        return list(found.values())

    async def _find_names(self) -> list[str]:
        answer = await self._http.read(Endpoint.NAMES, "/api/v0/gpu_names/unique/")
        names = answer.check().row.get("gpu_names")
        if not isinstance(names, list):
            raise Nonsense(f"{answer.what}: no list of names in the answer")
        return sorted({values.text(name) for name in names} - {""})


def _gone(answer: Answer) -> bool:
    """Whether Vast says that there is no such instance; a wrong key is a 404 as well."""
    if answer.ok or answer.status not in (200, 404):
        return False
    # Its code, or the code at the head of a sentence; "not found" alone may be about the path.
    return answer.code in _GONE or answer.says("no_such_instance")


def _known_keys(listed: Answer) -> set[str]:
    """The bodies of the account's keys."""
    if listed.status == 404 and listed.says("no ssh keys"):
        return set()
    rows = listed.check().body
    if not isinstance(rows, list):
        raise Nonsense(f"{listed.what}: no list of keys in the answer")
    known = set()
    for row in rows:
        if isinstance(row, dict) and not row.get("deleted_at"):
            known.add(_key_body(values.text(row.get("key")) or values.text(row.get("public_key"))))
    return known - {""}


def _key_body(public_key: str) -> str:
    """The key itself in OpenSSH's one-line form: `ssh-ed25519 BODY comment`."""
    parts = public_key.split()
    return parts[1] if len(parts) > 1 else ""
