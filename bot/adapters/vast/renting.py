"""The one call that costs money: what is sent, and what each answer to it means.

A yes names a contract. A definite no is one that Vast puts in words, in a 4xx. Whatever is
neither, a time-out, a cut, a fault, a page, a yes without a contract, is MayHaveRented, and so is
an error that names a contract: that machine exists and costs (reference vast-api, 2.2).
"""

from __future__ import annotations

from bot.adapters.vast import marks, values
from bot.adapters.vast.answers import Answer
from bot.adapters.vast.http import Http, Unsure
from bot.adapters.vast.pacing import Endpoint
from bot.domain.rentals import ContractId
from bot.errors import (
    BotError,
    Denied,
    LowCredit,
    MayHaveRented,
    OfferGone,
    RateLimited,
    Refused,
)
from bot.ports.market import Order

TOTAL_S = 60.0

# Turns off the tmux session in which a login otherwise lands (reference vast-api, 5.8).
ONSTART = "touch ~/.no_auto_tmux"

_LONGEST_PUBLIC = 160


async def rent(http: Http, order: Order) -> ContractId:
    """Send the order, once; the number of the contract.

    Raises OfferGone, LowCredit, Denied, RateLimited, Refused for a definite no, Down where the
    call never left, MayHaveRented for everything else.
    """
    path = f"/api/v0/asks/{order.offer_id}/"
    try:
        answer = await http.attempt(Endpoint.RENT, "PUT", path, body=_body(order), total_s=TOTAL_S)
    except Unsure as error:
        raise MayHaveRented(str(error)) from error
    contract = values.integer(answer.row.get("new_contract")) or 0
    if answer.ok and contract > 0:
        return ContractId(contract)
    raise _error(answer, contract)


def _body(order: Order) -> dict[str, object]:
    """What Vast is told. It, and every host, may read this: nothing secret is in it."""
    return {
        "client_id": "me",
        "image": order.image,
        "disk": order.disk_gb,
        "label": order.label,
        # Direct where the host has open ports, Vast's proxy elsewhere ("direc" is right).
        "runtype": "ssh_direc ssh_proxy",
        "env": {},
        "onstart": marks.write(ONSTART, order.mark),
        # Fail instead of leaving a stopped machine that costs.
        "cancel_unavail": True,
        "target_state": "running",
    }


def _error(answer: Answer, contract: int) -> BotError:
    detail = f"{answer.what}: {answer.status} {answer.text}".rstrip()
    if contract > 0:
        return MayHaveRented(f"{detail} (names contract {contract})", contract=contract)
    if not answer.ok:
        if answer.says("no_such_ask", "error 403/3586"):  # the second: one's own machine
            return OfferGone(detail)
        if answer.says("insufficient_credit"):
            return LowCredit(detail)
        error = answer.error()
        if isinstance(error, Denied | RateLimited):
            return error
        if answer.refused:
            return Refused(detail, public=_public(answer), hint="Try another offer.")
    return MayHaveRented(detail or "no answer")


def _public(answer: Answer) -> str:
    """Vast's own reason as a sentence for a person."""
    if answer.says("spend_rate_limit"):
        return "Vast.ai limits how fast a new account may spend, so it did not rent the machine."
    reason = (answer.reason or answer.text)[:_LONGEST_PUBLIC].rstrip(". ")
    return f"Vast.ai did not rent this machine: {reason}."
