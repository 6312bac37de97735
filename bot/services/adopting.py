"""Taking in a machine that nobody owns: it becomes a rental whose work is being saved.

A closed rental that it belongs to is opened again; for an unknown one a rental is written with the
id in its label, with what Vast shows of it. Whose it was is then not known: it stands under our
own name, so that only leads can do anything with it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bot.domain import sweep
from bot.domain.images import Image
from bot.domain.money import Usd
from bot.domain.offers import Offer, Rates, Wish
from bot.domain.rentals import Instance, Phase, Quote, Rental, RentalId, State, new_id
from bot.ports.books import Store
from bot.ports.chat import Home

_FREE = Rates(
    gpu_per_hour=Usd(), storage_per_gb_month=Usd(), upload_per_gb=Usd(), download_per_gb=Usd()
)


async def adopt(
    store: Store,
    machine: Instance,
    known: Rental | None,
    home: Home | None,
    *,
    installation: str,
    now: datetime,
) -> Rental | None:
    """The rental that the machine is from now on; None while it is not known where to write.

    Safe to repeat: a machine becomes one rental. Raises Stale, where the row just changed.
    """
    if known is not None:
        return await store.apply(_opened_again(known, machine, now), event="taken in by the sweep")
    if home is None:
        return None
    quote_id = f"stray{machine.contract}"
    quote = await store.quote(quote_id) or _quote(machine, quote_id, home, now)
    if await store.quote(quote_id) is None:
        await store.add_quote(quote)
    wanted = RentalId(sweep.rental_id(machine, installation) or new_id())
    if await store.rental(wanted) is not None:
        wanted = RentalId(new_id())  # taken, by another machine
    return await store.begin(_rental(machine, wanted, quote, now), quote_id=quote_id)


def _opened_again(known: Rental, machine: Instance, now: datetime) -> Rental:
    forgotten = replace(
        known,
        reason=None,
        ended_by=None,
        released_at=None,
        waived_by=None,
        destroyed_at=None,
        gone_at=None,
        closed_at=None,
        missing_since=None,
        absent_seen=0,
        next_at=None,
        fails=0,
    )
    return _saving(forgotten, machine, now)


def _rental(machine: Instance, rental_id: RentalId, quote: Quote, now: datetime) -> Rental:
    ran_from = machine.running_since or machine.created_at or now
    opened = Rental(
        id=rental_id,
        version=1,
        state=State.ARCHIVING,
        guild_id=quote.guild_id,
        channel_id=quote.channel_id,
        message_id=None,
        owner_id=quote.owner_id,
        owner_name=quote.owner_name,
        name=None,
        wish=quote.wish,
        image=quote.image,
        offer=quote.offer,
        agreed_per_hour=quote.per_hour,
        hours=None,
        requested_at=now,
        created_at=machine.created_at or now,
        running_at=ran_from,
        ready_at=ran_from,  # somebody may have worked on it from then on
        rates=machine.rates,
        machine_id=machine.machine_id,
    )
    return _saving(opened, machine, now)


def _saving(rental: Rental, machine: Instance, now: datetime) -> Rental:
    """As a rental is that was just taken in: its work is wanted, and nothing else."""
    return replace(
        rental,
        state=State.ARCHIVING,
        phase=Phase.REACHABLE,
        phase_at=now,
        contract=machine.contract,
        addresses=machine.addresses,
        save_asked_at=now,
        adopted_at=now,
        detail="",
    )


def _quote(machine: Instance, quote_id: str, home: Home, now: datetime) -> Quote:
    offer = Offer(
        id=0,
        machine_id=machine.machine_id,
        host_id=0,
        gpu_name=machine.gpu_name or "unknown GPU",
        gpus=machine.gpus,
        vram_mb=machine.vram_mb,
        rates=machine.rates or _FREE,
        disk_free_gb=machine.disk_gb,
        cpu_cores=Decimal(0),
        ram_mb=0,
        upload_mbps=Decimal(0),
        download_mbps=Decimal(0),
        reliability=Decimal(0),
        dlperf=Decimal(0),
        region="",
        compute_cap=0,
        available_until=machine.ends_at,
        verified=False,
        datacenter=False,
    )
    return Quote(
        id=quote_id,
        guild_id=home.guild_id,
        channel_id=home.channel_id,
        owner_id=home.own_id,
        owner_name=sweep.NOBODY,
        wish=Wish(gpu=machine.gpu_name or None, disk_gb=machine.disk_gb),
        image=Image(name="unknown", reference="unknown"),
        offer=offer,
        name=None,
        hours=None,
        made_at=now,
    )
