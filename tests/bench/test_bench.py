"""The benchmarks still run. What they measure is for `make bench`: nothing here looks at a time."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.bench.figures import Unit, median_of, percentile, table
from tests.e2e.programs import program


async def test_the_benchmarks_without_machines_run() -> None:
    """Tiny counts of what needs neither SSH nor Jupyter: a row each, with a ratio."""
    rows = await _rows("offers", "passes", "spend", "verdicts")

    assert len(rows) == 6
    assert all(float(row[5]) >= 0 for row in rows)


@pytest.mark.e2e
async def test_the_benchmarks_with_machines_and_the_page_run() -> None:
    """One rental of Bellhop's, one by hand, and one page: a row each, with a ratio."""
    rows = await _rows("opening", "page")

    # A watcher of a single round may itself be late, so the ratio may be anything, but a number.
    assert len(rows) == 3
    assert len([float(row[5]) for row in rows]) == 3


@pytest.mark.e2e
async def test_the_benchmarks_of_scale_and_sockets_run() -> None:
    """One machine and two, some sockets: a row for each thing that is measured."""
    rows = await _rows("scale", "sockets")

    names = [row[1] for row in rows]
    assert {
        "1 ready rentals: a pass over the account",
        "2 ready rentals: event loop late, p99",
    } <= {*names}
    assert len([name for name in names if "WebSockets" in name]) == 4
    # Between so few rentals, what a further one takes may come out below nothing.
    assert len([float(row[5]) for row in rows]) == len(rows)


@pytest.mark.e2e
async def test_the_benchmarks_of_archives_and_looks_run() -> None:
    """One round over a small tree, two looks; rows for rsync and restic only where they are."""
    rows = await _rows("archive", "archive-memory", "archive-large", "look")

    names = [row[1] for row in rows]
    assert {"archive of 20 MB, proven", "most memory of the process"} <= set(names)
    assert "most memory of the process, 200 files" in names
    assert "most memory of the process, 2 checkpoints of 26 MB" in names
    assert "one idle look: bytes on the wire" in names
    assert all(float(row[5]) >= 0 for row in rows)


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    shutil.which("sshd", path=os.defpath + ":/usr/sbin") is None or os.geteuid() != 0,
    reason="NO OpenSSH SERVER HERE, OR NOT ROOT: the relay's benchmark was not tried",
)
async def test_the_benchmark_of_the_relay_runs() -> None:
    """One round, tiny counts: every way that is there beside ours."""
    rows = await _rows("relay", within_s=540)

    names = [row[1] for row in rows]
    assert {"upload of 9 MB", "a cell: execute_request to idle"} <= set(names)
    assert any("1 MB" in name for name in names)


def test_a_rate_is_better_the_higher_it_is() -> None:
    """Its goal is the least that it may be."""
    quick = median_of("q", [3e8], beside="b", others=[2e8], unit=Unit.BYTES_PER_S, goal_ratio=1.2)
    slow = median_of("s", [900.0], beside="b", others=[1000.0], unit=Unit.PER_S, goal_ratio=1.0)

    shown = table([quick, slow])

    assert "300 MB/s" in shown
    assert "ratio ≥ 1.20, held" in shown
    assert "900/s" in shown
    assert "ratio ≥ 1.00, missed" in shown


def test_a_percentile_is_one_of_the_samples() -> None:
    """Nearest rank: nothing is made up between two samples."""
    samples = [float(each) for each in range(1, 201)]

    assert percentile(samples, 50) == 100
    assert percentile(samples, 99) == 198
    assert percentile([3.0], 99) == 3


def test_a_goal_that_was_missed_is_said_to_be() -> None:
    """The table is as plain about a missed goal as about one that held."""
    slow = median_of("slow", [3.0], beside="b", others=[1.5], goal=2)
    quick = median_of("quick", [0.001], beside="b", others=[0.002], goal=2)

    shown = table([slow, quick])

    assert "≤ 2 s, missed" in shown
    assert "≤ 2 s, held" in shown
    assert "| 2.00 " in shown
    assert "1 ms" in shown


def test_bytes_and_ratios_are_shown_as_such() -> None:
    """A goal may be a share of what stands beside it."""
    share = median_of("share", [4e6], beside="b", others=[1e8], unit=Unit.BYTES, goal_ratio=0.05)
    brief = median_of("brief", [2e-5], beside="b", others=[1e-6])

    shown = table([share, brief])

    assert "| 4 MB " in shown
    assert "| 0.04 " in shown
    assert "ratio ≤ 0.05, held" in shown
    assert "20 µs" in shown


async def _rows(*parts: str, within_s: float = 100) -> list[list[str]]:
    """The table's rows, as cells, from a run of the program; its columns begin at 1."""
    async with program("-m", "tests.bench", "--quick", "--only", *parts) as running:
        await running.line(lambda line: line.startswith("| Figure"), within_s=within_s)
        status = await running.process.wait()
        await running.kill()  # there is nothing left to kill: this reads its output to the end
    assert status == 0, "\n".join(running.lines)
    table_lines = [line for line in running.lines if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")] for line in table_lines[1:]]
