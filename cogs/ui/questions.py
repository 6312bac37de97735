"""Letters as messages: the question whether a machine is still needed, and what else is told.

A question says what was measured and for how long, what happens when, what it costs meanwhile, and
what an archive does not hold. Once it is answered, withdrawn or over, the same message says so in
two lines and has no buttons.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.evidence import Kind as Seen
from bot.domain.idle_words import phrases
from bot.domain.letters import FOR_LEADS, Kind, Stand
from bot.domain.money import hourly
from bot.domain.quiet_hours import tomorrow
from bot.domain.rentals import Reason, Rental, State
from bot.domain.sweep import ownerless
from bot.domain.tally import by_row
from bot.ports.chat import Page
from cogs.ui import buttons, cards, look, receipts, retries, words

_UNSAVED = frozenset({Seen.TAB, Seen.KERNELS_IDLE, Seen.KERNELS_BUSY, Seen.RESULTS})


def letter(page: Page) -> look.Card:
    """The message of a letter as it is at this moment."""
    match page.letter.kind:
        case Kind.ASK | Kind.ASK_LEASE | Kind.REMIND | Kind.ASK_LEADS:
            return _question(page)
        case Kind.CANCEL:
            words = f"The question is withdrawn: {_facts(page)}. It stays as it is."
            return _told(page, "is in use again", words, look.READY)
        case Kind.BLIND | Kind.BLIND_LEADS:
            return _told(page, "cannot be looked at", _blind(page), look.ENDING)
        case Kind.SEEN:
            return _told(page, "can be looked at again", f"{_facts(page)}.", look.READY)
        case Kind.SAVED:
            return _told(page, "is saved", _saved(page.rental), look.READY)
        case Kind.SAVE_FAILED | Kind.SAVE_FAILED_LEADS:
            return _told(page, "could not be archived", _failed(page), look.FAILED)
        case Kind.BILL_LEADS:
            words = f"{page.letter.writing.detail} The difference is in the books."
            return _told(page, "cost something else than we had reckoned", words, look.ENDING)
        case Kind.BUDGET | Kind.BUDGET_LEADS:
            return _budget(page)
        case Kind.TOO_LARGE | Kind.TOO_LARGE_LEADS:
            return retries.too_large(page, cards.title(page.rental), _over(page.rental))
        case Kind.AHEAD_FAILED:
            return _told(page, "has no fresh archive", _no_archive(page), look.ENDING)
        case Kind.VANISHED:
            return _told(page, "is gone", retries.vanished(page.rental), look.FAILED)
        case Kind.RECEIPT:
            return receipts.receipt(page)
        case Kind.NOT_MOVED:
            return _told(page, "was not moved", _not_moved(page.rental), look.FAILED)
        case Kind.EXPIRES | Kind.EXPIRES_SOON:
            return retries.expires(page)


def kept(rental: Rental, until: datetime) -> look.Card:
    return look.card(
        f"### Kept until {look.moment(until)}\n"
        f"{cards.title(rental)} stays until then, however idle it looks. It costs "
        f"{hourly(rental.per_hour)} meanwhile; /destroy ends it sooner."
    )


def saving(rental: Rental) -> look.Card:
    return look.card(
        f"### Archiving {cards.title(rental)}\n"
        "It keeps running. You get a message when the archive is proven, or why it is not."
    )


def too_late(rental: Rental) -> look.Card:
    """How things stand, for whoever answers when there is nothing left to decide."""
    return look.card(f"### {cards.title(rental)}\n{_over(rental)}")


def _question(page: Page) -> look.Card:
    if page.stand is Stand.OPEN:
        return _open(page)
    rental = page.rental
    if page.stand is Stand.ENDING:
        return look.card(
            look.lines(
                f"### {cards.title(rental)} is being archived",
                "Nobody answered. Once the archive is proven, and if there is still no sign of "
                "life, it is destroyed. Until then you can keep it.",
            ),
            _small_print(page),
            colour=look.ENDING,
            controls=[buttons.KeepHours(rental.id), buttons.KeepTomorrow(rental.id)],
        )
    return look.card(
        look.lines(f"### {cards.title(rental)}", _settled(page)),
        _small_print(page),
        colour=look.ENDED,
    )


def _open(page: Page) -> look.Card:
    rental = page.rental
    leads = page.letter.kind is Kind.ASK_LEADS or ownerless(rental)
    owner = f"<@{rental.owner_id}>, " if page.public and not leads else ""
    return look.card(
        look.lines(
            f"### {_asking(page)}",
            f"{owner}{_why(page)} {_facts(page)}.",
            _what_happens(page),
        ),
        look.lines(_meanwhile(page), _unsaved(page)),
        _small_print(page, zone=True),
        colour=look.ENDING,
        controls=[
            buttons.KeepHours(rental.id),
            buttons.KeepTomorrow(rental.id),
            buttons.ArchiveAndEnd(rental.id),
            buttons.ArchiveAndStay(rental.id),
        ],
    )


def _asking(page: Page) -> str:
    title = cards.title(page.rental)
    match page.letter.kind:
        case Kind.ASK_LEADS:
            return f"For the leads: is {title} still needed?"
        case Kind.ASK if ownerless(page.rental):
            return f"For the leads: is {title}, which was taken in, still needed?"
        case Kind.ASK_LEASE:
            return f"{title} works, and nobody has been there for long"
        case Kind.REMIND:
            return f"Again: is {title} still needed?"
        case _:
            return f"Is {title} still needed?"


def _why(page: Page) -> str:
    match page.letter.kind:
        case Kind.ASK_LEADS if ownerless(page.rental):
            return "Nobody has answered, and whose it was is not known. What was measured:"
        case Kind.ASK_LEADS if _unheard(page):
            return f"Its owner <@{page.rental.owner_id}> cannot be written to. What was measured:"
        case Kind.ASK_LEADS:
            return f"Its owner <@{page.rental.owner_id}> has not answered. What was measured:"
        case Kind.ASK_LEASE:
            return "Is that meant so? What was measured:"
        case _:
            return "It looks idle:"


def _what_happens(page: Page) -> str:
    standing = page.standing
    ends_at = standing.ends_at if standing is not None else None
    if _unheard(page):
        return "**Nothing is ended by itself**, for the question has not reached its owner."
    if ends_at is None:
        return (
            "**Nothing is ended by itself**, for something may still be at work. "
            "Without an answer you are reminded, then the leads are asked."
        )
    return (
        f"**Without an answer it is archived {look.ago(ends_at)}, at {look.moment(ends_at)}**, "
        "and destroyed once the archive is proven. Any sign of life calls that off."
    )


def _unheard(page: Page) -> bool:
    return page.standing is not None and page.standing.unheard


def _meanwhile(page: Page) -> str:
    spent = cards.so_far(page.rental, page.tally or by_row(page.rental, page.now))
    return f"It costs {hourly(page.rental.per_hour)} meanwhile{f'; {spent}' if spent else ''}."


def _unsaved(page: Page) -> str:
    """Where a notebook is open: what no archive can hold."""
    if not any(fact.kind in _UNSAVED for fact in page.letter.writing.facts):
        return ""
    return (
        "Save your notebooks: what is only in the browser or in a kernel's memory is not in an "
        "archive."
    )


def _settled(page: Page) -> str:
    rental, standing = page.rental, page.standing
    match page.stand:
        case Stand.KEPT:
            until = standing.memory.kept_until if standing is not None else None
            if until is not None and until > page.now:
                return f"Answered: it stays until {look.moment(until)}."
            return "Answered: it stays."
        case Stand.ANSWERED | Stand.OVER:
            return _over(rental)
        case Stand.REPLACED:
            return "A newer question about it has taken the place of this one."
        case _:
            return "Withdrawn: there was a sign of life. It stays as it is."


def _over(rental: Rental) -> str:
    """What became of a rental that is ending or has ended."""
    archived = f"It was archived {look.moment(rental.proven_at)}" if rental.proven_at else ""
    back = "/archives restore brings its work onto another machine." if archived else ""
    if rental.state is State.CLOSED:
        gone = rental.gone_at or rental.closed_at
        when = f" {look.moment(gone)}" if gone else ""
        said = f"{archived} and destroyed{when}." if archived else f"It is gone{when}."
        return f"{said} {back}".strip()
    if rental.state is State.DESTROYING:
        said = f"{archived} and is being destroyed." if archived else "It is being destroyed."
        return f"{said} {back}".strip()
    if rental.released_at is not None and rental.ended_by is not None:
        return (
            f"<@{rental.ended_by}> asked for its end {look.ago(rental.released_at)}: it is "
            "archived first, then destroyed."
        )
    if rental.released_at is not None and rental.reason is Reason.IDLE:
        return "It is being archived, because nobody answered."
    return "It stays as it is."


def _blind(page: Page) -> str:
    facts = _facts(page)
    return (
        f"Whether it is used cannot be told, so nothing is ended: {facts}. It costs "
        f"{hourly(page.rental.per_hour)} meanwhile. Its card says what is wrong; /destroy ends it."
    )


def _saved(rental: Rental) -> str:
    proven = f" {look.moment(rental.proven_at)}" if rental.proven_at else ""
    stays = " It keeps running." if rental.state is State.READY else ""
    return (
        f"The archive was proven{proven}.{stays} /archives restore puts it onto another machine."
        f"\n{look.clean(rental.note, 300)}".rstrip()
    )


def _failed(page: Page) -> str:
    said = look.clean(page.letter.writing.detail, 400)
    return look.lines(
        said,
        f"The machine keeps running and costs {hourly(page.rental.per_hour)}. "
        f"{retries.line(page.rental)}".strip(),
        "/save or /destroy tries again at once, /keep calls it off; /destroy with discard ends it "
        "without an archive.",
    )


def _not_moved(rental: Rental) -> str:
    """Why, and that nothing was ended because of it."""
    why = words.failure(rental.reason or Reason.NOT_MOVED)
    if rental.reason is Reason.UNANSWERED:
        why = "Nobody said yes to the dearer machine in time."
    return look.lines(
        f"{why} {look.clean(rental.detail, 300)}".strip(),
        "Nothing was ended because of it. The old machine's card says how that one is; while it "
        "runs, Move there tries again.",
    )


def _no_archive(page: Page) -> str:
    """The night's archive did not work; nothing was asked for, and nothing ends because of it."""
    newest = retries.newest_archive(page.rental)
    said = look.clean(page.letter.writing.detail, 400)
    return look.lines(
        said,
        f"Its newest archive is from {look.moment(newest)}."
        if newest is not None
        else "There is no archive of it yet.",
        "It is tried again by itself; /save tries at once.",
    )


def _budget(page: Page) -> look.Card:
    """In the channel it names whose budget it is; a role's or the team's says so itself."""
    mine = page.public and page.letter.kind is Kind.BUDGET
    return look.card(
        f"### {page.letter.writing.detail}",
        f"-# <@{page.rental.owner_id}>" if mine else "",
        colour=look.ENDING,
    )


def _told(page: Page, what: str, words: str, colour: int) -> look.Card:
    """A message that asks nothing."""
    kind = page.letter.kind
    to = ""
    if kind in FOR_LEADS:
        to = "For the leads: "
    owner = f"<@{page.rental.owner_id}>: " if page.public and not to else ""
    return look.card(
        look.lines(f"### {to}{cards.title(page.rental)} {what}", f"{owner}{words}"),
        _small_print(page),
        colour=colour,
    )


def _facts(page: Page) -> str:
    return look.clean(", ".join(phrases(page.letter.writing.facts)), 700) or "nothing was measured"


def _small_print(page: Page, *, zone: bool = False) -> str:
    """What it is about, with the way there; and when tomorrow begins, by the reader's clock."""
    rental, standing = page.rental, page.standing
    about = "a machine"
    if rental.message_id is not None:
        about = f"[a machine]({look.message_url(rental)})"
    clock = ""
    if zone and standing is not None:
        clock = f" · tomorrow is {look.moment(tomorrow(page.now, standing.rules.zone))}"
    return f"-# About {about} of <@{rental.owner_id}>{clock}"
