"""The idle verdict over every labelled timeline, minute by minute, on one core.

Samples are translated beforehand, so that the time is the verdict's alone. Beside it: what
jupyterhub-idle-culler asks of a notebook, over the same samples.
"""

from __future__ import annotations

import time
from datetime import timedelta

from bot.domain.idle import judge
from bot.domain.idle_memory import begin
from bot.domain.idle_policy import Policy
from bot.domain.samples import Sample
from tests.bench.figures import Figure, median_of
from tests.domain.idle_replay import BEGAN_AT, sample_of
from tests.domain.idle_stories import samples, stories

LONGEST_S = 1e-3
"""A thousand verdicts a second."""

_CULLED_AFTER = timedelta(hours=1)


async def measure(*, rounds: int, quick: bool) -> list[Figure]:
    told = stories()[: 2 if quick else None]
    lives = [[sample_of(seen) for seen in samples(story)] for story in told]
    count = sum(len(life) for life in lives)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        ours.append(_judged_s(lives) / count)
        theirs.append(_culled_s(lives) / count)
    per_s = 1 / sorted(ours)[len(ours) // 2]
    return [
        median_of(
            f"one idle verdict, over {count} minutes of timelines ({per_s:,.0f} a second)",
            ours,
            beside="idle-culler's rule: no activity for an hour",
            others=theirs,
            goal=LONGEST_S,
        )
    ]


def _judged_s(lives: list[list[Sample]]) -> float:
    policy = Policy()
    began = time.perf_counter()
    for life in lives:
        memory = begin(BEGAN_AT)
        for sample in life:
            memory = judge(memory, sample, policy).memory
    return time.perf_counter() - began


def _culled_s(lives: list[list[Sample]]) -> float:
    began = time.perf_counter()
    for life in lives:
        for sample in life:
            _culls(sample)
    return time.perf_counter() - began


def _culls(sample: Sample) -> bool:
    """The newest of all activity that the notebook tells of."""
    notebook = sample.notebook
    if notebook is None:
        return False
    known = [notebook.active_at, *(kernel.active_at for kernel in notebook.kernels)]
    times = [each for each in known if each is not None]
    return bool(times) and sample.at - max(times) > _CULLED_AFTER
