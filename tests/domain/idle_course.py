"""A machine whose minutes a test plays, one look each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.domain.idle import Judgement, Verdict, Word, judge
from bot.domain.idle_memory import Memory, begin, keep
from bot.domain.idle_policy import Policy
from bot.domain.samples import Gpu, Kernel, Load, Machine, Notebook, Process, Sample, Where

READY_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

RESTING = Machine(
    load=Load(cpu_cores=0.02, down_kbps=1, up_kbps=1, written_kbps=2), gpus=(Gpu(0, 2),)
)
BUSY = Notebook(kernels=(Kernel("k1", "busy"),))
IDLE = Notebook(kernels=(Kernel("k1", "idle", connections=1),))


def working(util: float = 90, used_mb: int = 20_000) -> Machine:
    return replace(RESTING, gpus=(Gpu(util, used_mb),))


def with_process(name: str, where: Where = Where.TMUX) -> Machine:
    return replace(RESTING, processes=(Process(name, 0.0, where),))


def with_cpu(cores: float) -> Machine:
    return replace(RESTING, load=replace(RESTING.load, cpu_cores=cores))


@dataclass
class Course:
    """The life of one machine since it became ready."""

    policy: Policy = field(default_factory=Policy)
    memory: Memory = field(default_factory=lambda: begin(READY_AT))
    now: datetime = READY_AT
    input_at: datetime | None = None
    said: list[tuple[int, Word]] = field(default_factory=list)  # minute, word
    last: Judgement | None = None

    @property
    def minute(self) -> int:
        return (self.now - READY_AT) // MINUTE

    @property
    def verdict(self) -> Verdict:
        assert self.last is not None
        return self.last.verdict

    def words(self) -> list[Word]:
        return [word for _, word in self.said]

    def at(self, word: Word) -> list[int]:
        return [minute for minute, said in self.said if said is word]

    def types(self) -> None:
        """Somebody presses a key through the relay, now."""
        self.input_at = self.now

    def keeps(self, span: timedelta) -> None:
        self.memory = keep(self.memory, self.now + span, self.now)

    def away(self, minutes: int) -> None:
        """Our own downtime: no look is made."""
        self.now += minutes * MINUTE

    def goes(
        self,
        minutes: int,
        machine: Machine | None = RESTING,
        notebook: Notebook | None = Notebook(),  # noqa: B008 - frozen
        *,
        vast: float | None = 0.0,
    ) -> Course:
        """So many minutes in which every look shows this."""
        for _ in range(minutes):
            self.now += MINUTE
            sample = Sample(
                at=self.now,
                machine=machine,
                notebook=notebook if machine is not None else None,
                vast_gpu_util=vast,
                input_at=self.input_at,
            )
            self.last = judge(self.memory, sample, self.policy)
            self.memory = self.last.memory
            self.said += [(self.minute, word) for word in self.last.words]
        return self
