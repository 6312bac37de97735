"""The documents show the pictures that there are, and say in words what is on each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"
LARGEST = 150_000  # bytes
ALL_TOGETHER = 3_000_000

_SHOWN = (
    re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<path>[^)]*pictures/[^)]*)\)"),
    re.compile(r'<img src="(?P<path>[^"]*)"[^>]* alt="(?P<alt>[^"]*)">'),
)


def shown() -> list[tuple[Path, str]]:
    """Each picture that a document shows, and its words for who cannot see it."""
    return [
        ((page.parent / match["path"]).resolve(), match["alt"])
        for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
        for pattern in _SHOWN
        for match in pattern.finditer(page.read_text())
    ]


def test_documents_show_what_is_there_and_nothing_is_left_over() -> None:
    """A picture that nobody shows is taken for nothing; a hole in a page is worse."""
    assert {path for path, _ in shown()} == set(FOLDER.glob("*.png"))


@pytest.mark.parametrize(("path", "alt"), shown(), ids=lambda part: getattr(part, "name", ""))
def test_a_picture_says_in_words_what_it_is(path: Path, alt: str) -> None:
    """For who cannot see it."""
    assert len(alt.split()) >= 2


def test_pictures_are_small() -> None:
    """A clone and a page on a phone stay quick."""
    sizes = {path.name: path.stat().st_size for path in FOLDER.glob("*.png")}

    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
    assert sum(sizes.values()) < ALL_TOGETHER


def test_the_tour_tells_every_step() -> None:
    """Of the newcomer's way, in order, each with a picture."""
    text = (ROOT / "docs" / "tour.md").read_text()
    steps = re.split(r"^## ", text, flags=re.MULTILINE)[1:]

    words = ("Add", "Rent", "notebook", "budget", "idle", "Archived", "Restore", "Report")
    assert len(steps) == len(words)
    for step, word in zip(steps, words, strict=True):
        assert word in step.splitlines()[0]
        assert "<img" in step


def test_the_readme_begins_with_a_picture_and_three_sentences() -> None:
    """What it is, before anything else."""
    beginning = (ROOT / "README.md").read_text().split("## ")[0]
    said = beginning.split("![")[0].replace("Vast.ai", "Vast")

    assert len(re.findall(r"[.](?:\s|$)", said)) == 3
    assert beginning.count("![") == 1


def test_pictures_of_a_phone_are_of_a_phone() -> None:
    """Narrow ones stand beside wide ones."""
    for path in FOLDER.glob("*.png"):
        with Image.open(path) as image:
            assert (image.width < 700) is path.stem.endswith("-phone"), path.name
