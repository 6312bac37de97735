"""`bellhop policy` as a process of its own."""

from __future__ import annotations

from pathlib import Path

from tests.test_main import _bellhop


def test_the_policy_is_shown_set_and_taken_away(tmp_path: Path) -> None:
    """What is set says so; without a word, it is shown."""
    _bellhop("migrate", folder=tmp_path)

    done = _bellhop("policy", "set", "idle=45m", "member/7/zone=Berlin", folder=tmp_path)
    shown = _bellhop("policy", folder=tmp_path)
    _bellhop("policy", "set", "idle=", folder=tmp_path)
    again = _bellhop("policy", "show", folder=tmp_path)
    changes = _bellhop("policy", "show", "--changes", folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "idle: default -> 45 min\nmember/7/zone: default -> Europe/Berlin\n"
    assert _line(shown.stdout, "idle=").startswith("idle=45 min ")
    assert " team " in _line(shown.stdout, "idle=")
    assert "member/7/zone=Europe/Berlin" in shown.stdout
    assert _line(again.stdout, "idle=").startswith("idle=1 h ")
    assert "shell  idle: 45 min -> default" in changes.stdout


def test_one_wrong_value_ends_with_2_and_changes_nothing(tmp_path: Path) -> None:
    """The line names the key and says what would be right."""
    _bellhop("migrate", folder=tmp_path)

    wrong = _bellhop("policy", "set", "answer=2h", "idle=9h", folder=tmp_path)
    bare = _bellhop("policy", "set", "idle", folder=tmp_path)
    twice = _bellhop("policy", "set", "idle=1h", "idle=2h", folder=tmp_path)
    shown = _bellhop("policy", "show", folder=tmp_path)

    assert [one.returncode for one in (wrong, bare, twice)] == [2, 2, 2]
    assert wrong.stderr == (
        "bellhop: policy: idle must be between 30 min and 4 h, e.g. idle=45m.\n"
    )
    assert "write KEY=VALUE, not 'idle'" in bare.stderr
    assert "idle is there twice" in twice.stderr
    assert "answer=1 h " in shown.stdout


def test_an_empty_database_is_not_written_to(tmp_path: Path) -> None:
    """What to do is said."""
    ran = _bellhop("policy", "set", "idle=1h", folder=tmp_path)

    assert ran.returncode == 1
    assert "bellhop migrate" in ran.stderr


def _line(printed: str, begins: str) -> str:
    return next(line for line in printed.splitlines() if line.startswith(begins))
