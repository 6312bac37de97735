"""What the fuse box makes first: what reaches out of the process, what is shared, the counter."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from bot import __version__
from bot.adapters.archive.memory import give_back_large
from bot.adapters.archive.places import Place, open_place
from bot.adapters.archive.streams import Streams
from bot.adapters.archive.vault import PlaceVault
from bot.adapters.archive.workspace import SshWorkspaces
from bot.adapters.charts.bars import BarCharts
from bot.adapters.jupyter.documents import JupyterDocuments
from bot.adapters.jupyter.notebooks import JupyterNotebooks
from bot.adapters.metrics.exposition import Exposition
from bot.adapters.sealing.texts import TextSeal
from bot.adapters.ssh.keys import SshKey
from bot.adapters.ssh.tunnels import SshTunnels
from bot.adapters.storage.store import open_store
from bot.adapters.vast.client import Vast
from bot.app.house_key import house_key
from bot.config import Settings
from bot.domain.lifecycle import Limits
from bot.ports.archives import Unsaved
from bot.ports.books import Store
from bot.ports.clock import Clock
from bot.relay.hosts import bare
from bot.services.account import AccountWatch
from bot.services.archives import Archives
from bot.services.budgets import Budgets
from bot.services.credit import Credit
from bot.services.desk import Desk
from bot.services.downloads import Downloads
from bot.services.health import Condition
from bot.services.links import Links
from bot.services.offers import Offers
from bot.services.outputs import Outputs
from bot.services.policy import Policies
from bot.services.probe import Tabless
from bot.services.recordings import Recorder
from bot.services.routes import Routes, Traffic
from bot.services.shelf import Shelf
from bot.services.shortages import Shortages
from bot.services.steps import Forgetful
from bot.tasks import Wake


class Kept(Tabless, Forgetful, Unsaved, Protocol):
    """The output of cells, for whoever works with machines: here, or kept by other processes."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What reaches out of the process, and the services that are little more than that."""

    clock: Clock
    store: Store
    market: Vast
    key: SshKey
    tunnels: SshTunnels
    notebooks: JupyterNotebooks
    archives: Archives
    outputs: Outputs
    kept: Kept
    shortages: Shortages
    recorder: Recorder
    recording: Wake  # there is something to write down
    links: Links
    downloads: Downloads
    place: Place
    metrics: Exposition


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What one part writes and another reads, and how they wake each other."""

    policies: Policies
    limits: Limits
    routes: Routes
    traffic: Traffic = field(default_factory=Traffic)
    wake: Wake = field(default_factory=Wake)  # the reconciler has something to do
    news: Wake = field(default_factory=Wake)  # a card or letter is to be sent
    billing: Wake = field(default_factory=Wake)  # it is time to look at Vast's bill
    asking: Wake = field(default_factory=Wake)  # it is time for a round of idle questions
    sweeping: Wake = field(default_factory=Wake)  # it is time to look at the whole account
    telling: Wake = field(default_factory=Wake)  # a bulletin is to be sent
    crediting: Wake = field(default_factory=Wake)  # it is time to look at the credit
    hung: Wake = field(default_factory=Wake)  # a board was put up
    account: AccountWatch = field(default_factory=AccountWatch)
    condition: Condition = field(default_factory=Condition)
    charts: BarCharts = field(default_factory=BarCharts)  # draws one picture at a time
    looking_out: Wake = field(default_factory=Wake)  # it is time to search for those who wait
    sharing: Wake = field(default_factory=Wake)  # a share began or ended, a letter about it is due
    joined: Wake = field(default_factory=Wake)  # we were added to a server
    keys: Wake = field(default_factory=Wake)  # somebody's SSH keys, or ways in, have changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Where people are served: what is on offer, what they have, what they begin and end."""

    offers: Offers
    shelf: Shelf
    desk: Desk
    budgets: Budgets
    credit: Credit


async def open_outside(
    settings: Settings,
    routes: Routes,
    stack: contextlib.AsyncExitStack,
    *,
    key_on_disk: bool = True,
) -> Outside:
    clock = SystemClock()
    store = await stack.enter_async_context(open_store(settings.database_url, clock=clock))
    market = Vast(url=settings.vast_url, api_key=settings.vast_api_key, clock=clock)
    stack.push_async_callback(market.close)
    key = await house_key(settings, store, on_disk=key_on_disk)
    tunnels = SshTunnels(key=key)
    stack.push_async_callback(tunnels.aclose)
    give_back_large()
    place = await asyncio.to_thread(open_place, settings.archive_url)
    metrics = Exposition(version=__version__)
    logging.getLogger().addHandler(metrics.faults)
    stack.callback(logging.getLogger().removeHandler, metrics.faults)
    recording = Wake()
    shortages = Shortages(store=store, clock=clock)
    outputs = Outputs(
        documents=JupyterDocuments(), routes=routes, begun=recording.set, short=shortages.hear
    )
    recorder = Recorder(
        store=store,
        outputs=outputs,
        clock=clock,
        wake=recording,
        seal=recordings_seal(settings),
    )
    archives = make_archives(settings, store, place, clock, outputs, metrics)
    return Outside(
        clock=clock,
        store=store,
        market=market,
        key=key,
        tunnels=tunnels,
        notebooks=JupyterNotebooks(),
        archives=archives,
        outputs=outputs,
        kept=outputs,
        shortages=shortages,
        recorder=recorder,
        recording=recording,
        links=Links(store=store, clock=clock, relay_url=settings.relay_url),
        downloads=Downloads(
            shelf=Shelf(archives=archives),
            archives=archives,
            links=store,
            clock=clock,
            origin=bare(settings.relay_url),
        ),
        place=place,
        metrics=metrics,
    )


def recordings_seal(settings: Settings) -> TextSeal:
    return TextSeal(settings.secret, "recordings")


def make_archives(
    settings: Settings,
    store: Store,
    place: Place,
    clock: Clock,
    outputs: Unsaved,
    metrics: Exposition,
) -> Archives:
    return Archives(
        books=store,
        vault=PlaceVault(streams=Streams(place=place, secret=settings.secret)),
        workspaces=SshWorkspaces(),
        clock=clock,
        outputs=outputs,
        observer=metrics,
    )
