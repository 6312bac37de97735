"""When the team's reports are due, what they tell, and what ending an idle machine has saved."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain import report_words
from bot.domain.bulletins import Audience
from bot.domain.money import Usd
from bot.domain.pictures import Picture, Series, described, key
from bot.domain.quiet_hours import quiet_hours
from bot.domain.rentals import Reason
from bot.domain.reports import Due, Facts, Kind, Share, Standing, daily, earlier, so_far, weekly
from bot.domain.savings import Saved, next_morning, saved
from tests.domain.facts import NOW, rental

BERLIN = ZoneInfo("Europe/Berlin")
NINE = time(9)
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def facts(due: Due, **changes: object) -> Facts:
    told: dict[str, object] = {
        "span": due.span,
        "people": [],
        "kinds": [],
        "standing": [],
        "saved": Saved(),
        "before": Usd(),
    }
    return Facts(**told | changes)  # type: ignore[arg-type]


def the_digest() -> Due:
    due = daily(NINE, at("2026-11-24T10:00Z"), UTC)
    assert due is not None
    return due


def the_week() -> Due:
    due = weekly(NINE, at("2026-11-23T10:00Z"), UTC)
    assert due is not None
    return due


@pytest.mark.parametrize(
    ("now", "day", "moment"),
    [
        ("2026-11-24T07:59Z", None, None),
        ("2026-11-24T08:00Z", "2026-11-24", "2026-11-24T08:00Z"),
        ("2026-11-24T22:59Z", "2026-11-24", "2026-11-24T08:00Z"),  # late the same day
        ("2026-11-24T23:00Z", None, None),  # it is the next day in Berlin
        ("2026-03-29T06:59Z", None, None),  # clocks went forward in the night
        ("2026-03-29T07:00Z", "2026-03-29", "2026-03-29T07:00Z"),
        ("2026-10-25T08:00Z", "2026-10-25", "2026-10-25T08:00Z"),  # and back
    ],
)
def test_a_digest_is_due_from_its_hour_to_the_end_of_its_day(
    now: str, day: str | None, moment: str | None
) -> None:
    """By the team's own clock, summer and winter."""
    due = daily(NINE, at(now), BERLIN)

    assert (due.day.isoformat() if due else None) == day
    assert (due.at if due else None) == (at(moment) if moment else None)


def test_a_digest_tells_of_the_whole_day_before() -> None:
    """The night on which clocks go back has 25 hours."""
    due = daily(NINE, at("2026-10-26T08:30Z"), BERLIN)

    assert due is not None
    assert due.span.start == at("2026-10-24T22:00Z")
    assert due.span.end - due.span.start == 25 * HOUR


def test_an_hour_that_a_changed_clock_leaves_out_is_still_due() -> None:
    """Half past two does not exist on that night."""
    due = daily(time(2, 30), at("2026-03-29T01:30Z"), BERLIN)

    assert due is not None
    assert due.day == date(2026, 3, 29)


def test_quiet_hours_put_a_report_off_and_none_is_lost_over_midnight() -> None:
    """At 23:00 it is quiet until 08:00, which is the next day: it comes then."""
    quiet = quiet_hours("22-8", UTC)

    assert daily(time(7), at("2026-11-24T07:30Z"), UTC, quiet) is None
    early = daily(time(7), at("2026-11-24T08:00Z"), UTC, quiet)
    late = daily(time(23), at("2026-11-25T08:00Z"), UTC, quiet)
    night = daily(time(23), at("2026-11-24T23:30Z"), UTC, quiet)

    assert early is not None
    assert early.at == at("2026-11-24T08:00Z")
    assert late is not None
    assert late.day == date(2026, 11, 24)
    assert late.span.days == [date(2026, 11, 24)]  # it says “yesterday”
    assert night is not None
    assert night.day == date(2026, 11, 23)  # that of the night before, if it was missed


def test_a_week_is_told_on_monday_or_late_in_the_same_week() -> None:
    """From Monday to Sunday of the week before, at one key all week."""
    assert weekly(NINE, at("2026-11-23T08:59Z"), UTC) is None
    for now in ("2026-11-23T09:00Z", "2026-11-29T23:59Z"):
        due = weekly(NINE, at(now), UTC)
        assert due is not None
        assert due.day == date(2026, 11, 23)
        assert (due.span.days[0], due.span.days[-1]) == (date(2026, 11, 16), date(2026, 11, 22))
    assert earlier(due.span).days[0] == date(2026, 11, 9)
    assert len(so_far(at("2026-11-25T12:00Z"), UTC).days) == 7


def test_nothing_to_say_is_not_said() -> None:
    """A machine that stands is something for a digest, and no reason for a week's report."""
    standing = Standing(
        title="RTX 4090", owner="Ada", per_hour=Usd.of("0.3"), since=NOW, stopped=False
    )

    assert report_words.bulletin(the_digest(), 1, facts(the_digest())) is None
    assert report_words.bulletin(the_week(), 1, facts(the_week(), standing=[standing])) is None
    told = report_words.bulletin(the_digest(), 1, facts(the_digest(), standing=[standing]))
    assert told is not None
    assert told.audience is Audience.TEAM


def test_the_first_morning_is_not_told_what_the_day_before_it_cost() -> None:
    """A machine rented this morning is no part of yesterday, of which there is nothing else."""
    new = Standing(
        title="RTX 4090",
        owner="Ada",
        per_hour=Usd.of("0.3"),
        since=at("2026-11-24T08:00Z"),
        stopped=False,
    )

    assert report_words.bulletin(the_digest(), 1, facts(the_digest(), standing=[new])) is None


def test_a_digest_says_who_runs_what_what_it_cost_and_what_was_saved() -> None:
    """What stopped and still costs is named apart; names have no effect as mark-up."""
    due = the_digest()
    running = Standing(
        title="RTX 4090", owner="Ada", per_hour=Usd.of("0.318"), since=NOW, stopped=False
    )
    stopped = Standing(
        title="data @everyone", owner="B*n", per_hour=Usd.of("0.021"), since=NOW, stopped=True
    )
    told = report_words.bulletin(
        due,
        7,
        facts(
            due,
            people=[
                Share(name="Ada", amount=Usd.of("8.20"), machines=2),
                Share(name="B*n", amount=Usd.of("4.20"), machines=1),
            ],
            standing=[running, stopped],
            saved=Saved(Usd.of("6.30"), 2),
        ),
    )

    assert told is not None
    assert (told.key, told.guild_id) == ("report/daily/7/2026-11-24", 7)
    assert told.title == "Yesterday: $12.40 spent"
    assert "Ada: $8.20 on 2 machines\nBn: $4.20 on 1 machine" in told.text
    assert "Running now:\nRTX 4090 of Ada, $0.318/h" in told.text
    assert "Stopped, and their disks still cost:\ndata everyone of Bn, $0.021/h" in told.text
    assert "About $6.30 saved by ending 2 idle machines" in told.text
    assert "09:00 of the owner's next morning" in told.text


def test_a_week_has_a_picture_whose_colours_its_text_names() -> None:
    """The trend stands in both; the picture is said in words, too."""
    due = the_week()
    day = tuple(Usd.of(1) for _ in due.span.days)
    picture = Picture(
        title="x", days=tuple(due.span.days), series=(Series("Ada", day), Series("李雷", day))
    )
    told = report_words.bulletin(
        due,
        7,
        facts(
            due,
            people=[
                Share(name="Ada", amount=Usd.of(7), machines=2),
                Share(name="李雷", amount=Usd.of(7), machines=1),
            ],
            kinds=[Share(name="RTX 4090", amount=Usd.of(14), machines=3)],
            before=Usd.of(16),
            picture=picture,
        ),
    )

    assert told is not None
    assert told.title == "Last week: $14.00 spent"
    assert told.text.startswith("13 % less than the week before ($16.00).")
    assert "🟦 Ada: $7.00 on 2 machines\n🟧 李雷: $7.00 on 1 machine" in told.text
    assert "What:\nRTX 4090: $14.00 on 3 machines" in told.text
    assert told.picture is not None
    assert told.picture.title == "$14.00 last week"
    assert told.picture.note == "13 % less than the week before ($16.00)."
    assert key(told.picture) == ["🟦 Ada $7.00", "🟧 李雷 $7.00"]
    assert described(told.picture) == (
        "$14.00 last week: $14.00 in all, most on 16 November ($2.00). Ada $7.00, 李雷 $7.00."
    )


@pytest.mark.parametrize(
    ("total", "before", "said"),
    [
        ("14", "0", "Nothing was spent the week before."),
        ("14", "14", "As much as the week before ($14.00)."),
        ("28", "14", "100 % more than the week before ($14.00)."),
        ("14", "28", "50 % less than the week before ($28.00)."),
    ],
)
def test_a_trend_is_told_beside_the_week_before(total: str, before: str, said: str) -> None:
    assert report_words.trend(Usd.of(total), Usd.of(before)) == said


def test_a_report_of_many_stays_short() -> None:
    """Ten are named, the others counted."""
    due = the_digest()
    people = [Share(name=f"P{n}", amount=Usd.of(1), machines=1) for n in range(25)]

    told = report_words.bulletin(due, 1, facts(due, people=people))

    assert told is not None
    assert "P9: " in told.text
    assert "P10: " not in told.text
    assert "… and 15 more" in told.text
    assert len(described(_crowded())) <= 250


def _crowded() -> Picture:
    series = tuple(Series("n" * 80, (Usd.of(1),)) for _ in range(7))
    return Picture(title="t" * 80, days=(date(2026, 11, 1),), series=series)


def idle(gone: str, **changes: object) -> Saved:
    row = rental(
        reason=Reason.IDLE,
        created_at=at("2026-11-23T10:00Z"),
        gone_at=at(gone),
        **changes,
    )
    assert row.per_hour == row.price.per_hour(row.wish.disk_gb)
    return saved(row, BERLIN)


def test_an_idle_machine_would_have_run_until_morning() -> None:
    """Its owner's, by their clock: from 23:00 in Berlin it is ten hours to nine."""
    rate = rental().per_hour

    assert idle("2026-11-23T22:00Z") == Saved(rate.times(10), 1)
    assert idle("2026-11-24T02:00Z") == Saved(rate.times(6), 1)


def test_or_until_its_planned_end_if_that_comes_first() -> None:
    """A plan that reaches beyond the morning, or was over already, changes nothing."""
    rate = rental().per_hour

    assert idle("2026-11-23T22:00Z", hours=14) == Saved(rate.times(2), 1)
    assert idle("2026-11-23T22:00Z", hours=100) == Saved(rate.times(10), 1)
    assert idle("2026-11-23T22:00Z", hours=3) == Saved(rate.times(10), 1)


def test_only_idle_machines_that_are_gone_have_saved_anything() -> None:
    """What its owner ended, they would have ended anyway."""
    assert saved(rental(reason=Reason.RELEASED, gone_at=NOW), UTC) == Saved()
    assert saved(rental(reason=Reason.IDLE), UTC) == Saved()


def test_a_morning_is_the_next_one_whatever_the_clocks_do() -> None:
    """The night of a change is an hour shorter or longer."""
    assert next_morning(at("2026-03-28T23:00Z"), BERLIN) == at("2026-03-29T07:00Z")
    assert next_morning(at("2026-10-24T22:00Z"), BERLIN) == at("2026-10-25T08:00Z")
    assert next_morning(at("2026-11-23T08:00Z"), BERLIN) == at("2026-11-24T08:00Z")


def test_kinds_of_report_are_two() -> None:
    """Their values are in the database: a third needs a migration."""
    assert [kind.value for kind in Kind] == ["daily", "weekly"]
