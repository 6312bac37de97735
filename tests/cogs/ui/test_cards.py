"""Every card in every state: the sentences, and Discord's limits whatever the facts are."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simcord.components import COMPONENTS_V2_FLAG, validate_components, walk_components

from bot.domain import credit
from bot.domain.evidence import Fact
from bot.domain.evidence import Kind as Seen
from bot.domain.idle_memory import Asking, Question, begin
from bot.domain.idle_policy import Policy
from bot.domain.images import DEFAULT, Image
from bot.domain.ledger import cost
from bot.domain.letters import Kind as LetterKind
from bot.domain.letters import Letter, Stand, Writing
from bot.domain.money import Usd, hourly
from bot.domain.narrowing import Loosening
from bot.domain.offers import Rates, Sort, Wish
from bot.domain.omens import Omen, Sign
from bot.domain.paces import Like, Pace, Part, Usual
from bot.domain.rentals import ContractId, Phase, Quote, Reason, Rental, RentalId, State
from bot.domain.replacement import Grudge
from bot.domain.shortages import Kind as Short
from bot.domain.shortages import Shortage, Vram
from bot.domain.standing import Name, Report, Rules, Standing
from bot.domain.sweep import NOBODY
from bot.domain.tally import by_row
from bot.errors import NoOffer
from bot.ports.chat import Page
from bot.services import spend
from bot.services.health import Ailment
from bot.services.offers import Around, Found
from bot.services.spend import Line
from cogs.ui import (
    answers,
    cards,
    choices,
    comparing,
    filters,
    look,
    market,
    offers,
    questions,
    spending,
)
from tests.builders import NOW, a_quote, a_rental, an_offer

MINUTE = timedelta(minutes=1)
LATER = NOW + timedelta(hours=2)

# --- The sentences --------------------------------------------------------------------------


def test_a_machine_that_was_taken_in_says_how_long_it_stays() -> None:
    """Nobody knows whose it was: its card says who decides, what it costs and what comes next."""
    rental = a_rental(
        state=State.READY,
        phase=Phase.REACHABLE,
        owner_name=NOBODY,
        adopted_at=NOW,
        ready_at=NOW,
        proven_at=NOW,
    )

    text = _text(cards.rental_card(rental, LATER))

    assert "It was taken in" in text
    assert "Its work is archived. It costs $0.318/h until somebody ends it with Destroy" in text
    assert "the leads are asked; without an answer it is archived again and ended." in text
    known = _text(cards.rental_card(replace(rental, owner_name="ada"), LATER))
    assert "its owner is asked" in known


@pytest.mark.parametrize(
    ("phase", "bold", "said"),
    [
        (Phase.RENTING, "**Renting**", "Renting the machine at Vast."),
        (Phase.CREATED, "✓ Renting\n▸ **Loading**", "Waiting for its host to begin."),
        (Phase.OPENING, "▸ **Starting Jupyter**\n○ Ready", "comes all the way to you."),
        (Phase.LOADING, "✓ Renting\n▸ **Loading**", "The host is loading the image."),
        (Phase.CONNECTING, "✓ Loading\n▸ **Connecting**", "Connecting to it by SSH."),
        (Phase.STARTING_JUPYTER, "▸ **Starting Jupyter**\n○ Ready", "Starting Jupyter."),
    ],
)
def test_a_starting_machine_shows_its_phase_and_since_when(
    phase: Phase, bold: str, said: str
) -> None:
    """The phases one below the other, the present one bold, and Discord counts the time."""
    rental = a_rental(state=State.BOOTING, phase=phase, phase_at=NOW)

    shown = _text(cards.rental_card(rental, LATER))

    assert bold in shown
    assert said in shown
    assert f"Began <t:{int(NOW.timestamp())}:R>" in shown
    assert shown.endswith("Cancel")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.RELEASED, "Ended by <@7>."),
        (Reason.CANCELLED, "Cancelled by <@7> before it was ready."),
        (Reason.NO_OFFER, "Somebody else rented it first"),
        (Reason.REFUSED, "Vast declined to rent it. Not enough credit."),
        (Reason.FAILED_START, "The host could not start it."),
        (Reason.TOO_SLOW, "The host took too long to load the image."),
        (Reason.PRICE_ROSE, "The host asked for more than was quoted"),
        (Reason.NO_SSH, "It started, but never let us in."),
        (Reason.NO_NOTEBOOK, "Jupyter could not be started on it."),
        (Reason.NO_PATH, "Jupyter ran on it, but its page never came through."),
        (Reason.BAD_IMAGE, "The image could not be fetched"),
        (Reason.UNANSWERED, "Nobody said yes to the dearer machine in time"),
        (Reason.VANISHED, "It disappeared from Vast without our doing"),
    ],
)
@pytest.mark.parametrize("state", [State.DESTROYING, State.CLOSED])
def test_every_end_has_its_sentence(reason: Reason, said: str, state: State) -> None:
    """While it is ending and when it is over."""
    rental = a_rental(
        state=state, reason=reason, ended_by=7, released_at=NOW, detail="Not enough credit."
    )

    assert said in _text(cards.rental_card(rental, LATER))


@pytest.mark.parametrize("state", [State.ARCHIVING, State.DESTROYING, State.CLOSED])
@pytest.mark.parametrize("reason", [None, Reason.IDLE])
def test_an_end_for_lack_of_credit_says_so(reason: Reason | None, state: State) -> None:
    """Nobody was asked, and nobody ended it."""
    rental = a_rental(state=state, reason=reason, released_at=NOW, note=credit.ENDS)

    shown = _text(cards.rental_card(rental, LATER))

    assert "The team's Vast credit runs out" in shown
    assert "Nobody" not in shown


def test_an_end_without_a_machine_charges_nothing() -> None:
    """Where Vast never gave us a contract."""
    rental = a_rental(state=State.CLOSED, reason=Reason.NO_OFFER, closed_at=LATER)

    shown = _text(cards.rental_card(rental, LATER))

    assert "No machine was rented, and nothing was charged." in shown


def test_every_ended_card_names_its_bill() -> None:
    """The figures are those of the ledger."""
    rental = _ready(state=State.CLOSED, reason=Reason.RELEASED, gone_at=LATER, closed_at=LATER)

    shown = _text(cards.rental_card(rental, LATER + MINUTE))

    assert f"**It cost {cost(rental, LATER).total}**" in shown
    assert "for 1 h 59 min" in shown


def test_a_machine_missing_from_the_list_is_not_said_to_be_gone() -> None:
    """Vast's list may lag; the card says what is known."""
    shown = _text(cards.rental_card(_ready(missing_since=NOW), LATER))

    assert "Vast's list stopped showing it" in shown
    assert "ready" in shown


def test_a_wish_to_end_shows_at_once() -> None:
    """Before the reconciler has come to it, the buttons are gone."""
    shown = _text(cards.rental_card(_ready(released_at=LATER, ended_by=7), LATER))

    assert "ending" in shown
    assert "Open" not in shown.splitlines()


def test_colour_follows_the_state_and_words_say_the_same() -> None:
    """Nothing is said by colour alone."""
    ready, ended = _ready(), _ready(state=State.CLOSED, closed_at=LATER, reason=Reason.NO_SSH)

    assert _colour(cards.rental_card(ready, LATER)) == look.READY
    assert _colour(cards.rental_card(ended, LATER)) == look.FAILED
    assert "· ready" in _text(cards.rental_card(ready, LATER))
    assert "· ended" in _text(cards.rental_card(ended, LATER))


def test_a_name_has_no_effect_as_mark_up() -> None:
    """Nor has what Vast or a host said."""
    rental = _ready(
        name="**@everyone** [x](https://evil.example)", detail="`<@1>` https://x.example"
    )

    shown = _text(cards.rental_card(rental, LATER))

    assert "@everyone" not in shown.replace("\u200b", "|")
    assert "](https://" not in shown
    assert "-# Last heard: `'<@1>' https://x.example`" in shown


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=12, seconds=59), "12 min"),
        (timedelta(hours=3, minutes=5), "3 h 5 min"),
        (timedelta(hours=3, seconds=5), "3 h"),
        (timedelta(days=2, hours=4, minutes=59), "2 d 4 h"),
    ],
)
def test_a_duration_is_its_two_largest_parts(span: timedelta, said: str) -> None:
    """As a person would say it."""
    assert look.duration(span) == said


# --- The limits -----------------------------------------------------------------------------

TEXT = st.text(max_size=600)
NAMES = st.one_of(st.none(), st.text(min_size=1, max_size=200), st.just("*_~`|<@#[](" * 30))
MONEY = st.integers(min_value=0, max_value=10**12).map(Usd)
AMOUNTS = st.decimals(min_value=0, max_value=10**6, allow_nan=False, places=3)
TIMES = st.integers(min_value=0, max_value=10**6).map(lambda s: NOW + timedelta(seconds=s))
MAYBE_TIMES = st.one_of(st.none(), TIMES)
MOMENTS = (
    "phase_at",
    "created_at",
    "running_at",
    "ready_at",
    "missing_since",
    "released_at",
    "destroyed_at",
    "gone_at",
    "closed_at",
)

RATES = st.builds(
    Rates,
    gpu_per_hour=MONEY,
    storage_per_gb_month=MONEY,
    upload_per_gb=MONEY,
    download_per_gb=MONEY,
)
OFFERS = st.builds(
    an_offer,
    id=st.integers(min_value=1, max_value=10**15),
    gpu_name=TEXT,
    gpus=st.integers(min_value=1, max_value=16),
    vram_mb=st.integers(min_value=0, max_value=10**7),
    rates=RATES,
    region=TEXT,
    reliability=st.decimals(min_value=0, max_value=1, allow_nan=False, places=6),
    upload_mbps=AMOUNTS,
    download_mbps=AMOUNTS,
    cpu_cores=AMOUNTS,
    verified=st.booleans(),
    datacenter=st.booleans(),
    available_until=MAYBE_TIMES,
)
WISHES = st.builds(
    Wish,
    disk_gb=st.integers(min_value=8, max_value=2000),
    gpus=st.integers(min_value=1, max_value=16),
    min_vram_gb=st.integers(min_value=0, max_value=1000),
    max_price=st.one_of(st.none(), st.integers(1, 10**10).map(Usd)),
    region=st.one_of(st.none(), st.sampled_from(["SE", "us"])),
    sort=st.sampled_from(list(Sort)),
)
IMAGES = st.builds(Image, name=TEXT, reference=TEXT, note=TEXT)
QUOTES = st.builds(
    a_quote,
    wish=WISHES,
    offer=OFFERS,
    image=IMAGES,
    hours=st.one_of(st.none(), st.integers(min_value=1, max_value=720)),
)


PACE = Pace(
    NOW,
    Usual(
        like=Like.GPU,
        count=200,
        parts=tuple((part, timedelta(days=9)) for part in Part),
        whole=timedelta(days=30),
    ),
)


@st.composite
def rentals(draw: st.DrawFn) -> Rental:
    quote = draw(QUOTES)
    return a_rental(
        quote,
        name=draw(NAMES),
        state=draw(st.sampled_from(list(State))),
        phase=draw(st.sampled_from(list(Phase))),
        reason=draw(st.one_of(st.none(), st.sampled_from(list(Reason)))),
        detail=draw(TEXT),
        note=draw(TEXT),
        contract=draw(st.one_of(st.none(), st.just(ContractId(5)))),
        message_id=draw(st.one_of(st.none(), st.just(10**18))),
        ended_by=draw(st.one_of(st.none(), st.just(10**18))),
        rates=draw(st.one_of(st.none(), RATES)),
        **{name: draw(MAYBE_TIMES) for name in MOMENTS},
    )


@given(rental=rentals())
@settings(max_examples=80, deadline=None)
def test_the_card_and_all_about_one_rental_hold_the_limits(rental: Rental) -> None:
    """Whatever its name, its times and what others said about it."""
    for card in (
        cards.rental_card(rental, LATER),
        cards.rental_card(rental, LATER, None, None, PACE),
        answers.more(rental),
        answers.sure(rental, by_row(rental, LATER)),
        answers.sure(rental, by_row(rental, LATER), discard=True),
        answers.really_lose(rental, by_row(rental, LATER)),
        questions.too_late(rental),
        questions.saving(rental),
        questions.kept(rental, LATER),
        answers.destroying(rental),
        answers.begun(rental),
        answers.ticket(rental, "https://k7m2xp.gpu.example.org/-/ticket/" + "x" * 43),
    ):
        _check(card)


FACTS = st.lists(
    st.builds(
        Fact,
        kind=st.sampled_from(list(Seen)),
        value=st.floats(min_value=0, max_value=10**9),
        names=st.lists(TEXT, max_size=30).map(tuple),
    ),
    max_size=30,
).map(tuple)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    question = Question(kind=Asking.IDLE, asked_at=NOW, deadline=draw(MAYBE_TIMES))
    facts = draw(FACTS)
    writing = Writing(
        kind=draw(st.sampled_from(list(LetterKind))),
        at=NOW,
        facts=facts,
        asked_at=NOW,
        detail=draw(TEXT),
    )
    rental = draw(rentals())
    standing = Standing(
        memory=replace(begin(NOW), question=draw(st.sampled_from([None, question]))),
        report=Report(
            NOW,
            draw(st.sampled_from(list(Name))),
            facts,
            draw(MAYBE_TIMES),
            vram=draw(st.sampled_from([None, Vram(NOW, 10**7, 10**7)])),
            shortage=draw(st.sampled_from([None, *(Shortage(kind, NOW, "k") for kind in Short)])),
        ),
        rules=Rules(idle=Policy()),
        ends_at=draw(MAYBE_TIMES),
        told=draw(st.booleans()),
    )
    return Page(
        letter=Letter(id="0" * 24, rental_id=rental.id, writing=writing),
        stand=draw(st.sampled_from(list(Stand))),
        rental=rental,
        standing=draw(st.sampled_from([None, standing])),
        now=LATER,
        public=draw(st.booleans()),
    )


@given(page=pages())
@settings(max_examples=100, deadline=None)
def test_letters_and_what_the_watch_says_hold_the_limits(page: Page) -> None:
    """Whatever was measured; a question has its four answers and no more."""
    _check(questions.letter(page), most=4)
    _check(cards.rental_card(page.rental, LATER, page.standing))
    _check(answers.status([page.rental] * 9, LATER, standings={page.rental.id: page.standing}))


@st.composite
def looks(draw: st.DrawFn) -> Found:
    """Looks at the market, of up to sixty offers or of none."""
    few = draw(st.lists(OFFERS, max_size=7, unique_by=lambda one: one.id))
    if draw(st.booleans()):
        few = [replace(one, gpu_name="*_~`" * 150, region="<@1>#" * 100) for one in few]
    times = draw(st.sampled_from([1, 9]))
    many = [replace(one, id=one.id + 10**15 * n) for n in range(times) for one in few]
    wish = replace(draw(WISHES), gpu=draw(st.one_of(st.none(), st.just("RTX 4090"), TEXT)))
    failed = Grudge(
        rental_id=RentalId("b2k7xq"),
        contract=ContractId(5),
        machine_id=24817,
        host_id=1,
        reason=Reason.NO_SSH,
        at=NOW,
    )
    return Found(
        wish=wish,
        image=draw(st.one_of(st.just(DEFAULT), IMAGES)),
        offers=many,
        more=draw(st.sampled_from([{}, {one.id: 9 for one in many}])),
        failed=draw(st.sampled_from([{}, {24817: failed}])),
        at=NOW,
        nothing=NoOffer(hint=draw(TEXT)),
        looser=Loosening(limit=draw(TEXT), wish=wish, first=few[0]) if few else None,
    )


@given(found=looks(), number=st.integers(0, 12), names=st.lists(TEXT, min_size=1, max_size=30))
@settings(max_examples=80, deadline=None)
def test_everything_about_offers_holds_the_limits(
    found: Found, number: int, names: list[str]
) -> None:
    """Whatever hosts call their regions and models and ask for their machines; none, one, sixty."""
    around = Around(pool=found.offers, models=names)
    shown = [
        offers.page(found, 10**19, number, note="x" * 100),
        offers.nothing(found, 10**19),
        filters.card(found, around, 10**19),
    ]
    if found.offers:
        ids = [one.id for one in found.offers]
        labels = dict(zip(ids, names, strict=False)) | {1: names[0]}
        shown.append(comparing.compared(found, 10**19, number, ids[-3:], labels))
        shown.append(comparing.compared(found, 10**19, number, [1, 2, 3], labels))
        shown.append(offers.gone(found, 10**19, 1, labels, NoOffer()) or shown[0])

    for card in shown:
        _check(card)


@given(quote=QUOTES)
@settings(max_examples=60, deadline=None)
def test_a_quote_holds_the_limits(quote: Quote) -> None:
    """Whatever the image is called."""
    _check(market.quote(quote))


@given(one=rentals(), count=st.sampled_from([0, 1, 2, 60]))
@settings(max_examples=40, deadline=None)
def test_lists_of_rentals_hold_the_limits(one: Rental, count: int) -> None:
    """None, one, and sixty with the longest names; those left out are counted."""
    line = Line(rental=one, cost=cost(one, LATER), failed=Usd(1), billed=Usd(5))
    lines = (line,) * count

    ailing = {name: Ailment("x" * 200, LATER) for name in ("vast", "archives", "disk", "clock")}
    status = answers.status([one] * count, LATER, whose="<@1187654321098765432>", ailments=ailing)
    report = spend.Report(
        member_id=1,
        at=LATER,
        lines=lines[:20],
        more=max(count - 20, 0),
        compared=spend.Compared(
            count=count, quoted=Usd(10**12), reckoned=Usd(10**12), billed=Usd(10**12)
        ),
    )
    spent = spending.card(report, whose="<@1>")

    for card in (status, spent):
        _check(card)
    if count == 60:
        assert "more" in _text(status)
        assert re.search(r"… and (4|5)\d more", _text(spent))


@given(text=st.text(max_size=300), limit=st.integers(min_value=1, max_value=200))
@settings(max_examples=200, deadline=None)
def test_cleaned_text_is_as_short_as_asked(text: str, limit: int) -> None:
    """Escaping makes text longer; the limit counts what is shown."""
    assert len(look.clean(text, limit)) <= limit


@given(names=st.lists(st.text(max_size=300), max_size=60), typed=st.text(max_size=120))
@settings(max_examples=60, deadline=None)
def test_choices_hold_the_limits(names: list[str], typed: str) -> None:
    """At most 25, of 1 to 100 characters each."""
    for found in (choices.gpus(names, typed), choices.images(typed)):
        assert len(found) <= 25
        assert all(1 <= len(one.name) <= 100 and 1 <= len(one.value) <= 100 for one in found)


def _ready(**changes: Any) -> Rental:
    facts: dict[str, Any] = {
        "state": State.READY,
        "phase": Phase.REACHABLE,
        "contract": ContractId(5),
        "created_at": NOW,
        "running_at": NOW + MINUTE,
        "ready_at": NOW + 2 * MINUTE,
    }
    return a_rental(**facts | changes)


def _check(card: look.Card, most: int = 3) -> None:
    """What Discord checks, and ours: at most three buttons in sight."""
    parts = validate_components(card.to_components(), flags=COMPONENTS_V2_FLAG)
    buttons = [part for part in walk_components(parts) if part["type"] == 2]
    assert len(buttons) <= most
    assert card.is_persistent()


def _text(card: look.Card) -> str:
    found = []
    for part in walk_components(card.to_components()):
        found += [str(part[key]) for key in ("content", "label") if part.get(key)]
    return "\n".join(found)


def _colour(card: look.Card) -> int | None:
    container = card.children[0]
    assert isinstance(container, discord.ui.Container)
    colour = container.accent_colour
    return colour.value if isinstance(colour, discord.Colour) else colour


@pytest.mark.parametrize(
    ("sign", "said"),
    [(Sign.STOPPED, "stopped at Vast"), (Sign.OFFLINE, "its host is offline")],
)
def test_a_machine_that_does_not_run_is_not_called_ready(sign: Sign, said: str) -> None:
    """Green says that its notebook can be worked in; what can be done is another machine."""
    rental = a_rental(state=State.READY, ready_at=NOW, omens=(Omen(sign=sign, since=NOW),))

    shown = _text(cards.rental_card(rental, NOW))

    assert f"· {said}" in shown
    assert "· ready" not in shown
    assert "Replace" in shown


@pytest.mark.parametrize(
    ("sign", "said", "costs"),
    [(Sign.STOPPED, "Stopped at Vast", "disk alone"), (Sign.OFFLINE, "Offline", "all of it")],
)
def test_status_says_so_too_and_counts_what_it_costs_now(sign: Sign, said: str, costs: str) -> None:
    """A machine that Vast stopped costs its disk; one whose host is away is still charged."""
    rental = a_rental(
        state=State.READY,
        created_at=NOW,
        running_at=NOW,
        ready_at=NOW,
        omens=(Omen(sign=sign, since=NOW),),
    )
    disk = rental.per_hour - rental.price.gpu_per_hour

    shown = _text(answers.status([rental], NOW))

    assert f"· {said}**" in shown
    assert "Ready" not in shown
    now = disk if costs == "disk alone" else rental.per_hour
    assert f"{hourly(now)} at the moment" in shown


def test_a_machine_that_vanished_is_not_said_to_be_destroyed() -> None:
    """Nobody ordered that: should it come back, it may hold work."""
    rental = a_rental(state=State.DESTROYING, reason=Reason.VANISHED, released_at=NOW)

    shown = _text(cards.rental_card(rental, NOW))

    assert "being destroyed" not in shown
    assert "should Vast show it again" in shown
