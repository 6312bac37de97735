"""The idle verdict: what it takes for in use, what it asks, and what it never ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.evidence import Kind
from bot.domain.idle import Active, Asked, Kept, Quiet, Release, Unknown, Word
from bot.domain.idle_memory import Asking
from bot.domain.idle_policy import Policy
from bot.domain.samples import Gpu, Kernel, Notebook
from bot.errors import BadInput
from tests.domain.idle_course import (
    BUSY,
    IDLE,
    MINUTE,
    READY_AT,
    RESTING,
    Course,
    with_cpu,
    with_process,
    working,
)
from tests.domain.idle_replay import Replay
from tests.domain.idle_stories import play, stories, told

HOUR = timedelta(hours=1)


# --- The labelled timelines -----------------------------------------------------------------


def test_the_stories_end_as_they_should() -> None:
    """No false kill, at most 100 missed hours, at most 12 questions while in use."""
    outcomes = [play(Replay, story) for story in stories()]

    assert [one.story for one in outcomes if one.false_kill] == []
    assert sum(one.missed_h for one in outcomes) <= 100
    assert sum(one.asked_in_use for one in outcomes) <= 12


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.15, 1.3, 1.6])
def test_no_story_ends_in_a_false_kill_at_another_pace(factor: float) -> None:
    """The rule is right in general, and not because of the lengths in the stories."""
    outcomes = [play(Replay, told(story, factor)) for story in stories()]

    assert [one.story for one in outcomes if one.false_kill] == []


# --- The plain way --------------------------------------------------------------------------


def test_a_forgotten_machine_is_asked_about_and_then_released() -> None:
    """An hour of grace and quiet, a question, an hour for the answer."""
    course = Course().goes(59)
    assert isinstance(course.verdict, Quiet)
    assert course.verdict.asks_at == READY_AT + HOUR

    course.goes(1)
    assert isinstance(course.verdict, Asked)
    assert course.verdict.question.deadline == READY_AT + 2 * HOUR
    assert course.words() == [Word.ASK]

    course.goes(59)
    assert isinstance(course.verdict, Asked)
    course.goes(1)
    assert isinstance(course.verdict, Release)


def test_release_stays_until_somebody_acts() -> None:
    """The verdict does not destroy; asked again a minute later it says the same."""
    course = Course().goes(125)

    assert isinstance(course.verdict, Release)
    assert course.words() == [Word.ASK]


def test_any_sign_of_a_person_withdraws_the_question() -> None:
    """A key pressed ten minutes after the question is an answer to it."""
    course = Course().goes(70)
    course.types()
    course.goes(30)

    assert course.words() == [Word.ASK, Word.CANCEL]
    assert isinstance(course.verdict, Quiet)
    assert course.verdict.since == READY_AT + 70 * MINUTE


def test_a_key_in_any_terminal_is_a_person() -> None:
    """SSH and tmux have no relay: the terminal's own clock tells."""
    typed = replace(RESTING, typed_at=READY_AT + 100 * MINUTE)
    course = Course().goes(100).goes(59, typed)

    assert course.words() == [Word.ASK, Word.CANCEL]
    assert isinstance(course.verdict, Quiet)


def test_a_terminals_clock_that_jitters_is_nobody() -> None:
    """Ages are rounded to seconds: the same key may seem a second younger at the next look."""
    course = Course()
    for minute in range(130):
        typed_at = READY_AT + timedelta(seconds=minute % 2)
        course.goes(1, replace(RESTING, typed_at=typed_at))

    assert isinstance(course.verdict, Release)


def test_a_sign_from_the_future_is_of_this_moment() -> None:
    """A machine's clock set back must not keep it alive for the difference."""
    future = replace(RESTING, typed_at=READY_AT + 5 * HOUR)
    course = Course().goes(1, future).goes(121)

    assert isinstance(course.verdict, Release)


def test_one_strong_look_puts_the_end_off_and_two_withdraw_the_question() -> None:
    """A blip is no answer, but nothing ends within the hour after it."""
    blip = Course().goes(100).goes(1, working()).goes(59)
    assert isinstance(blip.verdict, Asked)
    assert blip.words() == [Word.ASK]
    assert isinstance(blip.goes(1).verdict, Release)

    work = Course().goes(100).goes(2, working())
    assert work.words() == [Word.ASK, Word.CANCEL]
    assert isinstance(work.verdict, Active)


# --- Keep and lease -------------------------------------------------------------------------


def test_keep_sets_the_clock_off_until_its_end() -> None:
    """Four hours kept, then an hour of quiet, a question, an hour to answer."""
    course = Course().goes(90)
    course.keeps(4 * HOUR)

    course.goes(240)
    assert course.words() == [Word.ASK]
    assert isinstance(course.verdict, Quiet)
    course.goes(60)
    assert course.at(Word.ASK) == [60, 390]
    assert isinstance(course.goes(60).verdict, Release)


def test_keep_pressed_after_the_release_takes_it_back() -> None:
    """Between the mark and the act a person may still say no."""
    course = Course().goes(121)
    assert isinstance(course.verdict, Release)

    course.keeps(HOUR)

    assert isinstance(course.goes(1).verdict, Kept)


def test_a_shorter_keep_does_not_shorten_a_longer_one() -> None:
    """Until tomorrow, and then by mistake for an hour: until tomorrow."""
    course = Course().goes(1)
    course.keeps(20 * HOUR)
    course.keeps(HOUR)

    course.goes(120)

    assert isinstance(course.verdict, Kept)
    assert course.verdict.until == READY_AT + MINUTE + 20 * HOUR


def test_work_without_a_person_is_asked_about_after_the_lease() -> None:
    """24 hours of a busy GPU: the owner, six hours later the leads, and no end by itself."""
    course = Course().goes(40 * 60, working())

    assert course.at(Word.ASK_LEASE) == [24 * 60]
    assert course.at(Word.ASK_LEADS) == [30 * 60]
    assert isinstance(course.verdict, Asked)
    assert course.verdict.question.kind is Asking.LEASE
    assert course.verdict.question.deadline is None


def test_a_loop_that_only_burns_the_processor_is_asked_about_sooner() -> None:
    """`while True: pass` looks like work for ever; only a person can tell."""
    course = Course().goes(30 * 60, with_cpu(1.0), BUSY)

    assert course.at(Word.ASK_LEASE) == [8 * 60]
    assert course.at(Word.ASK_LEADS) == [14 * 60]
    assert isinstance(course.verdict, Asked)


def test_work_that_ends_during_the_lease_question_is_asked_about_as_idle() -> None:
    """Then there is an end to be told, and time to answer."""
    course = Course().goes(25 * 60, working()).goes(61)

    assert course.words() == [Word.ASK_LEASE, Word.ASK]
    assert isinstance(course.verdict, Asked)
    assert course.verdict.question.kind is Asking.IDLE
    assert course.verdict.question.deadline is not None


def test_input_without_a_pause_for_a_day_is_no_person() -> None:
    """A widget that polls through the relay: asked about, never ended by itself."""
    course = Course()
    for _ in range(27 * 60):
        course.types()
        course.goes(1)

    assert course.at(Word.ASK)
    assert isinstance(course.verdict, Asked)
    assert course.verdict.question.deadline is None
    assert Kind.TIRELESS in {fact.kind for fact in course.verdict.facts}


# --- Weak evidence --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "notebook"),
    [
        (RESTING, BUSY),  # waits for a remote service, or for input()
        (with_process("sleep"), Notebook()),
        (with_process("vllm"), IDLE),
        (RESTING, None),  # Jupyter is silent: nobody knows what its kernels do
        (replace(RESTING, gpus=None, load=RESTING.load), Notebook()),
    ],
)
def test_something_weak_is_never_ended_unattended(
    machine: object, notebook: Notebook | None
) -> None:
    """The owner after an hour and a half and four hours later, then the leads; nothing else."""
    course = Course().goes(20 * 60, machine, notebook, vast=50.0)  # type: ignore[arg-type]

    assert course.at(Word.ASK) == [90]
    assert course.at(Word.REMIND) == [90 + 240]
    assert course.at(Word.ASK_LEADS) == [90 + 360]
    assert isinstance(course.verdict, Asked)
    assert course.verdict.question.deadline is None


def test_the_leads_are_asked_again_every_day() -> None:
    """A question nobody answers is not forgotten."""
    course = Course().goes(60 * 60, RESTING, BUSY)

    assert course.at(Word.ASK_LEADS) == [450, 450 + 24 * 60, 450 + 48 * 60]


def test_the_end_of_something_weak_starts_the_clock_again() -> None:
    """That is news, not idleness."""
    course = Course().goes(100, with_process("python")).goes(3)

    assert course.words() == [Word.ASK, Word.CANCEL]
    assert isinstance(course.verdict, Quiet)
    assert course.verdict.since == READY_AT + 100 * MINUTE
    assert isinstance(course.goes(117).verdict, Release)


def test_a_passing_process_is_no_news_and_only_puts_the_end_off() -> None:
    """A cron job of a minute at the deadline: looked at again ten minutes later."""
    course = Course().goes(119).goes(1, with_process("logrotate"))
    assert isinstance(course.verdict, Asked)

    course.goes(9)
    assert isinstance(course.verdict, Asked)
    assert isinstance(course.goes(1).verdict, Release)
    assert course.words() == [Word.ASK]


def test_a_result_that_is_in_memory_only_waits_eight_hours() -> None:
    """A silent cell ends at night: no archive holds what it computed."""
    course = Course()
    course.types()
    course.goes(300, RESTING, BUSY).goes(61, RESTING, IDLE)

    assert isinstance(course.verdict, Asked)
    assert course.verdict.question.deadline == READY_AT + 301 * MINUTE + 8 * HOUR
    assert Kind.RESULTS in {fact.kind for fact in course.verdict.facts}
    assert isinstance(course.goes(8 * 60 - 61, RESTING, IDLE).verdict, Asked)
    assert isinstance(course.goes(1, RESTING, IDLE).verdict, Release)


def test_a_result_is_gone_with_its_kernel() -> None:
    """A kernel that was restarted has nothing left to wait for."""
    restarted = Notebook(kernels=(Kernel("k1", "starting"),))
    course = Course().goes(30, RESTING, BUSY).goes(10, RESTING, IDLE).goes(120, RESTING, restarted)

    assert isinstance(course.verdict, Release)


def test_a_result_somebody_came_back_to_waits_no_longer() -> None:
    """A person has seen it since; from then on it is an ordinary pause."""
    course = Course().goes(30, RESTING, BUSY).goes(10, RESTING, IDLE)
    course.types()
    course.goes(120, RESTING, IDLE)

    assert isinstance(course.verdict, Release)


def test_nothing_ends_where_the_policy_forbids_it() -> None:
    """A preset may want questions only."""
    course = Course(policy=Policy(unattended=False)).goes(20 * 60)

    assert isinstance(course.verdict, Asked)
    assert course.verdict.question.deadline is None
    assert course.at(Word.ASK_LEADS) == [60 + 360]


# --- Unknown --------------------------------------------------------------------------------


def test_what_cannot_be_looked_at_is_never_ended() -> None:
    """The owner is told after half an hour, the leads after six hours; the clock stands still."""
    course = Course().goes(30).goes(20 * 60, None)

    assert isinstance(course.verdict, Unknown)
    assert course.verdict.since == READY_AT + 31 * MINUTE
    assert course.at(Word.BLIND) == [61]
    assert course.at(Word.BLIND_LEADS) == [31 + 360]
    course.goes(29)
    assert isinstance(course.verdict, Quiet)
    course.goes(2)
    assert course.at(Word.ASK) == [30 + 20 * 60 + 30]


def test_an_outage_during_the_question_moves_its_end() -> None:
    """The deadline waits as long as the outage took."""
    course = Course().goes(100).goes(300, None).goes(19)

    assert isinstance(course.verdict, Asked)
    assert isinstance(course.goes(1).verdict, Release)


def test_our_own_downtime_counts_as_unknown() -> None:
    """A bot that was down for a day does not come back and end everything."""
    course = Course().goes(100)
    course.away(24 * 60)

    course.goes(20)

    assert isinstance(course.verdict, Asked)
    assert isinstance(course.goes(1).verdict, Release)


def test_a_person_is_seen_even_while_the_machine_is_not() -> None:
    """The relay still carries what they type."""
    course = Course().goes(70).goes(5, None)
    course.types()
    course.goes(1, None)

    assert course.words() == [Word.ASK, Word.CANCEL]


def test_the_owner_is_not_called_while_vast_reports_work() -> None:
    """SSH is broken and the GPU at 95 %: there is nothing to do but wait."""
    course = Course().goes(10).goes(5 * 60, None, vast=95.0)

    assert course.words() == []
    assert isinstance(course.verdict, Unknown)


def test_it_is_said_when_a_machine_is_seen_again() -> None:
    """Whoever was told of the outage is told of its end."""
    course = Course().goes(10).goes(60, None).goes(1)

    assert course.words() == [Word.BLIND, Word.SEEN]


# --- Several GPUs, kernels, and odd ones ----------------------------------------------------


def test_one_gpu_of_four_at_work_is_work() -> None:
    """The other three prove nothing."""
    four = replace(RESTING, gpus=(Gpu(0, 2), Gpu(0, 2), Gpu(71, 18_000), Gpu(0, 2)))

    assert isinstance(Course().goes(300, four).verdict, Active)


def test_a_ghost_gpu_is_no_work() -> None:
    """100 % and no memory held, for nine days (a host's fault): said, not believed."""
    ghost = replace(RESTING, gpus=(Gpu(100, 3),))
    course = Course().goes(120, ghost)

    assert isinstance(course.verdict, Release)
    assert Kind.GHOST in {fact.kind for fact in course.verdict.facts}


def test_a_kernel_that_starts_for_ever_is_nothing() -> None:
    """It stays so until a client connects (seen on Jupyter 2.21)."""
    starting = Notebook(kernels=(Kernel("k1", "starting"),))

    assert isinstance(Course().goes(120, RESTING, starting).verdict, Release)


def test_a_stopped_jupyter_is_not_the_machine() -> None:
    """Its port refuses while SSH answers: that is known, and means nothing by itself."""
    down = Notebook(down=True)

    assert isinstance(Course().goes(200, working(), down).verdict, Active)
    assert isinstance(Course().goes(120, RESTING, down).verdict, Release)


def test_the_reasons_have_numbers() -> None:
    """Enough for: no key for 62 min, GPU 0 %, an idle kernel holding 20 GB, a tab is open."""
    held = replace(RESTING, gpus=(Gpu(0, 20_000),))
    course = Course()
    course.types()
    course.goes(62, held, IDLE)

    facts = {fact.kind: fact.value for fact in course.verdict.facts}
    assert facts[Kind.PERSON] == 62
    assert facts[Kind.GPU] == 0
    assert facts[Kind.GPU_MEMORY] == 20_000
    assert facts[Kind.KERNELS_IDLE] == 1
    assert facts[Kind.TAB] == 1


# --- Policy ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"idle": timedelta(minutes=29)}, "The idle time must be between 30 min and 4 h."),
        ({"answer": timedelta(hours=25)}, "The time to answer must be between 30 min and 24 h."),
        ({"lease": timedelta(days=8)}, "The lease must be between 4 h and 168 h."),
    ],
)
def test_a_policy_outside_its_bounds_is_refused(
    changes: dict[str, timedelta], sentence: str
) -> None:
    """With the bounds in the sentence."""
    with pytest.raises(BadInput) as caught:
        Policy(**changes)  # type: ignore[arg-type]

    assert caught.value.public == sentence


def test_times_may_be_short_for_a_demonstration() -> None:
    """Then the bounds are off, and the rule is the same."""
    quick = {"idle": 3 * MINUTE, "answer": 2 * MINUTE, "grace": timedelta(), "calm": MINUTE}
    course = Course(policy=Policy(bounds=False, **quick)).goes(5)  # type: ignore[arg-type]

    assert isinstance(course.verdict, Release)
