"""What an archive does not hold is said with names and sizes."""

from __future__ import annotations

from bot.domain.archive_words import lacking, unreadable
from bot.domain.archives import Excluded, LeftOut, Outside, Report


def an_excluded(path: bytes, rule: str, size: int) -> Excluded:
    return Excluded(path=path, rule=rule, bytes=size, entries=1)


def test_an_archive_that_holds_everything_says_nothing() -> None:
    socket = LeftOut(path=b"socket", reason="a socket, made by a program", lost=False)

    assert lacking(Report()) == lacking(Report(unarchivable=(socket,))) == ""


def test_what_is_lacking_is_said_with_sizes() -> None:
    """By rule, the largest first; hundreds of names of one rule are one."""
    pyc = [an_excluded(b"a/__pycache__/%d.pyc" % n, "compiled Python", 1_000) for n in range(200)]
    report = Report(
        excluded=(*pyc, an_excluded(b"venv/lib", "Python environment", 4 * 10**9)),
        unarchivable=(LeftOut(path=b"bad", reason="it cannot be read", lost=True),),
        links_out=(b"data",),
        outside=(Outside(folder="/root", entries=12, bytes=7_000),),
    )

    assert lacking(report) == (
        "Left out: venv/lib (Python environment, 4.0 GB), "
        "a/__pycache__/0.pyc (compiled Python, 200.0 kB). Cannot be archived: bad. "
        "Not in it is what lies behind a link out of the workspace. "
        "12 files (7.0 kB) in /root lie outside of the workspace."
    )


def test_long_names_and_many_are_cut_short() -> None:
    lost = [
        LeftOut(path=b"x" * 99 + b"%d" % n, reason="it cannot be read", lost=True) for n in range(5)
    ]

    named = unreadable(Report(unarchivable=tuple(lost)))

    assert named.endswith(" and 2 more")
    assert len(named) < 140
