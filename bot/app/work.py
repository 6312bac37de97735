"""What the house does by itself: made from what reaches out, and what is shared."""

from __future__ import annotations

from datetime import timedelta

from bot.adapters.discord.presence import DiscordPresence
from bot.adapters.ssh.looks import ShellLooks
from bot.app.parts import Outside, Shared
from bot.config import Settings
from bot.domain.rentals import mark_of
from bot.ports.chat import Homes
from bot.ports.machines import Paths
from bot.services.archive_ahead import Ahead
from bot.services.archive_retention import Retention
from bot.services.bills import Bills
from bot.services.bookkeeper import Bookkeeper
from bot.services.departures import Departures
from bot.services.herald import Herald
from bot.services.idle import BETWEEN, IdleWatch
from bot.services.probe import Probe
from bot.services.questions import Questions
from bot.services.reconciler import Reconciler
from bot.services.replacing import Replacing
from bot.services.reports import Reports
from bot.services.steps import Steps
from bot.services.sweep import Sweep
from bot.services.watch import Watch
from bot.tasks import Tasks

SWEEP_POLLS = 4
"""The account is swept at every so many-th poll; both list it."""


def make_idle_watch(settings: Settings, outside: Outside, shared: Shared) -> IdleWatch:
    return IdleWatch(
        store=outside.store,
        probe=Probe(
            tunnels=outside.tunnels,
            notebooks=outside.notebooks,
            looks=ShellLooks(),
            routes=shared.routes,
            traffic=shared.traffic,
            clock=outside.clock,
            outputs=outside.kept,
        ),
        policy=shared.policies.idle,
        clock=outside.clock,
        between=min(BETWEEN, timedelta(seconds=settings.watch_s)),
    )


def make_reconciler(
    settings: Settings,
    outside: Outside,
    shared: Shared,
    *,
    idle: IdleWatch,
    paths: Paths,
    tasks: Tasks,
) -> Reconciler:
    return Reconciler(
        store=outside.store,
        market=outside.market,
        steps=Steps(
            market=outside.market,
            tunnels=outside.tunnels,
            notebooks=outside.notebooks,
            archives=outside.archives,
            outputs=outside.kept,
            idle=idle,
            replacing=Replacing(
                market=outside.market,
                grudges=outside.store,
                clock=outside.clock,
                policies=shared.policies,
            ),
            paths=paths,
            routes=shared.routes,
            traffic=shared.traffic,
            policies=shared.policies,
            links=outside.links,
            clock=outside.clock,
            installation=settings.installation,
            public_key=outside.key.public_line(),
        ),
        bookkeeper=Bookkeeper(store=outside.store, billing=shared.billing),
        tasks=tasks,
        wake=shared.wake,
        news=shared.news,
        clock=outside.clock,
        policies=shared.policies,
        installation=settings.installation,
        poll=timedelta(seconds=settings.poll_s),
        account=shared.account,
        observer=outside.metrics,
    )


def make_sweep(settings: Settings, outside: Outside, shared: Shared, *, homes: Homes) -> Sweep:
    return Sweep(
        store=outside.store,
        market=outside.market,
        board=homes,
        herald=Herald(
            store=outside.store,
            market=outside.market,
            account=shared.account,
            clock=outside.clock,
        ),
        account=shared.account,
        clock=outside.clock,
        policies=shared.policies,
        installation=settings.installation,
        mark=mark_of(outside.key.public_line()),
        wake=shared.sweeping,
        moved=shared.wake,
        news=shared.telling,
        every=timedelta(seconds=settings.poll_s * SWEEP_POLLS),
    )


def make_departures(
    settings: Settings, outside: Outside, *, members: DiscordPresence
) -> Departures:
    return Departures(
        store=outside.store,
        members=members,
        links=outside.links,
        clock=outside.clock,
        every=timedelta(seconds=settings.watch_s),
    )


def make_watch(settings: Settings, shared: Shared, *, paths: Paths) -> Watch:
    return Watch(
        routes=shared.routes,
        paths=paths,
        wake=shared.wake,
        every=timedelta(seconds=settings.watch_s),
    )


def make_bills(settings: Settings, outside: Outside, shared: Shared) -> Bills:
    return Bills(
        store=outside.store,
        market=outside.market,
        clock=outside.clock,
        news=shared.news,
        installation=settings.installation,
    )


def make_reports(outside: Outside, shared: Shared) -> Reports:
    return Reports(
        store=outside.store,
        policies=shared.policies,
        clock=outside.clock,
        telling=shared.telling,
    )


def make_questions(outside: Outside, shared: Shared, *, idle: IdleWatch) -> Questions:
    return Questions(
        store=outside.store,
        watch=idle,
        policies=shared.policies,
        wake=shared.wake,
        news=shared.news,
        clock=outside.clock,
    )


def make_retention(outside: Outside, shared: Shared) -> Retention:
    return Retention(
        store=outside.store,
        archives=outside.archives,
        policies=shared.policies,
        news=shared.news,
        clock=outside.clock,
    )


def make_ahead(outside: Outside, shared: Shared, *, tasks: Tasks) -> Ahead:
    return Ahead(
        store=outside.store,
        archives=outside.archives,
        tunnels=outside.tunnels,
        traffic=shared.traffic,
        policies=shared.policies,
        tasks=tasks,
        news=shared.news,
        clock=outside.clock,
    )
