"""The verb `sweep`: its own small house, without a lease, beside a service that may be running."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from bot.adapters.storage.migrate import demand_newest
from bot.adapters.storage.store import open_store
from bot.adapters.vast.client import Vast
from bot.app.house_key import house_key
from bot.app.parts import SystemClock
from bot.config import Settings
from bot.domain.rentals import ContractId, mark_of
from bot.services.policy import Policies
from bot.services.tidy import Found, Tidy


async def sweep(
    settings: Settings, *, destroy: bool, say: Callable[[str], None]
) -> list[ContractId]:
    """List what nobody owns, and destroy ours where that is asked for.

    Returns those that were to be destroyed and were not seen gone.

    Raises Provider when the account cannot be read whole, Store for a database that is away or
    not the newest: without its rows every machine would look like nobody's.
    """
    clock = SystemClock()
    await demand_newest(settings.database_url)
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.database_url, clock=clock))
        market = Vast(url=settings.vast_url, api_key=settings.vast_api_key, clock=clock)
        stack.push_async_callback(market.close)
        policies = Policies(store=store)
        key = await house_key(settings, store)
        tidy = Tidy(
            store=store,
            market=market,
            clock=clock,
            installation=settings.installation,
            mark=mark_of(key.public_line()),
            limits=policies.most_patient(await policies.values()),
        )
        found = await tidy.find()
        if not found:
            say("Every machine on the Vast account belongs to an open rental.")
            return []
        say(f"{tidy.table(found)}\n")
        ours = [one for one in found if one.ours]
        if not ours or not destroy:
            say(_summary(found, len(ours), settings.installation))
            return []
        gone = await tidy.destroy(found)
        for contract, seen in sorted(gone.items()):
            say(f"{contract}  {'destroyed and seen gone' if seen else 'not yet confirmed gone'}")
        return [contract for contract, seen in gone.items() if not seen]


def _summary(found: list[Found], ours: int, installation: str) -> str:
    many = f"{len(found)} machine{'s' if len(found) > 1 else ''} without an open rental"
    if not ours:
        return f"{many}; none bears the label of this installation ({installation})."
    return (
        f"{many}; {ours} with the label of this installation ({installation}). "
        "`bellhop sweep --destroy` destroys these, with whatever is on them."
    )
