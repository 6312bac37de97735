"""What two readings of a machine make of its counters and its processes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.processes import LANE, Row
from bot.domain.readings import Reading, machine
from bot.domain.samples import Load, Machine, Where

AT = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
READY_AT = AT - timedelta(hours=1)
NOW_S = 1_000_000.0  # of a machine whose clock is decades late
PTS = 136 << 8
START = 5_000_000  # ticks: when the reading shell started

SSHD = Row(10, 1, 10, 0, 50, 900, START - 900_000, "sshd")
OUR_SSHD = Row(20, 10, 20, 0, 5, 5, START - 800_000, "sshd")
READER = Row(30, 20, 30, 0, 0, 0, START, "sh")
AWK = Row(31, 30, 30, 0, 1, 0, START + 2, "awk")
JUPYTER = Row(40, 1, 40, 0, 900, 10, START - 400_000, "jupyter-lab")
KERNEL = Row(41, 40, 41, 0, 200, 0, START - 50_000, "python3")
IMAGE = (Row(1, 0, 1, 0, 3, 3, START - 950_000, "tini"), SSHD, OUR_SSHD, READER, AWK)
BASE = (*IMAGE, JUPYTER, KERNEL)


def reading(*rows: Row, **more: object) -> Reading:
    facts = {"now_s": NOW_S, "self_pid": 30, "jupyter_pid": 40, "rows": (*BASE, *rows)} | more
    return Reading(**facts)  # type: ignore[arg-type]


def seen(now: Reading, before: Reading | None = None, **more: int) -> Machine:
    return machine(now, before, at=AT, ready_at=READY_AT, **more)


def an_earlier(now: Reading, seconds: float = 60, **changes: object) -> Reading:
    return replace(now, now_s=now.now_s - seconds, **changes)  # type: ignore[arg-type]


def test_a_machine_at_rest_shows_no_process() -> None:
    """The image's services, Jupyter, its kernels, shells and our own reading do not count."""
    shell = Row(50, 40, 50, PTS, 5, 0, START - 100, "bash")

    assert seen(reading(shell)).processes == ()


def test_the_relays_own_lanes_are_nobodys_sign() -> None:
    """An OpenSSH client of ours holds a session while a tab is open; nobody works there."""
    session = Row(21, 10, 21, 0, 5, 5, START - 700, "sshd")
    lane = Row(22, 21, 22, 0, 0, 0, START - 690, LANE)
    person = Row(23, 10, 23, 0, 5, 5, START - 600, "sshd")

    alone, with_person = seen(reading(session, lane)), seen(reading(session, lane, person))

    assert alone.processes == ()
    assert (alone.logins, alone.plain_logins) == (0, 0)
    assert with_person.plain_logins == 1


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ((Row(60, 1, 60, 0, 9, 0, START - 100, "python"),), Where.DAEMON),
        ((Row(60, 41, 41, 0, 9, 0, START - 100, "python"),), Where.KERNEL),
        (
            (
                Row(50, 40, 50, PTS, 5, 0, START - 200, "bash"),
                Row(60, 50, 50, PTS, 9, 0, START - 100, "python"),
            ),
            Where.TERMINAL,
        ),
        (
            (
                Row(51, 1, 51, 0, 5, 0, START - 300, "tmux: server"),
                Row(50, 51, 50, PTS + 1, 5, 0, START - 200, "bash"),
                Row(60, 50, 50, PTS + 1, 9, 0, START - 100, "python"),
            ),
            Where.TMUX,
        ),
    ],
)
def test_a_process_is_found_wherever_it_hangs(rows: tuple[Row, ...], where: Where) -> None:
    """Detached, below a kernel, in a terminal, in tmux."""
    processes = seen(reading(*rows)).processes

    assert processes is not None
    assert [(one.name, one.where) for one in processes] == [("python", where)]


def test_what_ran_before_the_machine_was_ready_is_the_images() -> None:
    """Told by its age, so a restart of ours finds the same baseline."""
    an_hour = 3600 * 100
    before = Row(60, 1, 60, 0, 9, 0, START - an_hour - 100, "imageserver")
    after = Row(61, 1, 61, 0, 9, 0, START - an_hour + 100, "train")

    processes = seen(reading(before, after)).processes

    assert processes is not None
    assert [one.name for one in processes] == ["train"]


def test_a_kernel_started_through_a_shell_is_a_kernel() -> None:
    """`conda run` and the like stand between Jupyter and Python."""
    wrapper = Row(45, 40, 45, 0, 0, 0, START - 90, "bash")
    kernel = Row(46, 45, 45, 0, 0, 0, START - 80, "python")

    assert seen(reading(wrapper, kernel)).processes == ()


def test_what_libraries_leave_running_does_not_count() -> None:
    """multiprocessing's tracker stays as long as its kernel."""
    tracker = Row(60, 41, 41, 0, 0, 0, START - 80, "python")

    assert seen(reading(tracker, aside=frozenset({60}))).processes == ()


def test_an_editors_server_is_told_by_what_it_runs() -> None:
    """Its name is `node`."""
    processes = seen(
        reading(Row(60, 1, 60, 0, 9, 0, START - 80, "node"), editors=frozenset({60}))
    ).processes

    assert processes is not None
    assert [one.name for one in processes] == ["vscode-server"]


def test_logins_of_people_are_counted_and_ours_is_not() -> None:
    """One in a terminal, one without."""
    rows = (
        Row(70, 10, 70, 0, 0, 0, START - 80, "sshd"),
        Row(71, 70, 71, PTS, 0, 0, START - 80, "bash"),
        Row(72, 10, 72, 0, 0, 0, START - 80, "sshd-session"),
    )
    found = seen(reading(*rows))

    assert (found.logins, found.plain_logins) == (1, 1)


def test_loads_are_differences_of_counters() -> None:
    """A minute: 30 s of one core, 6 MB down, 3 MB up, 12 MB written."""
    now = reading(
        cpu_us=31_000_000, down_bytes=7_000_000, up_bytes=4_000_000, written={41: 13_000_000}
    )
    before = an_earlier(
        now, cpu_us=1_000_000, down_bytes=1_000_000, up_bytes=1_000_000, written={41: 1_000_000}
    )

    assert seen(now, before).load == Load(
        cpu_cores=0.5, down_kbps=100.0, up_kbps=50.0, written_kbps=200.0
    )


def test_what_we_carried_ourselves_is_nobodys_work() -> None:
    """A member who watches a notebook through the relay makes traffic, too."""
    now = reading(down_bytes=1_000_000, up_bytes=61_000_000)
    before = an_earlier(now, down_bytes=1_000_000, up_bytes=1_000_000)

    load = seen(now, before, carried_bytes=60_000_000).load

    assert (load.down_kbps, load.up_kbps) == (0, 0)


def test_without_the_containers_counter_the_processes_are_added_up() -> None:
    """Those that run, those that are new, those that ended; not our own reading."""
    kernel = replace(KERNEL, ticks=KERNEL.ticks + 1200)
    new = Row(60, 1, 60, 0, 600, 0, START - 80, "python")
    parent = Row(50, 40, 50, PTS, 5, 1300, START - 200, "bash")
    ended = Row(61, 50, 50, PTS, 100, 0, START - 190, "python")
    now = reading(new, parent)
    now = replace(now, rows=tuple(kernel if row is KERNEL else row for row in now.rows))
    before = an_earlier(reading(replace(parent, child_ticks=0), ended))

    # 1200 of the kernel, 600 new, 1300 inherited of which 100 were counted already: 3000 ticks.
    assert seen(now, before).load.cpu_cores == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize("span_s", [0, -60, 3600])
def test_readings_that_do_not_follow_each_other_give_no_loads(span_s: float) -> None:
    """A clock set back, a long outage: unknown, and not zero."""
    now = reading(cpu_us=5, down_bytes=5, up_bytes=5)

    assert seen(now, an_earlier(now, span_s)).load == Load()
    assert seen(now).load == Load()


def test_counters_that_fell_give_no_load() -> None:
    """The container was started anew."""
    now = reading(cpu_us=5, down_bytes=5, up_bytes=5)
    load = seen(now, an_earlier(now, cpu_us=9, down_bytes=9, up_bytes=9)).load

    assert (load.cpu_cores, load.down_kbps, load.up_kbps) == (None, None, None)


def test_times_of_the_machine_are_counted_back_from_now() -> None:
    """Whatever its clock says, a key of 90 s ago was pressed 90 s ago; a future one now."""
    shell = Row(50, 40, 50, PTS + 3, 5, 0, START - 200, "bash")
    keys = {"pts/3": NOW_S - 90, "pts/9": NOW_S}  # the second is nobody's here

    found = seen(reading(shell, terminals=keys, changed_s=NOW_S + 500))

    assert found.typed_at == AT - timedelta(seconds=90)
    assert found.changed_at == AT


def test_a_key_from_the_future_is_pressed_once() -> None:
    """The machine's clock was set back by hours: until it catches up nobody types because of it."""
    shell = Row(50, 40, 50, PTS + 3, 5, 0, START - 200, "bash")
    now = reading(shell, terminals={"pts/3": NOW_S + 8 * 3600})
    typed = an_earlier(now, terminals={"pts/3": NOW_S - 90})

    assert seen(now, an_earlier(now)).typed_at is None
    assert seen(now, typed).typed_at == AT
    assert seen(now).typed_at == AT


def test_a_terminals_number_may_be_large() -> None:
    """The device number holds it in two places."""
    assert Row(1, 0, 0, 136 << 8 | 7, 0, 0, 0, "").terminal == "pts/7"
    assert Row(1, 0, 0, 137 << 8 | 7, 0, 0, 0, "").terminal == "pts/263"
    assert Row(1, 0, 0, 4 << 8 | 1, 0, 0, 0, "").terminal is None
    assert Row(1, 0, 0, 0, 0, 0, 0, "").terminal is None


def test_without_processes_nothing_is_said_of_them() -> None:
    """An answer without a single process is no answer."""
    assert seen(reading(rows=())).processes is None


def test_our_own_archive_is_nobodys_work() -> None:
    """It burns a core and a gigabyte through our connection: none of it is load or a process."""
    timeout = Row(80, 20, 80, 0, 0, 0, START - 900, "timeout")
    tar = Row(81, 80, 80, 0, 5900, 0, START - 900, "tar")
    user = Row(60, 1, 60, 0, 600, 0, START - 9000, "python")
    now = reading(
        timeout, tar, user, cpu_us=65_000_000, up_bytes=10**9, written={81: 10**9, 60: 60_000}
    )
    before = an_earlier(
        reading(replace(user, ticks=0)), cpu_us=0, up_bytes=0, down_bytes=0, written={60: 0}
    )

    found = seen(now, before)

    assert found.processes is not None
    assert [one.name for one in found.processes] == ["python"]
    assert found.load == Load(cpu_cores=0.1, written_kbps=1.0)
