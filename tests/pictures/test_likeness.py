"""What counts as the same picture: a check that lets everything pass would be none."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.pictures.album import RETAKE, Album
from tests.pictures.fonts import SANS
from tests.pictures.likeness import difference
from tests.pictures.small import beside, shrink

WORDS = "It costs $0.318/h, archived within 5 minutes"


def drawn(
    words: str = WORDS,
    *,
    down: float = 0,
    colour: str = "#4b57d6",
    blur: float = 0,
    high: int = 120,
) -> bytes:
    """A small card: words in the size of small print, and a button."""
    image = Image.new("RGB", (400, high), "#1f2227")
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(SANS, 14)
    draw.text((16, 16 + down), words, "#eceef1", font)
    draw.rectangle((16, 60 + down, 120, 96 + down), colour)
    out = BytesIO()
    (image.filter(ImageFilter.GaussianBlur(blur)) if blur else image).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "as_if",
    [drawn(), drawn(down=1), drawn(down=2), drawn(blur=0.6), drawn(high=122), shrink(drawn())],
)
def test_another_browsers_edges_and_a_pixel_are_no_difference(as_if: bytes) -> None:
    """Nobody would see it."""
    assert difference(as_if, drawn()) == ""
    assert difference(drawn(), as_if) == ""


@pytest.mark.parametrize(
    "changed",
    [
        drawn(WORDS.replace("archived", "discarded")),
        drawn(WORDS.replace("within", "after")),
        drawn(WORDS.removesuffix("s")),
        drawn(WORDS.replace("0.318", "0.313")),
        drawn(""),
        drawn(colour="#2e7d46"),
        drawn(down=6),
        drawn(high=140),
    ],
)
def test_a_word_a_colour_and_a_place_are_a_difference(changed: bytes) -> None:
    """Also one word of small print, and one that is missing."""
    assert difference(changed, drawn()) != ""
    assert difference(drawn(), changed) != ""


def test_a_picture_shrinks_and_stays_what_it_is() -> None:
    """Few colours are kept exactly."""
    png = drawn()
    small = shrink(png)

    assert len(small) < len(png)
    assert Image.open(BytesIO(small)).convert("RGB").tobytes() == Image.open(BytesIO(png)).tobytes()
    assert Image.open(BytesIO(beside([png, small]))).size == (816, 120)


def test_an_album_fails_for_what_differs_what_is_new_and_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And stores them when it is told to."""
    stored, aside = tmp_path / "stored", tmp_path
    monkeypatch.setenv(RETAKE, "1")
    first = Album(aside, stored=stored)
    first.show("cards/kept", drawn())
    first.show("cards/left", drawn())
    first.close("cards")
    monkeypatch.delenv(RETAKE)

    album = Album(aside, stored=stored)
    album.show("cards/kept", drawn("Something else"))
    album.show("cards/new", drawn())

    with pytest.raises(AssertionError) as failed:
        album.close("cards")
    said = str(failed.value)
    assert "cards/kept: " in said
    assert "cards/new: it has never been stored" in said
    assert "left.png is of something that is no more" in said
    assert (aside / "cards-kept.png").exists()


def test_an_album_that_is_stored_anew_keeps_what_looks_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a change shows only the pictures that changed, and those of things that are gone go."""
    stored = tmp_path / "stored"
    monkeypatch.setenv(RETAKE, "1")
    for names, blur in ((("a", "b"), 0.0), (("a",), 0.4)):
        album = Album(tmp_path, stored=stored)
        for name in names:
            album.show(f"cards/{name}", drawn(blur=blur))
        album.close("cards")

    assert [one.name for one in stored.rglob("*.png")] == ["a.png"]
    assert difference((stored / "cards" / "a.png").read_bytes(), drawn()) == ""
    assert (stored / "cards" / "a.png").read_bytes() == shrink(drawn())
