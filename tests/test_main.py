"""The program's words and exit codes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot import __version__
from bot.__main__ import _until_stopped, main
from tests.e2e.programs import program


def _bellhop(*words: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(Path(__file__).parents[1]), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """`bellhop --version`, as usual."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"bellhop {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["dance"],
        [],
        ["demo", "--fast", "0"],
        ["demo", "--fast", "quick"],
        ["demo", "--port", "99999"],
        ["sandbox", "--port", "-1"],
        ["sandbox", "--load-s", "nan"],
        ["sandbox", "--ssh-s", "soon"],
        ["run", "--role", "janitor"],
        ["run", "--role", "relay", "--drain", "-1"],
    ],
)
def test_wrong_arguments_end_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And say what would be right."""
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert "usage: bellhop" in capsys.readouterr().err


def test_a_missing_setting_ends_with_2_and_one_line(tmp_path: Path) -> None:
    """The line names the setting; there is no trace."""
    ran = _bellhop("run", folder=tmp_path)

    assert ran.returncode == 2
    assert ran.stderr == (
        "bellhop: DISCORD_TOKEN: is missing. "
        "Put the bot's token from the Discord developer portal there.\n"
    )


def test_settings_may_lie_in_a_file_and_the_environment_wins(tmp_path: Path) -> None:
    """`.env` of the folder the program is started in."""
    (tmp_path / ".env").write_text("DISCORD_TOKEN=from-file\nVAST_API_KEY=k\nBELLHOP_LOG=xml\n")

    from_file = _bellhop("run", folder=tmp_path)
    over = _bellhop("run", folder=tmp_path, BELLHOP_LOG="yaml")

    assert "BELLHOP_LOG: must be text or json, not 'xml'." in from_file.stderr
    assert "not 'yaml'." in over.stderr


def test_migrate_makes_the_database_and_may_be_repeated(tmp_path: Path) -> None:
    """An empty folder gets its tables; again, nothing is left to do."""
    first = _bellhop("migrate", folder=tmp_path)
    second = _bellhop("migrate", folder=tmp_path)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "is now at" in first.stdout
    assert "already" in second.stdout
    assert (tmp_path / "data" / "bellhop.db").exists()


def test_a_database_that_is_away_ends_with_1_and_what_to_do(tmp_path: Path) -> None:
    """One line, no trace, no password."""
    ran = _bellhop(
        "migrate", folder=tmp_path, DATABASE_URL="postgresql://u:hunter22@127.0.0.1:9/none"
    )

    assert ran.returncode == 1
    assert ran.stderr.startswith("bellhop: Our database is not answering. See that its server runs")
    assert "DATABASE_URL is right (ConnectionRefusedError" in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert "hunter22" not in ran.stderr + ran.stdout
    assert "Traceback" not in ran.stderr


def test_a_settings_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Saved in another encoding, say."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe")

    ran = _bellhop("migrate", folder=tmp_path)

    assert ran.returncode == 2
    assert ran.stderr.startswith("bellhop: .env: cannot be read: ")
    assert ran.stderr.count("\n") == 1


def test_what_the_sandbox_cannot_use_is_named(tmp_path: Path) -> None:
    """A port in use, a folder that cannot be made: one line, before anything is rented."""
    (tmp_path / "file").write_text("")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        no_port = _bellhop("sandbox", "--port", str(port), folder=tmp_path)
    no_folder = _bellhop("sandbox", "--port", "0", "--data", "file/data", folder=tmp_path)

    assert (no_port.returncode, no_folder.returncode) == (2, 2)
    assert no_port.stderr == (
        f"bellhop: --port: port {port} cannot be used (Address already in use). "
        "Choose another one.\n"
    )
    assert no_folder.stderr.startswith("bellhop: --data: file/data cannot be used (Not a dir")


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_tour_that_is_stopped_did_not_hold(tmp_path: Path, number: signal.Signals) -> None:
    """0 would say that every check held. What it has made is taken down first."""
    async with program(
        "-m",
        "bot",
        "demo",
        "--tour",
        "--data",
        str(tmp_path / "demo"),
        env={"TMPDIR": str(tmp_path)},
    ) as tour:
        await tour.line(lambda line: line.startswith(" 1. "))

        code = await tour.kill(number)

    assert code == 1
    assert os.listdir(tmp_path) == ["demo"]


def test_a_stop_that_a_library_swallowed_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `asyncio.wait_for` of Python 3.11 may; the process must end all the same."""
    monkeypatch.setattr("bot.__main__._AGAIN_S", 0.05)
    swallowed = []

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError as stop:
            swallowed.append(stop)
        await asyncio.sleep(30)

    assert _until_stopped(work()) is None
    assert len(swallowed) == 1


HANGING = """
import asyncio, os, signal, sys, threading, time
from bot.__main__ import _fast_loop, _until_stopped

async def work():
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 120)
    await asyncio.sleep(0.2)
    if sys.argv[1] == "fails":
        raise RuntimeError("the lease was lost")
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(120)

_until_stopped(work(), loop=_fast_loop(), within_s=0.5)
"""


@pytest.mark.parametrize(("how", "code"), [("is asked", 0), ("fails", 1)])
def test_the_end_waits_for_no_thread_that_hangs(how: str, code: int, tmp_path: Path) -> None:
    """As one does that waits for a store of archives: a stop is within ten seconds all the same."""
    began = time.monotonic()

    ended = subprocess.run(
        [sys.executable, "-c", HANGING, how],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert time.monotonic() - began < 60
    assert ended.returncode == code
    assert "left behind what did not end in time" in ended.stderr
    assert ("the lease was lost" in ended.stderr) == (how == "fails")


@pytest.mark.parametrize("role", ["bot", "worker", "relay"])
def test_a_role_on_sqlite_ends_with_2_and_the_reason(role: str, tmp_path: Path) -> None:
    """No database is made, and nobody is asked for anything."""
    ended = _bellhop(
        "run",
        "--role",
        role,
        folder=tmp_path,
        DISCORD_TOKEN="token",
        VAST_API_KEY="key",
        BELLHOP_DATA=str(tmp_path / "data"),
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("bellhop: DATABASE_URL: is SQLite, which one process has")
    assert "PostgreSQL" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "data" / "bellhop.db").exists()


def test_work_that_ends_gently_is_asked_before_it_is_cancelled() -> None:
    """As a relay does, which lets go on what is open."""
    stopping = asyncio.Event()

    async def work() -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        await stopping.wait()
        return "ended by itself"

    assert _until_stopped(work(), gently=stopping) == "ended by itself"


def test_work_that_ends_gently_is_cancelled_when_it_is_asked_again() -> None:
    """Whoever presses Ctrl+C twice does not wait."""
    stopping = asyncio.Event()

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await stopping.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)

    assert _until_stopped(work(), gently=stopping) is None
