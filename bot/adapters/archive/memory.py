"""What the process keeps of the memory that archiving has used.

glibc raises its bound for memory that goes back to the system with the largest buffer that was
ever freed, up to 32 MB. From then on the chunks of an archive, a few MB each, are cut from heaps,
one heap for each thread, and these hardly shrink: it made some 30 MB of an archive's 60.
"""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE_BYTES = 524_288


def give_back_large() -> bool:
    """Have every large buffer go back to the system when it is freed, in the whole process.

    Setting the bound also keeps it where it is. False where the C library has no such bound, as
    outside glibc; then nothing changes. Repeatable.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES))
    except (AttributeError, OSError, TypeError):
        return False
