"""The card of a rental: the one public message that follows a machine from the wish to the bill."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain import credit
from bot.domain.ledger import HOUR
from bot.domain.money import hourly
from bot.domain.omens import Sign
from bot.domain.paces import Pace
from bot.domain.rentals import Reason, Rental, State
from bot.domain.retries import waiting
from bot.domain.standing import Standing
from bot.domain.tally import Tally, by_row
from cogs.ui import buttons, idle, look, progress, retries, shortages, signs, tries, words

_TITLE = 90
_DOWN = {Sign.STOPPED: "stopped at Vast", Sign.OFFLINE: "its host is offline"}


def rental_card(
    rental: Rental,
    now: datetime,
    standing: Standing | None = None,
    tally: Tally | None = None,
    pace: Pace | None = None,
) -> look.Card:
    """The card as it is at this moment; the same facts in the same order in every state.

    `tally` is what the books say; without one it is reckoned from the row. `pace` is that of a
    machine on its way up.
    """
    tally = tally or by_row(rental, now)
    if rental.state is State.CLOSED:
        return _ended(rental, tally)
    if rental.state is State.ARCHIVING:
        return _archiving(rental, tally)
    if words.ending(rental) and not waiting(rental):
        return _ending(rental, tally)
    if rental.state is State.READY:
        return _ready(rental, now, standing, tally)
    return _starting(rental, tally, pace)


def title(rental: Rental) -> str:
    return look.clean(rental.title, _TITLE)


def so_far(rental: Rental, tally: Tally) -> str:
    """What it has cost up to then, once there is something that costs."""
    if rental.created_at is None and not rental.tries:
        return ""
    return f"{tally.total} so far, counted {look.ago(tally.at)}"


def _starting(rental: Rental, tally: Tally, pace: Pace | None) -> look.Card:
    if rental.proposal is not None:
        return tries.asking(rental, tally, _heading(rental, "a question"), _small_print(rental))
    if rental.replacing:
        return look.card(
            look.lines(_heading(rental, "trying another machine"), tries.failing(rental)),
            tries.listed(rental, tally),
            _facts(rental, tally),
            colour=look.WORKING,
            controls=[buttons.Cancel(rental.id)],
        )
    since = rental.phase_at or rental.requested_at
    return look.card(
        look.lines(
            _heading(rental, "starting"),
            f"{words.doing(rental)} Began {look.ago(since)}.",
            _said(rental),
            _missing(rental),
            signs.of(rental),
        ),
        look.lines(progress.rows(rental, pace), look.small(progress.learned(rental, pace))),
        tries.listed(rental, tally),
        _facts(rental, tally),
        colour=look.WORKING,
        controls=[buttons.Cancel(rental.id)],
    )


def _ready(rental: Rental, now: datetime, standing: Standing | None, tally: Tally) -> look.Card:
    if rental.broken_since is not None:
        return _broken(rental, rental.broken_since, tally)
    short = shortages.of(rental, standing)
    stuck, down = waiting(rental), _down(rental)
    since = f"Became ready {look.ago(rental.ready_at)}." if rental.ready_at else ""
    able = down or (shortages.heading(short) if short else "ready")
    state = "archive not done yet" if stuck else able
    return look.card(
        look.lines(
            _heading(rental, state),
            shortages.told(rental, standing, short)
            if short and standing
            else since
            if down
            else f"{since} Open gives its owner a private link to the notebook.".strip(),
            look.clean(rental.note, 300),
            retries.line(rental),
            idle.verdict(rental, standing, now),
            look.small(idle.reasons(standing)),
            _said(rental),
            _missing(rental),
            signs.of(rental),
        ),
        shortages.advice(short) if short else "",
        tries.listed(rental, tally),
        _facts(rental, tally),
        colour=look.FAILED if down else look.ENDING if stuck or short else look.READY,
        controls=[
            buttons.Open(rental.id),
            *(
                [buttons.Replace(rental.id), buttons.Destroy(rental.id)]
                if down and not stuck
                else _beside_open(rental, stuck=stuck, short=bool(short))
            ),
        ],
    )


def _down(rental: Rental) -> str:
    """That a machine which was ready does not run, as Vast shows it; empty where it does."""
    return next((_DOWN[one.sign] for one in rental.omens if one.sign in _DOWN), "")


def _beside_open(rental: Rental, *, stuck: bool, short: bool) -> list[look.Control]:
    """What is most wanted of a ready machine besides its notebook; the rest is below More."""
    if stuck:
        return [buttons.CallOff(rental.id), buttons.Destroy(rental.id)]
    if short:
        return [buttons.Larger(rental.id), buttons.More(rental.id)]
    return [buttons.Destroy(rental.id), buttons.More(rental.id)]


def _broken(rental: Rental, since: datetime, tally: Tally) -> look.Card:
    """Ready, and its owner cannot get there: since when, what it costs, what can be done."""
    spent = rental.per_hour.over(max(tally.at - since, timedelta()), per=HOUR)
    return look.card(
        look.lines(
            _heading(rental, "cannot be reached"),
            f"The way to its notebook broke {look.ago(since)}. It goes on costing "
            f"{hourly(rental.per_hour)}: {spent} since then, counted {look.ago(tally.at)}.",
            "We keep trying to get there, and start Jupyter again if it has stopped. Replace "
            "offers another machine; this one stays until you destroy it.",
            look.clean(rental.note, 300),
            _said(rental),
            _missing(rental),
        ),
        _facts(rental, tally),
        colour=look.FAILED,
        controls=[buttons.Replace(rental.id), buttons.Open(rental.id), buttons.Destroy(rental.id)],
    )


def _archiving(rental: Rental, tally: Tally) -> look.Card:
    """While its work is saved: with the end in sight, or not."""
    if rental.reason is Reason.MOVED:
        return _moving(rental, tally)
    ends = rental.released_at is not None
    nobody = ends and rental.reason is Reason.IDLE
    unasked = nobody and not credit.ends(rental)
    why = "Nobody answered." if unasked else words.why_ended(rental) if ends else ""
    began = f"Archiving began {look.ago(rental.phase_at)}." if rental.phase_at else ""
    keep: list[look.Control] = [buttons.KeepHours(rental.id)] if nobody else []
    opened: list[look.Control] = [] if ends and not nobody else [buttons.Open(rental.id)]
    return look.card(
        look.lines(
            _heading(rental, "archiving"),
            why,
            f"{began} Its work is packed, then read back and compared file by file. "
            f"{_once_proven(ends=ends, nobody=nobody)}".strip(),
            _said(rental),
            _missing(rental),
            signs.of(rental),
        ),
        _facts(rental, tally),
        colour=look.ENDING if ends else look.READY,
        controls=[*opened, *keep],
    )


def _once_proven(*, ends: bool, nobody: bool) -> str:
    if nobody:
        return (
            "When the archive is proven, and there is still no sign of life, the machine is "
            "destroyed."
        )
    return "When the archive is proven, the machine is destroyed." if ends else "It keeps running."


def _moving(rental: Rental, tally: Tally) -> look.Card:
    """The old machine of a move, closed until the new one is ready or given up."""
    return look.card(
        look.lines(
            _heading(rental, "moving"),
            "Its notebook is closed, and what is new on it goes to the other machine. It is "
            "destroyed when that one is proven and ready; until then nothing of it is lost.",
            _said(rental),
            _missing(rental),
        ),
        _facts(rental, tally),
        colour=look.ENDING,
    )


def _brought(rental: Rental) -> str:
    """Of a restore or a move: what was foreseen, and where it opens."""
    if rental.forecast is None:
        return ""
    what = "Takes over another machine's work" if rental.moves_from else "With an archive"
    own = rental.address is None
    opens = "at an address of its own: the earlier one is in use" if own else "at the same address"
    return f"{what}: {look.forecast(rental.forecast)}. It opens {opens}."


def _ending(rental: Rental, tally: Tally) -> look.Card:
    taken = (
        f"Vast took our order to destroy it {look.ago(rental.destroyed_at)}. That it is gone is "
        "**not yet confirmed**; we look, and order it again, until it is."
        if rental.destroyed_at
        else "Nothing is ordered destroyed; should Vast show it again, it goes on where it was."
        if rental.reason is Reason.VANISHED
        else "Its work is archived first."
        if rental.state is State.READY and rental.waived_by is None
        else "It is being destroyed at Vast; that it is gone is **not yet confirmed**."
    )
    return look.card(
        look.lines(
            _heading(rental, "ending"),
            words.why_ended(rental),
            taken,
            _said(rental),
            signs.of(rental),
        ),
        _facts(rental, tally),
        colour=look.ENDING,
    )


def _ended(rental: Rental, tally: Tally) -> look.Card:
    closed = rental.closed_at or rental.gone_at or rental.requested_at
    return look.card(
        look.lines(
            _heading(rental, "ended"),
            words.why_ended(rental),
            _kept(rental),
            _bill(rental, tally, closed),
        ),
        tries.listed(rental, tally),
        look.lines(_model(rental), _small_print(rental)),
        colour=look.ENDED if words.wanted(rental) else look.FAILED,
    )


def _kept(rental: Rental) -> str:
    """Where its work is, if it was archived."""
    newest = retries.newest_archive(rental)
    if newest is None:
        return ""
    if rental.reason is Reason.VANISHED:
        return (
            f"Its newest archive holds what was on it {look.moment(newest)}; /archives restore "
            "puts that onto another machine."
        )
    return (
        f"Its work is in an archive, proven {look.ago(newest)}; /archives restore puts it onto "
        "another machine."
    )


def _bill(rental: Rental, tally: Tally, closed: datetime) -> str:
    """The total as the books have it now; the receipt says it in full."""
    if rental.contract is None:
        if not tally.total.micros:
            return "No machine was rented, and nothing was charged."
        return f"**It cost {tally.total}**, for the machines that were tried."
    cost, end = tally.cost, rental.gone_at or closed
    bytes_ = cost.download + cost.upload
    return look.lines(
        " · ".join(
            part
            for part in (
                f"**It cost {cost.total}**: GPU {cost.gpu} for {_span(rental.running_at, end)}",
                f"disk {cost.storage} for {_span(rental.created_at, end)}",
                f"transfer {bytes_}" if bytes_.micros else "",
                f"corrections {cost.adjustment}" if cost.adjustment.micros else "",
            )
            if part
        ),
        f"Seen gone at Vast {look.ago(closed)}.",
    )


def _span(start: datetime | None, end: datetime) -> str:
    return look.duration(max(end - start, timedelta())) if start else "0 s"


def _heading(rental: Rental, state: str) -> str:
    return f"### {title(rental)} · {state}"


def _facts(rental: Rental, tally: Tally) -> str:
    return look.lines(
        look.whole_price(rental.price, rental.wish.disk_gb),
        _model(rental),
        so_far(rental, tally),
        _brought(rental),
        _small_print(rental),
    )


def _model(rental: Rental) -> str:
    """What it is and where; a machine without a name is called after its model."""
    model = f"{look.clean(rental.offer.title, 60)} · " if rental.name else ""
    return (
        f"{model}{look.vram(rental.offer)} · {look.region(rental.offer)} · "
        f"image {look.clean(rental.image.name, 60)}"
    )


def _said(rental: Rental) -> str:
    """What Vast or the machine last said about it; theirs, so shown as it came."""
    return f"-# Last heard: {look.verbatim(rental.detail, 200)}" if rental.detail.strip() else ""


def _missing(rental: Rental) -> str:
    if rental.missing_since is None:
        return ""
    return (
        f"Vast's list stopped showing it {look.ago(rental.missing_since)}. "
        "The list can lag, so we look again before we conclude anything."
    )


def _small_print(rental: Rental) -> str:
    """For whom, since when, and the id by which the card is found again."""
    return f"-# <@{rental.owner_id}> · asked {look.ago(rental.requested_at)} · {rental.id}"
