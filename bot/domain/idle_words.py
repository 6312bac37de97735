"""The facts of a verdict in plain words, one short phrase each, the telling ones first."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.evidence import Fact, Kind

_ORDER = list(Kind)


def phrases(facts: Iterable[Fact]) -> list[str]:
    """`["no keystroke for 62 min", "GPU 0 %", "1 idle kernel", …]`, in a fixed order."""
    return [phrase(fact) for fact in sorted(facts, key=lambda fact: _ORDER.index(fact.kind))]


def phrase(fact: Fact) -> str:
    value, names = fact.value, ", ".join(fact.names)
    whole = round(value)
    return {
        Kind.PERSON: f"no keystroke for {span(value)}",
        Kind.NOBODY: f"nobody has used it in the {span(value)} since it is ready",
        Kind.TIRELESS: "input that never pauses, as a program makes it",
        Kind.GPU: f"GPU {whole} %",
        Kind.GPU_MEMORY: f"{_memory(value)} of GPU memory held",
        Kind.GHOST: f"a GPU shows {whole} % and holds no memory, which is a fault of its host",
        Kind.GPU_REPORTED: f"GPU {whole} % by Vast.ai's count",
        Kind.GPU_UNSEEN: "the GPU's load cannot be seen",
        Kind.CPU: f"CPU {value:.1f} cores",
        Kind.NETWORK: f"network {whole} kB/s",
        Kind.DISK: f"disk {whole} kB/s written",
        Kind.UNMEASURED: "the load cannot be measured",
        Kind.FILES: f"a file was written {span(value)} ago",
        Kind.KERNELS_BUSY: f"{_count(whole, 'busy kernel')}",
        Kind.KERNELS_IDLE: f"{_count(whole, 'idle kernel')}",
        Kind.KERNELS_OTHER: f"{_count(whole, 'kernel')} neither busy nor idle",
        Kind.TAB: "a tab is open",
        Kind.RESULTS: f"a cell ended {span(value)} ago; its results may be in memory only",
        Kind.PROCESSES: f"running: {names}",
        Kind.ONLOOKERS: f"open: {names}",
        Kind.LOGINS: _count(whole, "SSH login"),
        Kind.TMUX: "a tmux session",
        Kind.JUPYTER_DOWN: "Jupyter does not run",
        Kind.JUPYTER_SILENT: "Jupyter does not answer",
    }[fact.kind]


def span(minutes: float) -> str:
    """`62 min`, `5 h`, `3 d`."""
    whole = int(minutes)
    if whole < 120:
        return f"{whole} min"
    return f"{whole // 60} h" if whole < 48 * 60 else f"{whole // 1440} d"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number != 1 else ''}"


def _memory(megabytes: float) -> str:
    return f"{megabytes / 1000:.0f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"
