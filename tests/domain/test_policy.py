"""The register of the policy: human forms, bounds, places, and what holds."""

from __future__ import annotations

import re
from datetime import time, timedelta
from pathlib import Path

import pytest

from bot.domain.access import Actor, is_lead, may_set
from bot.domain.limits import Limits
from bot.domain.money import Usd
from bot.domain.policy_key import Scope
from bot.domain.policy_keys import IDLE, KEYS, LEADS, QUIET, find, spot
from bot.domain.policy_kinds import Off, TimeOfDay, Wrong
from bot.domain.policy_measures import Count, Dollars, Duration, Size
from bot.domain.policy_renting import RENTING
from bot.domain.policy_values import Values, read, shown, wished, write
from bot.domain.zones import named, suggested, zone
from bot.errors import BadInput
from tests.builders import NOW

SPAN = Duration(timedelta(seconds=30), timedelta(days=30))
DOLLARS = Off(Dollars(Usd.of(1), Usd.of(10_000)), "no limit")


@pytest.mark.parametrize(
    ("typed", "span"),
    [
        ("90 min", timedelta(minutes=90)),
        ("90m", timedelta(minutes=90)),
        ("1h30", timedelta(minutes=90)),
        ("1 h 30 min", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("2 days", timedelta(days=2)),
        ("3d 12h", timedelta(days=3, hours=12)),
        ("45 S", timedelta(seconds=45)),
    ],
)
def test_times_are_read_as_people_write_them(typed: str, span: timedelta) -> None:
    """And read back as they are shown, and as they are kept."""
    assert SPAN.parse(typed) == span
    assert SPAN.parse(SPAN.show(span)) == span
    assert SPAN.load(SPAN.dump(span)) == span


@pytest.mark.parametrize(
    "typed", ["", "45", "1:30", "soon", "-1h", "1h 2d", "1h1h", "2 weeks", "h"]
)
def test_what_is_no_time_is_refused(typed: str) -> None:
    """A bare number could be anything."""
    with pytest.raises(Wrong):
        SPAN.parse(typed)


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("$40", "40"), ("40", "40"), ("$1,000.50", "1000.50"), ("40 usd", "40"), ("12.5$", "12.5")],
)
def test_dollars_are_read_as_people_write_them(typed: str, amount: str) -> None:
    """Exactly, never by a float."""
    assert DOLLARS.parse(typed) == Usd.of(amount)
    assert DOLLARS.parse(DOLLARS.show(Usd.of(amount))) == Usd.of(amount)


@pytest.mark.parametrize("typed", ["$1e9", "-5", "0", "40,5", "1,00", "$", "20000", "NaN"])
def test_absurd_dollars_are_refused(typed: str) -> None:
    """Out of bounds, or no amount."""
    with pytest.raises(Wrong):
        DOLLARS.parse(typed)


def test_a_limit_can_be_off() -> None:
    """In its own word as well."""
    assert [DOLLARS.parse(word) for word in ("off", "No limit", "unlimited")] == [None] * 3
    assert DOLLARS.show(None) == "no limit"
    assert Count(1, 5).parse("5") == 5
    with pytest.raises(Wrong, match="between 1 and 5"):
        Count(1, 5).parse("6")


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_every_value_reads_back_its_example_and_its_default(key: object) -> None:
    """What is shown can be typed, what is kept can be read."""
    known = KEYS[key.name]  # type: ignore[attr-defined]
    for value in (known.default, known.parse(known.example)):
        assert known.parse(known.kind.show(value)) == value
        assert read(known, write(known, value)) == value


@pytest.mark.parametrize(
    ("address", "typed", "said"),
    [
        ("idle", "9h", "idle must be between 30 min and 4 h, e.g. idle=45m."),
        ("idle", "45", "idle must be a time with its unit, e.g. idle=45m."),
        ("quiet", "late", "quiet must be hours of the day, from and to, e.g. quiet=22:00-08:00."),
        ("zone", "Atlantis", "zone must be the name of a time zone, or a large city in it"),
        ("unattended", "maybe", "unattended must be yes or no"),
        ("notices", "fax", "notices must be dm, channel or none"),
        ("leads", "@leads", "leads must be the number of a role"),
        ("images", "no image!", "images must be presets or images as on Docker Hub"),
        ("idel", "1h", "idel is not known. Did you mean idle?"),
        ("preset/nothing/idle", "1h", "preset/nothing/idle is not known. Write idle, preset/NAME/"),
        ("member/ada/idle", "1h", "member/ID/idle with the number of a member"),
        ("preset/plain/zone", "UTC", "zone is not set by preset"),
        ("member/1/leads", "none", "leads is not set by member"),
    ],
)
def test_every_wrong_value_is_named_with_what_would_be_right(
    address: str, typed: str, said: str
) -> None:
    """The key, the bounds, an example."""
    with pytest.raises(BadInput) as refused:
        wished({"answer": "1h", address: typed})

    assert said in refused.value.public


def test_the_nearest_value_holds() -> None:
    """The member's over the preset's over the team's; where each comes from is known."""
    values = Values(wished({"idle": "1h30", "preset/plain/idle": "2h", "member/7/idle": "3h"}))  # type: ignore[arg-type]

    found = [
        values.found(IDLE),
        values.found(IDLE, preset="plain"),
        values.found(IDLE, preset="plain", member_id=7),
        values.found(IDLE, preset="fastai", member_id=8),
    ]

    assert [one.value / timedelta(hours=1) for one in found] == [1.5, 2, 3, 1.5]
    assert [one.scope for one in found] == [Scope.TEAM, Scope.PRESET, Scope.MEMBER, Scope.TEAM]
    assert Values({}).found(IDLE).scope is None


def test_a_value_that_cannot_be_used_is_passed_over_and_named() -> None:
    """A slip stops nothing."""
    texts = {"idle": "1", "preset/plain/idle": "{", "quiet": '"late"', "old": "3"}
    values = Values(texts)

    assert values.get(IDLE, preset="plain") == IDLE.default
    assert values.get(QUIET) is None
    assert [fault.split()[0] for fault in values.faults()] == [
        "idle",
        "old",
        "preset/plain/idle",
        "quiet",
    ]
    assert shown("old", "3") == "3"


def test_an_address_leads_to_its_spot_and_back() -> None:
    """As it is typed and kept."""
    for address in ("idle", "preset/pytorch/idle", "member/1187654321098765432/zone"):
        assert find(address).address == address
    assert spot(LEADS).address == "leads"


def test_a_zone_is_found_by_city_name_or_offset() -> None:
    """The large cities first; never an offset itself."""
    assert [named(typed) for typed in ("Berlin", "europe/berlin", "new york", "utc")] == [
        "Europe/Berlin",
        "Europe/Berlin",
        "America/New_York",
        "UTC",
    ]
    assert named("+02:00") is None
    assert suggested("berl", NOW) == ["Europe/Berlin"]
    assert suggested("UTC+1", NOW)[0] == "Europe/Berlin"
    assert len(suggested("", NOW)) == 25
    assert suggested("+05:45", NOW) == ["Asia/Kathmandu", "Asia/Katmandu"]
    assert str(zone("Nowhere/At all")) == "UTC"


@pytest.mark.parametrize(
    ("role_id", "server", "own", "manages", "lead"),
    [
        (None, {5}, {5}, False, False),
        (None, {5}, (), True, True),
        (5, {5, 6}, {5}, False, True),
        (5, {5, 6}, {6}, True, False),
        (5, {6}, (), True, True),  # the role was deleted
        (5, None, (), True, False),  # the server's roles are not known
        (5, None, {5}, False, True),
    ],
)
def test_who_is_a_lead(
    role_id: int | None, server: set[int] | None, own: set[int], manages: bool, lead: bool
) -> None:
    """Who has the role; without one, or once it is deleted, who may manage the server."""
    assert is_lead(role_id=role_id, server_roles=server, own_roles=own, manages=manages) is lead


def test_who_may_set_what() -> None:
    """A member what is theirs; a lead, and who may manage the server, everything."""
    ada = Actor(id=1, guild_id=9, name="Ada")
    lead = Actor(id=2, guild_id=9, name="Lea", lead=True)
    manager = Actor(id=3, guild_id=9, name="Max", manager=True)

    assert may_set(ada, own=True, member_id=1)
    assert not may_set(ada, own=True, member_id=2)
    assert not may_set(ada, own=False, member_id=1)
    assert not may_set(ada, own=True)
    assert may_set(lead)
    assert may_set(manager, member_id=1)


@pytest.mark.parametrize(
    ("typed", "size"),
    [
        ("20 GB", 20 * 10**9),
        ("1.5tb", 15 * 10**11),
        ("2500 MB", 25 * 10**8),
        ("1.5 GB", 15 * 10**8),
    ],
)
def test_sizes_are_read_as_people_write_them(typed: str, size: int) -> None:
    """And read back as they are shown."""
    kind = Size(10**6, 10**13)

    assert kind.parse(typed) == size
    assert kind.parse(kind.show(size)) == size


@pytest.mark.parametrize("typed", ["20", "20 kB", "-1 GB", "0 GB", "11 TB", "GB", "1e3 GB"])
def test_what_is_no_size_is_refused(typed: str) -> None:
    """A bare number could be anything."""
    with pytest.raises(Wrong):
        Size(10**6, 10**13).parse(typed)


def test_a_time_of_the_day_is_read_as_people_write_it() -> None:
    """Midnight is an hour as well, not `off`."""
    kind = Off(TimeOfDay())

    assert [kind.parse(one) for one in ("2", "02:30", "0:00", "off")] == [
        time(2),
        time(2, 30),
        time(0),
        None,
    ]
    for wrong in ("24", "2:60", "2am", "02:00-03:00"):
        with pytest.raises(Wrong):
            kind.parse(wrong)


def test_the_page_about_the_policy_lists_every_value() -> None:
    """By its name, with its default and where it is set, and none that there is not."""
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|", page, re.MULTILINE)

    assert listed == [
        (
            key.name,
            str(key.kind.show(key.default)),
            ", ".join(scope.value for scope in Scope if scope in key.where),
        )
        for key in KEYS.values()
    ]


def test_every_field_that_is_filled_is_one_of_the_limits() -> None:
    """With the same default, within its own bounds."""
    usual = Limits()
    for name, key in RENTING.items():
        assert key.default == getattr(usual, name)
        assert key.parse(key.kind.show(key.default)) == key.default
