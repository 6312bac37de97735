"""Pictures of the people in the demo: a letter on a colour, and a bell for Bellhop.

Drawn rather than stored: there is nothing to download and nothing to license.
"""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

SIZE = 128  # pixels; shown at 40
_SCALE = 4  # drawn larger, so that edges come out smooth


def letter(sign: str, colour: str) -> bytes:
    """A PNG with one letter."""
    image, draw, side = _canvas(colour)
    font = ImageFont.load_default(side * 0.5)
    draw.text((side / 2, side / 2), sign, "white", font, anchor="mm")
    return _png(image)


def bell(colour: str) -> bytes:
    """A PNG with the bell of a hotel's desk."""
    image, draw, side = _canvas(colour)

    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
        return tuple(side * at for at in (left, top, right, bottom))

    draw.pieslice(box(0.24, 0.34, 0.76, 0.86), 180, 360, "white")
    draw.rounded_rectangle(box(0.20, 0.64, 0.80, 0.71), side * 0.03, "white")
    draw.rectangle(box(0.48, 0.28, 0.52, 0.36), "white")
    draw.ellipse(box(0.44, 0.22, 0.56, 0.30), "white")
    return _png(image)


def _canvas(colour: str) -> tuple[Image.Image, ImageDraw.ImageDraw, int]:
    side = SIZE * _SCALE
    image = Image.new("RGB", (side, side), colour)
    return image, ImageDraw.Draw(image), side


def _png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()
