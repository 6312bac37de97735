"""Whether two pictures look the same to a person.

Another version of the browser may draw an edge a little softer, or a line a pixel lower; a word, a
colour or a box that changed is something else. So the pictures are compared block by block, each
block where it fits best within two pixels.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

BLOCK = 8  # pixels; a letter of small print fills about one
SLACK = 2  # pixels that a thing may have moved, or the whole may have grown
SOFTER = 1.0  # pixels of blur, in which edges of another kind drown and letters do not
UNLIKE = 11.0  # of 255, the mean over a block; one changed digit is 17, softer edges are 6

Pixels = NDArray[np.int16]


def difference(seen: bytes, stored: bytes) -> str:
    """What a person would notice, in words; empty where that is nothing."""
    now, then = _pixels(seen), _pixels(stored)
    (height, width), (was_high, was_wide) = now.shape[:2], then.shape[:2]
    if abs(height - was_high) > SLACK or abs(width - was_wide) > SLACK:
        return f"it is {width}×{height} and was {was_wide}×{was_high}"
    height, width = min(height, was_high), min(width, was_wide)
    now, then = now[:height, :width], then[:height, :width]
    if np.abs(now - then).max() <= UNLIKE:
        return ""  # no block's mean can be more
    blocks = _blocks(now, then) > UNLIKE
    if not blocks.any():
        return ""
    rows, columns = np.nonzero(blocks)
    top, left = int(rows.min()) * BLOCK, int(columns.min()) * BLOCK
    bottom, right = (int(rows.max()) + 1) * BLOCK, (int(columns.max()) + 1) * BLOCK
    return f"{len(rows)} places differ between ({left}, {top}) and ({right}, {bottom})"


def _pixels(png: bytes) -> Pixels:
    with Image.open(BytesIO(png)) as image:
        soft = image.convert("RGB").filter(ImageFilter.GaussianBlur(SOFTER))
    return np.asarray(soft, dtype=np.int16)


def _blocks(now: Pixels, then: Pixels) -> NDArray[np.float64]:
    """Each block's mean difference, where it fits best."""
    height, width = now.shape[:2]
    edge = ((SLACK, SLACK), (SLACK, SLACK), (0, 0))
    around = np.pad(then, edge, mode="edge")
    best: NDArray[np.float64] | None = None
    for down in range(2 * SLACK + 1):
        for right in range(2 * SLACK + 1):
            moved = around[down : down + height, right : right + width]
            means = _means(np.abs(now - moved).max(axis=2))
            best = means if best is None else np.minimum(best, means)
    assert best is not None
    return best


def _means(apart: Pixels) -> NDArray[np.float64]:
    height, width = apart.shape
    padded = np.pad(apart, ((0, -height % BLOCK), (0, -width % BLOCK)))
    parts = padded.reshape(padded.shape[0] // BLOCK, BLOCK, padded.shape[1] // BLOCK, BLOCK)
    means: NDArray[np.float64] = parts.mean(axis=(1, 3))
    return means
