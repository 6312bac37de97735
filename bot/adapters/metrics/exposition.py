"""The metrics: a registry of our own, histograms that are told, and gauges read off a snapshot.

No label holds a name, an id or an amount of anybody's: states, phases, kinds and the house's own
loops are all there are, so the number of series is bounded too. `docs/operations.md` lists them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.adapters.metrics.faults import FaultCount
from bot.domain.durations import SPANS, spans
from bot.domain.rentals import Rental
from bot.ports.vitals import Snapshot

Key = TypeVar("Key", bound=tuple[str, ...])

_PHASES_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_LAGS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5)
_ARCHIVES_S = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600)


class Exposition:
    """`ports.vitals.Observer` and `LagObserver`, and the page that shows what it was told."""

    def __init__(self, *, version: str) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._read = _ReadOff(version)
        self._phases = Histogram(
            "bellhop_phase_seconds",
            "How long rentals took for each phase; start is from the wish to the notebook.",
            ["phase"],
            buckets=_PHASES_S,
            registry=self._registry,
        )
        self._archives = Histogram(
            "bellhop_archive_seconds",
            "How long runs of archiving took, by how they ended.",
            ["outcome"],
            buckets=_ARCHIVES_S,
            registry=self._registry,
        )
        self._lags = Histogram(
            "bellhop_loop_lag_seconds",
            "How late the event loop was for what was due.",
            buckets=_LAGS_S,
            registry=self._registry,
        )
        errors = Counter(
            "bellhop_errors",
            "Warnings and errors in the log, by the kind of error.",
            ["level", "kind"],
            registry=self._registry,
        )
        self.faults: logging.Handler = FaultCount(errors)
        for phase in SPANS:
            self._phases.labels(phase)  # at 0 from the start, so that a first one is an increase
        self._archives.labels("proven")
        ProcessCollector(registry=self._registry)
        self._registry.register(self._read)

    def moved(self, before: Rental, after: Rental, now: datetime) -> None:
        for phase, span in spans(before, after, now):
            self._phases.labels(phase).observe(span.total_seconds())

    def archived(self, outcome: str, took: timedelta) -> None:
        self._archives.labels(outcome).observe(took.total_seconds())

    def lagged(self, late_s: float) -> None:
        self._lags.observe(late_s)

    def page(self, snapshot: Snapshot) -> bytes:
        """The text, as of this snapshot."""
        self._read.snapshot = snapshot
        return generate_latest(self._registry)


class _ReadOff(Collector):
    """What a snapshot has. A thing that is unknown has no series, rather than one that says 0."""

    def __init__(self, version: str) -> None:
        self._version = version
        self.snapshot: Snapshot | None = None

    def collect(self) -> Iterator[Metric]:
        yield _gauge("bellhop_info", "Which version runs.", {(self._version,): 1}, ["version"])
        if self.snapshot is not None:
            yield from _house(self.snapshot)
            yield from _money(self.snapshot)
            yield from _relay(self.snapshot)


def _house(now: Snapshot) -> Iterator[Metric]:
    if now.rentals is not None:
        counts = {(state.value,): count for state, count in now.rentals.items()}
        yield _gauge("bellhop_rentals", "Open rentals by state.", counts, ["state"])
    if now.waiting is not None:
        sizes = {(kind,): one.count for kind, one in now.waiting.items()}
        ages = {
            (kind,): max((now.at - one.since).total_seconds(), 0.0) if one.since else 0.0
            for kind, one in now.waiting.items()
        }
        yield _gauge("bellhop_outbox_messages", "Messages that wait to be sent.", sizes, ["kind"])
        yield _gauge("bellhop_outbox_age_seconds", "Age of the oldest of them.", ages, ["kind"])
    beats = {(name,): beat for name, beat in now.beats.items()}
    yield _counter(
        "bellhop_passes",
        "Passes of the house's loops that ended.",
        {name: beat.passes for name, beat in beats.items()},
        ["loop"],
    )
    yield _gauge(
        "bellhop_pass_age_seconds",
        "Time since the last pass of a loop ended.",
        {name: beat.age_s for name, beat in beats.items()},
        ["loop"],
    )
    yield _gauge(
        "bellhop_pass_seconds",
        "How long the last pass took.",
        {name: beat.took_s for name, beat in beats.items()},
        ["loop"],
    )
    yield _gauge(
        "bellhop_lease_age_seconds", "How long this process has held the lease.", {(): now.lease_s}
    )
    ready = {(name,): 0 if said else 1 for name, said in now.faults.items()}
    yield _gauge("bellhop_ready", "Whether a dependency is well.", ready, ["dependency"])
    if now.free_bytes is not None:
        about = "Room on the disk of the data folder."
        yield _gauge("bellhop_disk_free_bytes", about, {(): now.free_bytes})


def _money(now: Snapshot) -> Iterator[Metric]:
    if now.spend_per_hour is not None:
        dollars = float(now.spend_per_hour.dollars)
        about = "What all machines cost an hour now."
        yield _gauge("bellhop_spend_dollars_per_hour", about, {(): dollars})
    if now.credit is not None:
        dollars = float(now.credit.dollars)
        yield _gauge("bellhop_credit_dollars", "Credit of the Vast account.", {(): dollars})
    if now.credit_hours is not None:
        hours = float(now.credit_hours)
        yield _gauge(
            "bellhop_credit_hours", "How long the credit lasts as it is spent.", {(): hours}
        )


def _relay(now: Snapshot) -> Iterator[Metric]:
    carried = now.carried
    yield _counter(
        "bellhop_relay_requests",
        "Requests that the relay answered.",
        carried.requests,
        ["kind", "status"],
    )
    about = "Bytes of bodies and frames between browsers and notebooks, both ways."
    yield _counter("bellhop_relay_bytes", about, {(): carried.bytes})
    about = "Requests that are being answered now."
    yield _gauge("bellhop_relay_requests_open", about, {(): carried.open_requests})
    yield _gauge("bellhop_relay_sockets_open", "Open WebSockets.", {(): carried.open_sockets})
    yield _gauge("bellhop_tunnels_open", "SSH connections to machines.", {(): now.tunnels})
    about = "Notebooks that the relay has a way to."
    yield _gauge("bellhop_notebooks_reached", about, {(): now.notebooks})


def _gauge(
    name: str,
    about: str,
    values: Mapping[Key, float],
    labels: Iterable[str] = (),
) -> Metric:
    family = GaugeMetricFamily(name, about, labels=list(labels))
    for key, value in values.items():
        family.add_metric(list(key), value)
    return family


def _counter(
    name: str,
    about: str,
    values: Mapping[Key, float],
    labels: Iterable[str] = (),
) -> Metric:
    family = CounterMetricFamily(name, about, labels=list(labels))
    for key, value in values.items():
        family.add_metric(list(key), value)
    return family
