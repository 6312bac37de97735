"""Looks and memories in the database: exact, guarded, pruned."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from bot.adapters.storage.plain import read, text_of
from bot.adapters.storage.store import SqlStore
from bot.domain.idle_memory import Asking, Memory, Question, begin
from bot.domain.rentals import Rental
from bot.domain.samples import (
    Gpu,
    Kernel,
    Load,
    Machine,
    Notebook,
    Process,
    Sample,
    Terminal,
    Where,
)
from bot.errors import Stale
from tests.builders import NOW, a_quote, a_rental

AT = NOW + timedelta(microseconds=123_456)
LOAD = Load(cpu_cores=0.25, down_kbps=1.5, up_kbps=0.0, written_kbps=None)
SAMPLE = Sample(
    at=AT,
    machine=Machine(
        load=LOAD,
        gpus=(Gpu(97.0, 20_000), Gpu(0.0, 2)),
        processes=(Process("trän 'x\0", 0.5, Where.TMUX),),
        typed_at=AT - timedelta(hours=1),
        changed_at=AT,
        logins=1,
        plain_logins=2,
        tmux_sessions=3,
    ),
    notebook=Notebook(
        kernels=(Kernel("k1", "busy", 1, AT), Kernel("k2", "starting")),
        terminals=(Terminal("1", AT),),
        active_at=AT,
    ),
    vast_gpu_util=12.5,
    input_at=AT,
)
FILLED = Memory(
    ready_at=NOW,
    quiet_since=AT,
    seen_at=AT,
    human_at=AT,
    input_at=AT,
    input_since=AT,
    solid_at=AT,
    kept_until=AT,
    strong_run=2,
    weak_since=AT,
    weak_at=AT,
    waiting_since=AT,
    waiting_at=AT,
    news_at=AT,
    busy=(("k1", AT),),
    results=(("k2", AT),),
    loads=((AT, LOAD), (AT, Load())),
    changed_at=AT,
    blind_since=AT,
    blind_told=AT,
    blind_leads=AT,
    question=Question(kind=Asking.LEASE, asked_at=AT, deadline=AT, reminded_at=AT, leads_at=AT),
)


async def begun(store: SqlStore) -> Rental:
    quote = a_quote()
    await store.add_quote(quote)
    return await store.begin(a_rental(quote), quote_id=quote.id)


def test_every_field_comes_back_as_it_was() -> None:
    """A restart must change nothing in a verdict."""
    empty = [one.name for one in fields(FILLED) if getattr(FILLED, one.name) in (None, 0, ())]

    assert empty == []
    assert read(Memory, text_of(FILLED)) == FILLED
    assert read(Memory, text_of(begin(NOW))) == begin(NOW)
    assert read(Sample, text_of(SAMPLE)) == SAMPLE
    assert read(Sample, text_of(Sample(at=AT))) == Sample(at=AT)


def test_unknown_and_empty_stay_apart() -> None:
    """No kernels is a fact; no answer is none."""
    for machine in (Machine(gpus=None, processes=None), Machine(gpus=(), processes=()), None):
        sample = Sample(at=AT, machine=machine, notebook=None)

        assert read(Sample, text_of(sample)) == sample


def test_text_of_another_version_is_read() -> None:
    """A field that is new has its default, one that is gone is passed over."""
    text = '{"at":"2026-11-22T12:00:00+00:00","gone":1,"machine":{"logins":1}}'

    assert read(Sample, text) == Sample(at=NOW, machine=Machine(logins=1))


async def test_a_memory_is_stored_with_its_look(store: SqlStore) -> None:
    """Both or none, and both as they were."""
    rental = await begun(store)
    assert await store.remembered(rental.id) is None

    first = await store.remember(rental.id, FILLED, version=0, sample=replace(SAMPLE, at=NOW))
    second = await store.remember(rental.id, FILLED, version=first.version, sample=SAMPLE)

    assert await store.remembered(rental.id) == second
    assert await store.samples(rental.id, since=NOW) == [
        replace(SAMPLE, at=NOW),
        SAMPLE,
    ]
    assert await store.samples(rental.id, since=AT) == [SAMPLE]


async def test_a_memory_of_an_old_version_is_stale(store: SqlStore) -> None:
    """A person who presses Keep while the watch judges is not overwritten; no look is stored."""
    rental = await begun(store)
    first = await store.remember(rental.id, begin(NOW), version=0)
    kept = await store.remember(rental.id, FILLED, version=first.version)

    with pytest.raises(Stale):
        await store.remember(rental.id, begin(NOW), version=first.version, sample=SAMPLE)
    with pytest.raises(Stale):
        await store.remember(rental.id, begin(NOW), version=0, sample=SAMPLE)

    assert await store.remembered(rental.id) == kept
    assert await store.samples(rental.id, since=NOW) == []


async def test_old_looks_are_forgotten(store: SqlStore) -> None:
    """What is from then on stays; the memory does, too."""
    rental = await begun(store)
    version = 0
    for hours in (0, 1, 2):
        look = Sample(at=NOW + timedelta(hours=hours))
        version = (await store.remember(rental.id, FILLED, version=version, sample=look)).version

    assert await store.forget_samples(NOW + timedelta(hours=1)) == 1

    kept = await store.samples(rental.id, since=NOW)
    assert [one.at for one in kept] == [NOW + timedelta(hours=1), NOW + timedelta(hours=2)]
    assert await store.remembered(rental.id) is not None
