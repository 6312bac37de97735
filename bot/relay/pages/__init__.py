"""The relay's own pages: what a person sees when there is no notebook to show.

Each says what is the case and what to do next. How it looks, and what scripts get of it, is in
`bot/relay/sheets.py`.
"""

from bot.relay.pages.machines import (
    connecting,
    gone,
    moving,
    nothing_listens,
    port_closed,
    starting,
    unreachable,
)
from bot.relay.pages.refusals import (
    failed,
    foreign,
    incident,
    malformed,
    no_kernel,
    no_worker,
    too_long,
    view_only,
)
from bot.relay.pages.ways_in import (
    bare,
    download,
    download_no_longer_good,
    how_to_get_in,
    not_signed_in,
    notebooks,
    signed_out,
    ticket,
    ticket_no_longer_good,
    unknown_address,
    unknown_host,
)

__all__ = [
    "bare",
    "connecting",
    "download",
    "download_no_longer_good",
    "failed",
    "foreign",
    "gone",
    "how_to_get_in",
    "incident",
    "malformed",
    "moving",
    "no_kernel",
    "no_worker",
    "not_signed_in",
    "notebooks",
    "nothing_listens",
    "port_closed",
    "signed_out",
    "starting",
    "ticket",
    "ticket_no_longer_good",
    "too_long",
    "unknown_address",
    "unknown_host",
    "unreachable",
    "view_only",
]
