"""What a quote foretells: transfer at the host's rates, and the month with all that runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.adapters.storage.plain import read, text_of
from bot.domain.forecasts import moving, restoring
from bot.domain.images import PRESETS, choose, size_of
from bot.domain.money import Usd
from bot.domain.prospects import Carried, Effect, Prospect, Used, prospect
from bot.domain.purses import TEAM, Scope, Subject
from tests.builders import NOW, an_offer, some_rates

GB = 10**9
HERS = Subject(Scope.MEMBER, 1)


def foreseen(**changes: Any) -> Prospect:
    facts: dict[str, Any] = {
        "rates": some_rates(download_per_gb=Usd.of("0.01"), upload_per_gb=Usd.of("0.03")),
        "image": PRESETS[0],
        "forecast": None,
        "archived": None,
        "hours": Usd.of(3),
        "until": NOW + timedelta(hours=10),
        "used": [],
    }
    return prospect(**facts | changes)


def test_the_image_comes_down_and_an_archive_goes_up() -> None:
    """Somebody without an archive is taken to make a small one."""
    seen = foreseen()

    assert seen.image == Carried(bytes=8 * GB, cost=Usd.of("0.08"))
    assert seen.archive == Carried(bytes=GB, cost=Usd.of("0.03"))
    assert seen.restore is None
    assert seen.transfer == Usd.of("0.11")
    assert seen.most == Usd.of("3.11")


def test_the_archive_is_as_large_as_the_last_one_or_what_is_restored() -> None:
    """Whichever is more: work grows."""
    brought = restoring(20 * GB, an_offer())

    assert foreseen(archived=5 * GB).archive.bytes == 5 * GB
    assert foreseen(archived=5 * GB, forecast=brought).archive.bytes == 20 * GB
    assert foreseen(archived=50 * GB, forecast=brought).archive.bytes == 50 * GB
    assert foreseen(forecast=brought).restore == Carried(bytes=20 * GB, cost=Usd.of("0.2"))


def test_a_move_also_pays_the_old_host() -> None:
    """For what it sends."""
    old = an_offer(rates=some_rates(upload_per_gb=Usd.of("0.05")))
    brought = moving(10 * GB, old=old, old_per_hour=Usd.of("0.3"), onto=an_offer())

    seen = foreseen(forecast=brought)

    assert seen.moved == Usd.of("0.5")
    assert seen.transfer == Usd.of("0.08") + Usd.of("0.1") + Usd.of("0.3") + Usd.of("0.5")


def test_the_month_holds_what_runs_and_this_on_top() -> None:
    """A limit is exceeded by a cent, not by nothing."""
    used = [
        Used(subject=HERS, spent=Usd.of(2), held=Usd.of(1), limit=Usd.of("6.11")),
        Used(subject=TEAM, spent=Usd.of(20), held=Usd.of(4), limit=Usd.of("27.10")),
        Used(subject=Subject(Scope.ROLE, 7), spent=Usd(), held=Usd()),
    ]

    mine, team, role = foreseen(used=used).effects

    assert mine == Effect(subject=HERS, spent=Usd.of(2), most=Usd.of("6.11"), limit=Usd.of("6.11"))
    assert not mine.beyond
    assert team.beyond
    assert (role.most, role.limit, role.beyond) == (Usd.of("3.11"), None, False)


def test_an_unknown_image_costs_what_nobody_knows() -> None:
    """Every preset has a size."""
    assert foreseen(image=choose("someone/something:latest")).image is None
    assert all(size_of(one) for one in PRESETS)


def test_what_was_foreseen_reads_back_as_it_was() -> None:
    """It is kept with the rental as text."""
    used = [Used(subject=HERS, spent=Usd(), held=Usd(), limit=Usd.of(6))]
    for seen in (foreseen(used=used), foreseen(image=choose("a/b:c"))):
        assert read(Prospect, text_of(seen)) == seen
