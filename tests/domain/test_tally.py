"""What a rental has cost, by machine; when Vast's word is whole; how a receipt stands by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain import tabs
from bot.domain.bills import Bill, Parts
from bot.domain.ledger import Cost, Kind
from bot.domain.letters import BILL_WITHIN, Letter, Stand, Writing, stand
from bot.domain.letters import Kind as LetterKind
from bot.domain.money import Usd
from bot.domain.rentals import ContractId, Rental, State
from bot.domain.tabs import Tab
from bot.domain.tally import Tally, by_row, tally
from tests.domain.facts import NOW, instance, rental

HOUR = timedelta(hours=1)
TRIED, USED = ContractId(1), ContractId(2)
END = NOW + 2 * HOUR
LIVED = rental(
    contract=USED,
    state=State.CLOSED,
    created_at=NOW,
    running_at=NOW,
    ready_at=NOW,
    gone_at=END,
    closed_at=END,
)
BOOKED = {
    TRIED: {Kind.GPU: Usd.of("0.10")},
    USED: {Kind.GPU: Usd.of("0.594"), Kind.DOWNLOAD: Usd.of("0.20")},
}


def kept(contract: ContractId, *, over: bool = True) -> Tab:
    seen = instance(contract=contract, created_at=NOW, running_since=NOW, gpu_billed=True)
    tab = tabs.opened(LIVED, contract, seen, NOW)
    tab, _ = tabs.read(tab, seen, END)
    return tabs.end(tab, END)[0] if over else tab


def bill(contract: ContractId, total: str, *, at: datetime = END, settled: bool = False) -> Bill:
    return Bill(
        rental_id=LIVED.id,
        contract=contract,
        total=Usd.of(total),
        parts=Parts(),
        seen_at=at,
        changed_at=at,
        settled_at=at if settled else None,
    )


def of(*bills: Bill, over: bool = True) -> Tally:
    return tally(LIVED, BOOKED, [kept(TRIED), kept(USED, over=over)], bills, END)


def how(known: Tally | None, *, sent: bool = True) -> Stand:
    letter = Letter(
        id="0" * 24,
        rental_id=LIVED.id,
        writing=Writing(kind=LetterKind.RECEIPT, at=END),
        delivered_at=END if sent else None,
    )
    return stand(letter, LIVED, None, known)


def test_it_is_the_books_and_what_is_open_with_failed_machines_apart() -> None:
    """The quote is for its own machine's two hours, and its bytes as they were charged."""
    closed, running = of(), of(over=False)

    assert closed.cost == Cost(gpu=Usd.of("0.694"), download=Usd.of("0.20"))
    assert closed.failed == Usd.of("0.10")
    assert closed.of(USED) == Usd.of("0.794")
    assert closed.quoted == LIVED.agreed_per_hour.times(2) + Usd.of("0.20")
    assert closed.over
    assert not running.over


def test_what_no_hour_has_booked_yet_is_in_it() -> None:
    """From the last look to now, as it burns."""
    tab = kept(USED, over=False)
    later = tally(replace(LIVED, gone_at=None), {}, [tab], [], END + HOUR / 2)

    assert later.total.micros == tabs.outstanding(tab, END + HOUR / 2).total.micros > 0


def test_vasts_word_counts_when_it_has_been_said_of_each_machine_after_its_end() -> None:
    """Of next to nothing it need not say any."""
    early = bill(USED, "0.5", at=END - HOUR)

    assert of().billed is None
    assert of(bill(USED, "0.8")).billed is None
    assert of(bill(TRIED, "0.1"), early).billed is None
    assert of(bill(TRIED, "0.1"), bill(USED, "0.8")).billed == Usd.of("0.9")
    nothing = tally(LIVED, {USED: {Kind.GPU: Usd(400)}}, [], [], END)
    assert (nothing.billed, nothing.settled) == (Usd(), True)


def test_without_books_the_row_is_reckoned() -> None:
    """The same facts, as if it had run without a break."""
    assert by_row(LIVED, END).total == LIVED.agreed_per_hour.times(2)
    assert by_row(rental(), END).parts == ()


def test_a_machine_that_nobody_could_use_and_cost_nothing_gets_no_receipt() -> None:
    """Its card has said all there is to say; from a cent on it is told."""
    letter = Letter(
        id="0" * 24, rental_id=LIVED.id, writing=Writing(kind=LetterKind.RECEIPT, at=END)
    )
    unused, little = replace(LIVED, ready_at=None), Cost(gpu=Usd(9_999))

    def so(rental: Rental, cost: Cost) -> Stand:
        (part,) = of().parts[:1]
        return stand(letter, rental, None, replace(of(), parts=(replace(part, cost=cost),)))

    assert LIVED.ready_at is not None
    assert so(unused, little) is Stand.MOOT
    assert so(unused, Cost(gpu=Usd(10_000))) is Stand.OPEN
    assert so(LIVED, little) is Stand.OPEN


def test_a_receipt_waits_for_the_books_and_then_for_the_bill() -> None:
    """Sent when its last machine is booked to the end; edited until the bill is settled."""
    whole = bill(TRIED, "0.1", settled=True), bill(USED, "0.794", settled=True)

    assert how(None, sent=False) is Stand.WAITING
    assert how(of(over=False), sent=False) is Stand.WAITING
    assert how(of(), sent=False) is Stand.OPEN
    assert how(of(*whole[:1])) is Stand.OPEN
    assert how(of(*whole)) is Stand.TOLD
    assert how(replace(of(), at=END + BILL_WITHIN + HOUR)) is Stand.TOLD
