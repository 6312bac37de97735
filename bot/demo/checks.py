"""What the tour's steps check with, and quote from."""

from __future__ import annotations


def check(held: bool, wanted: str, seen: str) -> None:
    """Raise AssertionError, with what was wanted and what was seen, unless it held."""
    if not held:
        raise AssertionError(f"wanted {wanted}; saw {seen}")


def first_line(text: str) -> str:
    return text.strip().splitlines()[0].strip("#* ")
