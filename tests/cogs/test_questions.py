"""The idle question in chat: asked once, answered by its buttons, and true afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import discord
import pytest
from sqlalchemy import update

from bot.adapters.storage.tables import letters
from bot.client import Bellhop, Services
from bot.domain.evidence import Fact
from bot.domain.evidence import Kind as Seen
from bot.domain.idle import Active, Asked, Judgement, Verdict, Word
from bot.domain.idle_memory import Asking, Memory, Question, begin
from bot.domain.letters import Kind, Writing, written
from bot.domain.rentals import Reason, Rental, State
from bot.domain.standing import report
from tests.cogs.conftest import Chat, text

HOUR = timedelta(hours=1)
FACTS = (
    Fact(Seen.PERSON, 62),
    Fact(Seen.GPU, 0),
    Fact(Seen.GPU_MEMORY, 20_000),
    Fact(Seen.KERNELS_IDLE, 1),
    Fact(Seen.TAB, 1),
)


async def judged(
    chat: Chat, rental: Rental, verdict: Verdict, *words: Word, **changes: Any
) -> None:
    """What the idle watch writes when it comes to this verdict."""
    known = await chat.store.remembered(rental.id)
    before = known.memory if known is not None else begin(chat.clock.now() - HOUR)
    question = verdict.question if isinstance(verdict, Asked) else None
    memory = replace(before, **({"question": question, "seen_at": chat.clock.now()} | changes))
    judgement = Judgement(memory, verdict, words)
    await chat.store.remember(
        rental.id,
        memory,
        version=known.version if known is not None else 0,
        report=report(judgement),
        letters=written(before, judgement),
        show=True,
    )


def a_question(chat: Chat, *, ends: bool = True, kind: Asking = Asking.IDLE) -> Question:
    now = chat.clock.now()
    return Question(kind=kind, asked_at=now, deadline=now + HOUR if ends else None)


async def asked(chat: Chat, *, ends: bool = True) -> tuple[Rental, discord.Message]:
    """Ada's machine looks idle, and the question has arrived."""
    rental = await chat.ready(name="fastbook")
    await judged(chat, rental, Asked(a_question(chat, ends=ends), FACTS), Word.ASK)
    await chat.write()
    (message,) = direct(chat)
    return rental, message


def direct(chat: Chat) -> list[discord.Message]:
    """Ada's direct messages from us, oldest first."""
    return chat.ada.user.dm_channel.history()


def closed(chat: Chat, *, times: int | None = 1, status: int = 403, code: int = 50007) -> None:
    path = f"/channels/{chat.ada.user.dm_channel.id}/messages"
    chat.env.inject_error("POST", path, status=status, code=code, times=times)


def pinged(chat: Chat) -> list[Any]:
    """Whom the letters in the channel were allowed to ring for."""
    path = f"/channels/{chat.channel.id}/messages"
    sent = [one for one in chat.env.http_requests if one.method == "POST" and one.path == path]
    return [one.json["allowed_mentions"] for one in sent[1:]]  # the first is the card


async def memory_of(chat: Chat, rental: Rental) -> Memory:
    known = await chat.store.remembered(rental.id)
    assert known is not None
    return known.memory


async def test_the_question_says_what_was_measured_and_what_happens_when(chat: Chat) -> None:
    """In plain words, with the price meanwhile, what an archive does not hold, and four answers."""
    _, message = await asked(chat)

    shown = text(message)
    until = int((chat.clock.now() + HOUR).timestamp())
    assert "Is fastbook still needed?" in shown
    assert "no keystroke for 62 min, GPU 0 %, 20 GB of GPU memory held, 1 idle kernel" in shown
    assert f"Without an answer it is archived <t:{until}:R>, at <t:{until}:f>" in shown
    assert "It costs $0.222/h meanwhile" in shown
    assert "Save your notebooks" in shown
    assert shown.splitlines()[-4:] == [
        "Keep 4 h",
        "Keep until tomorrow",
        "Archive and destroy now",
        "Archive now, keep running",
    ]


async def test_where_something_may_be_at_work_nothing_is_ended_by_itself(chat: Chat) -> None:
    """And the question says so."""
    _, message = await asked(chat, ends=False)

    assert "Nothing is ended by itself" in text(message)


async def test_the_card_shows_the_question_and_the_reasons(chat: Chat) -> None:
    """Whoever looks into the channel sees why."""
    await asked(chat)

    await chat.deliver()

    shown = text(chat.cards[0])
    assert "Idle watch: its owner was asked <t:" in shown
    assert "archived and destroyed <t:" in shown
    assert "no keystroke for 62 min" in shown


async def test_status_always_shows_the_verdict_and_its_reasons(chat: Chat) -> None:
    """Also while nothing is asked."""
    rental = await chat.ready()
    unseen = await chat.ada.slash(chat.channel, "status")
    await judged(chat, rental, Active((Fact(Seen.GPU, 97),)))

    seen = await chat.ada.slash(chat.channel, "status")

    assert "Idle watch: it has not been looked at yet." in text(unseen.response)
    assert "Idle watch: in use." in text(seen.response)
    assert "GPU 97 % (looked <t:" in text(seen.response)


async def test_keep_for_four_hours_answers_the_question(chat: Chat) -> None:
    """The memory knows it, the message says it and has no buttons any more."""
    rental, message = await asked(chat)

    answer = await chat.ada.user.click(message, label="Keep 4 h")
    await chat.write()

    memory = await memory_of(chat, rental)
    assert memory.kept_until == chat.clock.now() + 4 * HOUR
    assert memory.question is None
    assert "Kept until <t:" in text(answer.response)
    (message,) = direct(chat)[:1]
    assert "Answered: it stays until <t:" in text(message)
    assert "Keep 4 h" not in text(message)


async def test_keep_until_tomorrow_is_the_next_morning_in_the_teams_zone(chat: Chat) -> None:
    """09:00 there, which in November is 08:00 UTC in Berlin."""
    await chat.store.change_policy({"zone": '"Europe/Berlin"'}, by=None)
    rental, message = await asked(chat)

    await chat.ada.user.click(message, label="Keep until tomorrow")

    kept = (await memory_of(chat, rental)).kept_until
    assert kept is not None
    assert f"tomorrow is <t:{int(kept.timestamp())}:f>" in text(message)
    assert f"{kept:%d %H:%M}" == "23 08:00"


async def test_archive_and_destroy_now_ends_it_by_its_owner(chat: Chat) -> None:
    """Archived first: no work is given up."""
    rental, message = await asked(chat)

    answer = await chat.ada.user.click(message, label="Archive and destroy now")
    await chat.write()

    row = await chat.again(rental.id)
    assert (row.ended_by, row.waived_by, row.reason) == (chat.ada.id, None, Reason.RELEASED)
    assert row.released_at == chat.clock.now()
    assert "Its work is archived first" in text(answer.response)
    assert "asked for its end" in text(direct(chat)[0])


async def test_archive_now_keeps_it_running_and_tells_when_it_is_proven(chat: Chat) -> None:
    """The message waits for the proof."""
    rental, message = await asked(chat)
    await chat.ada.user.click(message, label="Archive now, keep running")
    await chat.write()
    row = await chat.again(rental.id)
    assert (row.save_asked_at, row.released_at) == (chat.clock.now(), None)
    assert not any("is saved" in text(one) for one in direct(chat))

    now = chat.clock.turn(timedelta(minutes=2))
    await chat.change(rental.id, save_asked_at=None, proven_at=now, archive_id="a1")
    await chat.write()

    assert "fastbook is saved" in text(direct(chat)[-1])
    assert "It keeps running." in text(direct(chat)[-1])


async def test_buttons_of_a_question_work_after_a_restart(chat: Chat, services: Services) -> None:
    """What they are about is in their ids."""
    rental, _message = await asked(chat)
    old = chat.env.bot
    await chat.env.restart_bot(Bellhop(services=services))
    await old.close()

    await chat.ada.user.click(direct(chat)[0], label="Keep 4 h")

    assert (await memory_of(chat, rental)).kept_until is not None


async def test_a_late_answer_says_how_things_stand(chat: Chat) -> None:
    """The machine is gone, its work is not."""
    rental, message = await asked(chat)
    now = chat.clock.turn(2 * HOUR)
    await chat.change(
        rental.id,
        state=State.CLOSED,
        reason=Reason.IDLE,
        released_at=now,
        proven_at=now,
        archive_id="a1",
        gone_at=now,
        closed_at=now,
    )

    answer = await chat.ada.user.click(message, label="Keep 4 h")
    ended = await chat.ada.user.click(message, label="Archive and destroy now")
    await chat.write()

    assert f"It was archived <t:{int(now.timestamp())}:f> and destroyed" in text(answer.response)
    assert "/archives restore" in text(answer.response)
    assert "It is gone already." in text(ended.response)
    assert "It was archived" in text(direct(chat)[0])
    assert "Keep 4 h" not in text(direct(chat)[0])
    assert (await chat.again(rental.id)).state is State.CLOSED


async def test_an_unanswered_machine_can_be_kept_while_it_is_archived(chat: Chat) -> None:
    """The question says what goes on; Keep takes the end back."""
    rental, _ = await asked(chat)
    now = chat.clock.turn(HOUR)
    await chat.change(
        rental.id, state=State.ARCHIVING, released_at=now, reason=Reason.IDLE, phase_at=now
    )
    await chat.write()
    await chat.deliver()
    assert "fastbook is being archived" in text(direct(chat)[0])
    assert "Keep 4 h" in text(chat.cards[0])

    await chat.ada.click(chat.cards[0], label="Keep 4 h")
    await chat.write()

    row = await chat.again(rental.id)
    assert (row.released_at, row.reason) == (None, None)
    assert "Answered: it stays until" in text(direct(chat)[0])


async def test_keep_does_not_undo_what_a_person_asked_for(chat: Chat) -> None:
    """Whoever asked for the end is named."""
    rental, message = await asked(chat)
    await chat.ada.user.click(message, label="Archive and destroy now")

    answer = await chat.ada.user.click(message, label="Keep 4 h")

    assert f"<@{chat.ada.id}> asked for its end" in text(answer.response)
    assert (await chat.again(rental.id)).released_at is not None


async def test_closed_direct_messages_lead_to_the_channel(chat: Chat) -> None:
    """There the owner is named, and only they or a lead may answer."""
    rental = await chat.ready(name="fastbook")
    closed(chat)
    await judged(chat, rental, Asked(a_question(chat), FACTS), Word.ASK)

    await chat.write()

    question = chat.cards[-1]
    assert f"<@{chat.ada.id}>, It looks idle" in text(question)
    assert pinged(chat) == [{"parse": [], "users": [chat.ada.id]}]
    refused = await chat.ben.click(question, label="Keep 4 h")
    assert "belongs to somebody else" in text(refused.response)
    await chat.lead.click(question, label="Keep 4 h")
    assert (await memory_of(chat, rental)).kept_until is not None


async def test_the_card_is_not_mistaken_for_a_letter_in_its_channel(chat: Chat) -> None:
    """Both have buttons about the same rental."""
    rental = await chat.ready(name="fastbook")
    closed(chat)
    await judged(chat, rental, Asked(a_question(chat), FACTS), Word.ASK)
    await chat.write()
    question = chat.cards[-1].id
    await chat.store.card_posted(rental.id, None)  # type: ignore[arg-type]
    (notice,) = [one for one in await chat.store.due(chat.clock.now())]
    await chat.store.trying(notice, chat.clock.now())

    await chat.deliver()

    assert question != (await chat.again(rental.id)).message_id
    assert len(chat.cards) == 2


async def test_the_leads_read_that_the_owner_could_not_be_asked(chat: Chat) -> None:
    """And that nothing ends by itself then, instead of a time that moves on and on."""
    rental, now = await chat.ready(name="fastbook"), chat.clock.now()
    await judged(chat, rental, Asked(a_question(chat), FACTS), Word.ASK)
    (letter,) = await chat.store.letters_of(rental.id)
    await chat.store.letter_done(letter, now, error="50001")
    to_leads = Writing(kind=Kind.ASK_LEADS, at=now, facts=FACTS, asked_at=now)
    await chat.store.write_letter(rental.id, to_leads)

    await chat.write()

    shown = text(chat.cards[-1])
    assert "cannot be written to" in shown
    assert "the question has not reached its owner" in shown
    assert "archived" not in shown


async def test_the_leads_are_asked_in_the_channel_and_nobody_is_pinged(chat: Chat) -> None:
    """The owner was asked, reminded, and did not answer."""
    rental, _ = await asked(chat, ends=False)
    question = (await memory_of(chat, rental)).question
    assert question is not None
    chat.clock.turn(6 * HOUR)
    await judged(chat, rental, Asked(question, FACTS), Word.REMIND, Word.ASK_LEADS)

    await chat.write()

    assert "Again: is fastbook still needed?" in text(direct(chat)[-1])
    assert "For the leads: is fastbook still needed?" in text(chat.cards[-1])
    assert pinged(chat)[-1] == {"parse": []}
    await chat.lead.click(chat.cards[-1], label="Archive and destroy now")
    assert (await chat.again(rental.id)).ended_by == chat.lead.id


async def test_life_withdraws_the_question_and_says_so(chat: Chat) -> None:
    """The message is edited, and a quiet one tells what was seen."""
    rental, _ = await asked(chat)
    chat.clock.turn(timedelta(minutes=5))
    await judged(chat, rental, Active((Fact(Seen.GPU, 97),)), Word.CANCEL)

    await chat.write()

    first, second = direct(chat)
    assert "Withdrawn: there was a sign of life." in text(first)
    assert "Keep 4 h" not in text(first)
    assert "The question is withdrawn: GPU 97 %" in text(second)
    assert second.flags.suppress_notifications
    assert await chat.write() == 0


async def test_a_question_that_was_answered_before_it_was_sent_is_not_sent(chat: Chat) -> None:
    """Discord was away meanwhile; nor is its withdrawal told."""
    rental = await chat.ready()
    await judged(chat, rental, Asked(a_question(chat), FACTS), Word.ASK)
    chat.clock.turn(timedelta(minutes=5))
    await judged(chat, rental, Active((Fact(Seen.GPU, 97),)), Word.CANCEL)

    assert await chat.write() == 0
    assert direct(chat) == []


async def test_a_deadline_that_moves_is_shown(chat: Chat) -> None:
    """The same message, edited."""
    rental, _ = await asked(chat)
    question = (await memory_of(chat, rental)).question
    assert question is not None
    assert question.deadline is not None
    later = replace(question, deadline=question.deadline + HOUR)
    await judged(chat, rental, Asked(later, FACTS))

    await chat.write()

    (message,) = direct(chat)
    assert f"<t:{int((question.deadline + HOUR).timestamp())}:R>" in text(message)


async def test_an_end_that_comes_into_view_later_is_told_anew(chat: Chat) -> None:
    """The owner had read that nothing ends by itself."""
    rental, _ = await asked(chat, ends=False)
    question = (await memory_of(chat, rental)).question
    assert question is not None
    now = chat.clock.turn(HOUR)
    await judged(chat, rental, Asked(replace(question, deadline=now + HOUR), FACTS))

    await chat.write()

    assert len(direct(chat)) == 2
    assert "Again: is fastbook still needed?" in text(direct(chat)[1])
    assert "Without an answer it is archived" in text(direct(chat)[1])


async def test_a_letter_survives_a_crash_between_writing_and_sending(
    chat: Chat, services: Services
) -> None:
    """It is a row, and the next process sends it."""
    rental = await chat.ready()
    await judged(chat, rental, Asked(a_question(chat), FACTS), Word.ASK)
    old = chat.env.bot
    await chat.env.restart_bot(Bellhop(services=services))
    await old.close()

    assert await chat.write() == 1
    assert await chat.write() == 0
    assert len(direct(chat)) == 1


async def test_while_discord_is_away_a_letter_waits(chat: Chat) -> None:
    """A closed door leads to the channel; one that does not open just now does not."""
    rental = await chat.ready()
    await judged(chat, rental, Asked(a_question(chat), FACTS), Word.ASK)
    closed(chat, status=429, code=0, times=None)
    assert await chat.write() == 0
    chat.clock.turn(timedelta(minutes=1))

    assert await chat.write() == 0
    assert direct(chat) == []
    assert len(chat.cards) == 1
    (letter,) = await chat.store.letters_of(rental.id)
    assert letter.tries == 2


async def test_a_letter_whose_answer_was_lost_is_not_sent_twice(chat: Chat) -> None:
    """The next try looks for it first, and keeps it up to date from then on."""
    rental, _ = await asked(chat)
    (letter,) = [one for one in await chat.store.letters_of(rental.id) if one.kind is Kind.ASK]
    await _forget_receipt(chat, letter.id)

    assert await chat.write() == 1

    assert len(direct(chat)) == 1
    (again,) = await chat.store.letters_of(rental.id)
    assert again.place == letter.place


async def test_a_question_is_one_however_often_it_is_written(chat: Chat) -> None:
    """Rental, kind and moment make it one."""
    rental, _ = await asked(chat)
    (letter,) = await chat.store.letters_of(rental.id)

    await chat.store.write_letter(rental.id, letter.writing)
    await chat.write()

    assert len(direct(chat)) == 1


async def test_a_deleted_question_is_not_asked_again(chat: Chat) -> None:
    """Whoever deleted it has read it."""
    _rental, message = await asked(chat)
    await chat.ada.user.click(message, label="Keep 4 h")
    await message.delete()

    await chat.write()

    assert not any("Is fastbook" in text(one) for one in direct(chat))


async def test_who_has_left_the_server_decides_nothing_any_more(chat: Chat) -> None:
    """The direct message is still there; the machine is the team's."""
    rental, message = await asked(chat)
    chat.env.inject_error("GET", f"/guilds/*/members/{chat.ada.id}", status=404, code=10007)

    answer = await chat.ada.user.click(message, label="Keep 4 h")

    assert "You are not in that server any more." in text(
        (answer.followups or [answer.response])[0]
    )
    assert (await memory_of(chat, rental)).kept_until is None


async def test_in_quiet_hours_nobody_is_asked(chat: Chat) -> None:
    """The question waits for the morning, and its deadline with it."""
    await chat.store.change_policy({"quiet": '"11-14"'}, by=None)
    rental = await chat.ready(name="fastbook")
    await judged(chat, rental, Asked(a_question(chat), FACTS), Word.ASK)
    assert await chat.write() == 0

    now = chat.clock.turn(2 * HOUR)
    await chat.write()

    (message,) = direct(chat)
    assert f"<t:{int((now + HOUR).timestamp())}:R>" in text(message)


async def test_a_failed_archive_is_told_in_words(chat: Chat) -> None:
    """With what to do; the machine stays."""
    rental = await chat.ready(name="fastbook")
    failed = Writing(kind=Kind.SAVE_FAILED, at=chat.clock.now(), detail="Not archived: disk full.")
    await chat.store.write_letter(rental.id, failed)

    await chat.write()

    shown = text(direct(chat)[0])
    assert "fastbook could not be archived" in shown
    assert "Not archived: disk full." in shown
    assert "The machine keeps running" in shown


@pytest.mark.parametrize("hours", [1, 168])
async def test_keep_by_command_lasts_as_long_as_asked(chat: Chat, hours: int) -> None:
    """Up to a week."""
    rental = await chat.ready()

    answer = await chat.ada.slash(chat.channel, "keep", hours=hours)

    assert "Kept until" in text(answer.response)
    assert (await memory_of(chat, rental)).kept_until == chat.clock.now() + hours * HOUR


async def test_save_by_command_asks_for_an_archive(chat: Chat) -> None:
    """Twice is once."""
    rental = await chat.ready()

    answer = await chat.ada.slash(chat.channel, "save")
    chat.clock.turn(timedelta(minutes=1))
    await chat.ada.slash(chat.channel, "save", rental=rental.id)

    assert "It keeps running" in text(answer.response)
    assert (await chat.again(rental.id)).save_asked_at == chat.clock.now() - timedelta(minutes=1)
    assert len(await chat.store.letters_of(rental.id)) == 1


async def test_a_machine_that_is_starting_is_neither_kept_nor_saved(chat: Chat) -> None:
    """There is nothing on it yet."""
    await chat.rented()

    for command in ("keep", "save"):
        answer = await chat.ada.slash(chat.channel, command)
        assert "This machine is not ready yet." in text(answer.response)


async def test_giving_work_up_takes_two_words_and_names_what_is_lost(chat: Chat) -> None:
    """By command or by button, the last one is red."""
    rental = await chat.ready()
    question = await chat.ada.slash(chat.channel, "destroy", rental=rental.id, discard=True)

    await chat.ada.click(question.response, label="Destroy without archive")
    assert "notebooks, data, models" in text(question.response)
    assert (await chat.again(rental.id)).released_at is None
    await chat.ada.click(question.response, label="Lose it and destroy")

    row = await chat.again(rental.id)
    assert (row.waived_by, row.ended_by) == (chat.ada.id, chat.ada.id)


async def test_an_end_that_waits_for_its_archive_can_be_hurried(chat: Chat) -> None:
    """A lead gives the work up; who asked for the end stays named."""
    rental = await chat.ready()
    sure = await chat.ada.slash(chat.channel, "destroy", rental=rental.id)
    await chat.ada.click(sure.response, label="Archive and destroy")

    question = await chat.lead.slash(chat.channel, "destroy", rental=rental.id, discard=True)
    await chat.lead.click(question.response, label="Destroy without archive")
    await chat.lead.click(question.response, label="Lose it and destroy")

    row = await chat.again(rental.id)
    assert (row.waived_by, row.ended_by) == (chat.lead.id, chat.ada.id)


async def _forget_receipt(chat: Chat, letter_id: str) -> None:
    """As after a kill between Discord's answer and our writing it down."""
    async with chat.store._database.writing() as connection:  # type: ignore[attr-defined]
        await connection.execute(
            update(letters)
            .where(letters.c.id == letter_id)
            .values(channel_id=None, message_id=None, delivered_at=None, shown="", tries=1)
        )
