"""Every page of the relay's own, with believable facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.origins import demand_allowed
from bot.domain.rentals import Phase, Reason, State
from bot.errors import BadInput, NotYours, Store, told
from bot.relay import pages
from bot.relay.sheets import Link, Page
from tests.relay.books import Hands, rental

_NOW = Hands().now()
_FAULT = told(RuntimeError("nobody foresaw it"))
_SIGN_IN = Link("Sign in with Discord", "/-/sign-in/")


def _no_port(port: int) -> BadInput:
    try:
        demand_allowed(port)
    except BadInput as error:
        return error
    raise AssertionError(f"port {port} is opened")


PAGES: dict[str, Page] = {
    "starting": pages.starting(
        rental(state=State.BOOTING, phase=Phase.LOADING, detail="Pulling layer 3 of 14: 41 %")
    ),
    "starting-restored": pages.starting(
        rental(state=State.BOOTING, phase=Phase.RESTORING, restore_id="qrstvwxz")
    ),
    "connecting": pages.connecting(rental(detail="Another machine answers at its address.")),
    "moving": pages.moving(),
    "unreachable": pages.unreachable(_NOW - timedelta(minutes=4), _NOW),
    "ending": pages.gone(rental(state=State.DESTROYING, reason=Reason.RELEASED)),
    "ended": pages.gone(rental(state=State.CLOSED, reason=Reason.TOO_SLOW)),
    "asleep": pages.gone(
        rental(state=State.CLOSED, reason=Reason.IDLE, archive_id="qrstvwxz", name="secret plans"),
        known=True,
    ),
    "asleep-to-others": pages.gone(
        rental(state=State.CLOSED, reason=Reason.RELEASED, archive_id="qrstvwxz")
    ),
    "nothing-listens": pages.nothing_listens(7860),
    "port-closed": pages.port_closed(_no_port(22)),
    "how-to-get-in": pages.how_to_get_in(),
    "how-to-get-in-signing-in": pages.how_to_get_in(_SIGN_IN),
    "signed-out": pages.signed_out(),
    "ticket": pages.ticket(),
    "ticket-port": pages.ticket(7860),
    "ticket-no-longer-good": pages.ticket_no_longer_good(),
    "download": pages.download(),
    "download-no-longer-good": pages.download_no_longer_good(),
    "bare": pages.bare(),
    "notebooks": pages.notebooks(
        [Link("fastbook, lesson 3", "/1"), Link("RTX 4090 · k7m2qx", "/2")]
    ),
    "not-signed-in": pages.not_signed_in(NotYours("x"), _SIGN_IN),
    "unknown-address": pages.unknown_address(),
    "unknown-host": pages.unknown_host(),
    "view-only": pages.view_only(),
    "no-kernel": pages.no_kernel(),
    "foreign": pages.foreign(),
    "no-worker": pages.no_worker(),
    "malformed": pages.malformed(),
    "too-long": pages.too_long(),
    "failed": pages.failed(Store("x")),
    "incident": pages.incident(
        replace(_FAULT, hint=_FAULT.hint.replace(_FAULT.incident, "3f9a01c7"))
    ),
}
