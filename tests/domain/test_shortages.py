"""What counts as a lack of memory, for how long, and what does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.samples import Gpu, Kernel, Machine, Notebook, Sample
from bot.domain.shortages import (
    FULL_FOR,
    LASTING,
    SAME,
    Kind,
    Shortage,
    Vram,
    follow,
    heard,
    measured,
    out_of_gpu_memory,
)
from tests.builders import NOW

OF_24 = 24_564
S = timedelta(seconds=1)


def a_look(at: timedelta = timedelta(), *gpus: Gpu, state: str = "idle") -> Sample:
    return Sample(
        at=NOW + at, machine=Machine(gpus=gpus), notebook=Notebook(kernels=(Kernel("k", state),))
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has …"),
        ("RuntimeError", "CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 23.69 GiB …)"),
        ("RuntimeError", "CUDA error: out of memory\nCUDA kernel errors might be …"),
        ("RuntimeError", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"),
        ("RuntimeError", "HIP out of memory. Tried to allocate 1 GiB"),
        ("ResourceExhaustedError", "OOM when allocating tensor with shape[64,4096,4096]"),
        ("XlaRuntimeError", "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes"),
        ("CudaAPIError", "[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY"),
    ],
)
def test_what_libraries_say_of_a_full_gpu_is_understood(name: str, words: str) -> None:
    """PyTorch old and new, cuBLAS, ROCm, TensorFlow, JAX, Numba."""
    assert out_of_gpu_memory(name, words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MemoryError", "Unable to allocate 7.45 GiB for an array with shape (1000000000,)"),
        ("RuntimeError", "[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        ("RuntimeError", "CUDA error: device-side assert triggered"),
        ("ValueError", "ran out of patience"),
        ("_InactiveRpcError", "RESOURCE_EXHAUSTED: quota exceeded"),
    ],
)
def test_other_errors_are_not(name: str, words: str) -> None:
    """The machine's own memory too: no larger GPU helps there."""
    assert not out_of_gpu_memory(name, words)


def test_a_cells_own_words_stand_though_its_kernel_dies_after_them() -> None:
    """And several tabs that hear one kernel make one event."""
    words = Shortage(Kind.GPU_MEMORY, NOW, "k")

    assert heard(None, words) == words
    assert heard(words, Shortage(Kind.DIED, NOW + S, "k")) == words
    assert heard(words, Shortage(Kind.GPU_MEMORY, NOW + S, "k")) == words
    later = Shortage(Kind.DIED, NOW + SAME + S, "k")
    assert heard(words, later) == later
    other = Shortage(Kind.DIED, NOW + S, "k2")
    assert heard(words, other) == other


def test_what_was_heard_is_told_for_a_while() -> None:
    """Looks in between change nothing, a failed one neither."""
    words = Shortage(Kind.DIED, NOW, "k")

    assert follow(words, None, a_look(LASTING - S)) == words
    assert follow(words, None, Sample(at=NOW + S)) == words
    assert follow(words, None, a_look(LASTING)) is None


def test_a_kernel_that_stays_dead_is_told_once_and_as_long_as_it_is_there() -> None:
    """Jupyter says so in its list; it is no new event at every look."""
    first = follow(None, None, a_look(state="dead"))
    assert first == Shortage(Kind.DIED, NOW, "k")

    assert follow(first, None, a_look(2 * LASTING, state="dead")) == first
    assert follow(first, None, a_look(2 * LASTING)) is None


def test_a_full_gpu_on_which_nothing_computes_is_told_after_a_minute() -> None:
    """Between two cells it is nobody's trouble yet."""
    vram = measured(a_look(timedelta(), Gpu(0, 24_000)), OF_24, None)
    assert vram == Vram(at=NOW, used_mb=24_000, total_mb=OF_24, full_since=NOW)
    assert follow(None, vram, a_look()) is None

    look = a_look(FULL_FOR, Gpu(0, 24_000))
    vram = measured(look, OF_24, vram)

    assert follow(None, vram, look) == Shortage(Kind.FULL, NOW)


@pytest.mark.parametrize(
    "look",
    [
        a_look(FULL_FOR, Gpu(97, 24_000)),
        a_look(FULL_FOR, Gpu(0, 24_000), state="busy"),
        a_look(FULL_FOR, Gpu(0, 20_000)),
        Sample(at=NOW + FULL_FOR, machine=Machine(gpus=(Gpu(0, 24_000),))),
    ],
)
def test_a_gpu_that_works_or_has_room_or_may_work_is_not_full(look: Sample) -> None:
    """What cannot be told, as that no cell runs, counts as work."""
    before = Vram(at=NOW, used_mb=24_000, total_mb=OF_24, full_since=NOW)

    vram = measured(look, OF_24, before)

    assert vram is not None
    assert vram.full_since is None
    assert follow(Shortage(Kind.FULL, NOW), vram, look) is None


def test_a_look_that_failed_leaves_what_was_known() -> None:
    """Unknown is not over."""
    before = Vram(at=NOW, used_mb=24_000, total_mb=OF_24, full_since=NOW)
    failed = Sample(at=NOW + 2 * FULL_FOR)

    assert measured(failed, OF_24, before) == before
    assert follow(Shortage(Kind.FULL, NOW), before, failed) == Shortage(Kind.FULL, NOW)


def test_one_full_gpu_of_several_is_enough() -> None:
    """A model is spread over them, and the fullest one stops it."""
    look = a_look(timedelta(), Gpu(0, 300), Gpu(0, 24_100))

    vram = measured(look, OF_24, None)

    assert vram == Vram(at=NOW, used_mb=24_400, total_mb=2 * OF_24, full_since=NOW)


def test_without_figures_nothing_is_said() -> None:
    """No nvidia-smi, or an offer that does not tell."""
    assert measured(a_look(), OF_24, None) is None
    assert measured(a_look(timedelta(), Gpu(0, 9)), 0, None) is None
