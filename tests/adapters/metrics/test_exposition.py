"""The page of metrics: what is known is on it, what is unknown is not, and nobody's name is."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.adapters.metrics.exposition import Exposition
from bot.domain.durations import Beat
from bot.domain.money import Usd
from bot.domain.rentals import Phase, State
from bot.errors import Down
from bot.ports.vitals import Carried, Snapshot, Waiting
from tests.builders import NOW, a_rental

WHOLE = Snapshot(
    at=NOW,
    rentals={State.READY: 2, State.BOOTING: 0},
    waiting={"card": Waiting(3, NOW - timedelta(seconds=40)), "letter": Waiting()},
    spend_per_hour=Usd.of("0.75"),
    credit=Usd.of("15"),
    credit_hours=Decimal(20),
    beats={"reconciler": Beat(7, 1.5, 0.25)},
    carried=Carried(
        requests={("request", "2xx"): 5, ("socket", "broken"): 1},
        bytes=1234,
        open_requests=1,
        open_sockets=2,
    ),
    tunnels=4,
    notebooks=3,
    lease_s=90.0,
    faults={"database": "", "vast": "Vast.ai is not answering right now."},
    free_bytes=5_000_000_000,
)


def series(page: bytes) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(page.decode())
        for one in family.samples
    }


def test_what_is_known_is_told() -> None:
    """Amounts in dollars, times in seconds, counters that end with `_total`."""
    found = series(Exposition(version="1.2.3").page(WHOLE))

    assert found["bellhop_info", "1.2.3"] == 1
    assert found["bellhop_rentals", "ready"] == 2
    assert found["bellhop_rentals", "booting"] == 0
    assert found["bellhop_outbox_messages", "card"] == 3
    assert found["bellhop_outbox_age_seconds", "card"] == 40
    assert found["bellhop_outbox_age_seconds", "letter"] == 0
    assert found["bellhop_spend_dollars_per_hour",] == 0.75
    assert found["bellhop_credit_hours",] == 20
    assert found["bellhop_passes_total", "reconciler"] == 7
    assert found["bellhop_pass_age_seconds", "reconciler"] == 1.5
    assert found["bellhop_relay_requests_total", "socket", "broken"] == 1
    assert found["bellhop_relay_bytes_total",] == 1234
    assert found["bellhop_relay_sockets_open",] == 2
    assert found["bellhop_tunnels_open",] == 4
    assert found["bellhop_ready", "database"] == 1
    assert found["bellhop_ready", "vast"] == 0
    assert found["bellhop_disk_free_bytes",] == 5e9
    assert found["process_open_fds",] > 0


def test_what_is_unknown_has_no_series() -> None:
    """A graph with a gap tells the truth; one that falls to 0 does not."""
    names = {name for name, *_ in series(Exposition(version="1").page(Snapshot(at=NOW)))}

    assert "bellhop_relay_bytes_total" in names
    for gone in ("bellhop_rentals", "bellhop_credit_dollars", "bellhop_outbox_messages"):
        assert gone not in names


def test_lateness_is_told_in_buckets() -> None:
    """The goal is one of their edges."""
    metrics = Exposition(version="1")
    metrics.lagged(0.003)
    metrics.lagged(0.3)

    found = series(metrics.page(Snapshot(at=NOW)))

    assert found["bellhop_loop_lag_seconds_bucket", "0.002"] == 0
    assert found["bellhop_loop_lag_seconds_bucket", "0.05"] == 1
    assert found["bellhop_loop_lag_seconds_count",] == 2


def test_phases_and_archives_are_told_as_they_end() -> None:
    """Each phase has its own; a rental that becomes ready has also ended its start."""
    metrics = Exposition(version="1")
    booting = replace(
        a_rental(), state=State.BOOTING, phase=Phase.OPENING, phase_at=NOW - timedelta(seconds=3)
    )
    ready = replace(booting, state=State.READY, phase=Phase.REACHABLE, ready_at=NOW)

    metrics.moved(booting, ready, NOW)
    metrics.moved(ready, replace(ready, note="changed"), NOW)
    metrics.archived("proven", timedelta(seconds=12))
    found = series(metrics.page(WHOLE))

    assert found["bellhop_phase_seconds_sum", "opening"] == 3
    assert found["bellhop_phase_seconds_count", "opening"] == 1
    assert found["bellhop_phase_seconds_count", "start"] == 1
    assert found["bellhop_phase_seconds_count", "loading"] == 0
    assert found["bellhop_archive_seconds_sum", "proven"] == 12


@pytest.fixture
def logger() -> tuple[logging.Logger, Exposition]:
    metrics = Exposition(version="1")
    logger = logging.Logger("bot.example")
    logger.addHandler(metrics.faults)
    return logger, metrics


def test_errors_are_counted_by_their_kind(logger: tuple[logging.Logger, Exposition]) -> None:
    """Whether they come as a trace, as a word of the line, or not at all; nothing else is taken."""
    log, metrics = logger
    log.info("nothing wrong: %s", Down("x"))
    log.warning("the account could not be listed: %s", Down("ada's secret"))
    log.error("no error with it, ada")
    try:
        raise ValueError("ada")
    except ValueError:
        log.exception("failed")
    found = series(metrics.page(WHOLE))

    assert found["bellhop_errors_total", "Down", "warning"] == 1
    assert found["bellhop_errors_total", "none", "error"] == 1
    assert found["bellhop_errors_total", "ValueError", "error"] == 1
    assert "ada" not in metrics.page(WHOLE).decode()


def test_two_do_not_share_a_registry() -> None:
    """Two Bellhops in one process, as in tests, count for themselves."""
    one, two = Exposition(version="1"), Exposition(version="1")
    one.archived("proven", timedelta(seconds=5))

    assert series(two.page(WHOLE))["bellhop_archive_seconds_count", "proven"] == 0
