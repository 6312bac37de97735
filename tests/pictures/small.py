"""PNGs as small as they can be without looking worse."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from PIL import Image

COLOURS = 256
_BETWEEN = 16  # pixels between pictures that stand side by side


def shrink(png: bytes) -> bytes:
    """The picture with a palette of its own: exact where so many colours are enough for it."""
    with Image.open(BytesIO(png)) as opened:
        image = opened.convert("RGB")
    found = image.getcolors(COLOURS)
    small = image.quantize(
        len(found) if found else COLOURS,
        method=Image.Quantize.MEDIANCUT,
        kmeans=0 if found else 1,
        dither=Image.Dither.NONE,
    )
    out = BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


def beside(pngs: Sequence[bytes]) -> bytes:
    """All in one picture, from left to right, at their tops."""
    images = [Image.open(BytesIO(png)).convert("RGB") for png in pngs]
    width = sum(one.width for one in images) + _BETWEEN * (len(images) - 1)
    sheet = Image.new("RGB", (width, max(one.height for one in images)), "#808080")
    left = 0
    for image in images:
        sheet.paste(image, (left, 0))
        left += image.width + _BETWEEN
    out = BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def cut(png: bytes, top: int, height: int) -> bytes:
    """That much of a picture, over its whole width."""
    out = BytesIO()
    with Image.open(BytesIO(png)) as image:
        image.crop((0, top, image.width, top + height)).save(out, "PNG", compress_level=1)
    return out.getvalue()
