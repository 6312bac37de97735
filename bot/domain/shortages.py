"""A GPU whose memory ran out, or is full while nothing computes; a kernel that died of it.

What a cell or Jupyter said counts for a while, what was measured as long as it is so. A look that
failed changes nothing: it is unknown, not over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.evidence import GPU_UTIL
from bot.domain.samples import Sample

LASTING = timedelta(minutes=30)
"""How long it is worth telling that a cell failed, or that a kernel died."""
FULL_FOR = timedelta(minutes=1)
"""A GPU that is full for so long between two cells is not just about to be used."""
SAME = timedelta(seconds=30)
"""What is heard again within this is the same event: several tabs hear one kernel."""

_FULL = 0.95  # of one GPU's memory; the driver and the context take the rest

# How PyTorch, CuPy, TensorFlow, JAX, Numba and CUDA's own libraries say it. Memory of the machine
# itself (`MemoryError`, DefaultCPUAllocator) is another matter: no larger GPU helps there.
_NAMES = frozenset({"OutOfMemoryError"})
_WORDS = re.compile(
    r"(CUDA|HIP|XPU)( error)?: ?out of memory|(CUDA|HIP|XPU) out of memory"
    r"|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|CU(BLAS|DNN|SOLVER)_STATUS_ALLOC_FAILED"
    r"|OOM when allocating|RESOURCE_EXHAUSTED: Out of memory"
)
_READ = 4000  # characters of an error's message


class Kind(StrEnum):
    """What happened."""

    GPU_MEMORY = "gpu_memory"  # a cell's error said that the GPU has no memory left
    DIED = "died"  # Jupyter said that a kernel ended without anybody's doing
    FULL = "full"  # measured: all but nothing is free, and nothing computes


@dataclass(frozen=True, slots=True)
class Shortage:
    kind: Kind
    at: datetime  # when it was heard; of FULL, since when it is so
    kernel_id: str = ""


@dataclass(frozen=True, slots=True)
class Vram:
    """The memory of all GPUs of a machine together, as nvidia-smi counts it."""

    at: datetime  # of the look
    used_mb: int
    total_mb: int
    full_since: datetime | None = None  # one of them is full and none computes, since then


def out_of_gpu_memory(name: str, words: str) -> bool:
    """Whether an error of a cell, by its class and its message, is about the GPU's memory."""
    return name in _NAMES or _WORDS.search(words[:_READ]) is not None


def heard(before: Shortage | None, new: Shortage) -> Shortage:
    """What to tell after something was heard: a cell's own words say more than a death after it."""
    if before is None or before.kind is Kind.FULL:
        return new
    again = new.at - before.at <= SAME and new.kernel_id == before.kernel_id
    return before if again and new.kind in (before.kind, Kind.DIED) else new


def measured(sample: Sample, vram_mb: int, before: Vram | None) -> Vram | None:
    """The memory as of a look; `vram_mb` is what one GPU has. What failed leaves what was known."""
    if sample.machine is None:
        return before
    gpus = sample.machine.gpus
    if not gpus or vram_mb <= 0:
        return None
    full = any(gpu.used_mb >= _FULL * vram_mb for gpu in gpus) and not _works(sample)
    since = before.full_since if before is not None else None
    return Vram(
        at=sample.at,
        used_mb=sum(gpu.used_mb for gpu in gpus),
        total_mb=vram_mb * len(gpus),
        full_since=(since or sample.at) if full else None,
    )


def follow(before: Shortage | None, vram: Vram | None, sample: Sample) -> Shortage | None:
    """What is to be told after a look: what was heard, as long as it is news, else what is so."""
    dead = _dead(sample)
    if before is not None and _news(before, sample.at, dead):
        return before
    if dead:
        return Shortage(Kind.DIED, sample.at, dead[0])
    since = vram.full_since if vram is not None else None
    if since is None or sample.at - since < FULL_FOR:
        return None
    return Shortage(Kind.FULL, since)


def _news(shortage: Shortage, at: datetime, dead: list[str]) -> bool:
    """Whether what was heard is still worth telling; a full GPU is measured anew instead."""
    if shortage.kind is Kind.FULL:
        return False
    return at - shortage.at < LASTING or shortage.kernel_id in dead


def _works(sample: Sample) -> bool:
    """Whether anything computes, or whether that cannot be told."""
    machine, notebook = sample.machine, sample.notebook
    if machine is None or notebook is None:
        return True
    loaded = any(gpu.util >= GPU_UTIL for gpu in machine.gpus or ())
    return loaded or any(kernel.state == "busy" for kernel in notebook.kernels)


def _dead(sample: Sample) -> list[str]:
    """The kernels of which Jupyter says that they died and cannot be started again."""
    kernels = sample.notebook.kernels if sample.notebook is not None else ()
    return [kernel.id for kernel in kernels if kernel.state == "dead"]
