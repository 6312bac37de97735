"""What the start script is given, and how its answer is read."""

from __future__ import annotations

import subprocess

import pytest

from bot.adapters.jupyter import start
from bot.errors import NotebookFailed
from bot.ports.machines import Ran

_SERVER = (
    '{ "port": 0, "sock": "/root/.bellhop/jupyter.sock", "token": "abc123def",'
    ' "root_dir": "/workspace", "version": "2.21.1", "pid": 7}'
)
_CLASSIC = '{"port": 40123, "token": "abc123def", "notebook_dir": "/workspace", "pid": 7}'


def test_the_server_is_found_among_other_words() -> None:
    """A profile may print what it likes, before and after."""
    notebook = start.parse(_ran(f"Welcome\nbellhop-server {_SERVER}\nbye"))

    assert notebook.socket == "/root/.bellhop/jupyter.sock"
    assert (notebook.port, notebook.root, notebook.version) == (None, "/workspace", "2.21.1")
    assert notebook.token == "abc123def"
    assert "abc123def" not in repr(notebook)


def test_notebook_6_says_it_in_its_own_way() -> None:
    """The image of 2022 has a server with a port, a `notebook_dir` and no version."""
    notebook = start.parse(_ran(f"bellhop-server {_CLASSIC}"))

    assert (notebook.socket, notebook.port, notebook.root) == (None, 40123, "/workspace")


def test_a_fault_comes_with_the_end_of_the_log() -> None:
    """Whoever looks at the log must see why."""
    told = "bellhop-fault Jupyter ended at once.\nbellhop-tail line 1\nbellhop-tail line 2"

    with pytest.raises(NotebookFailed) as raised:
        start.parse(_ran(told))

    assert str(raised.value) == "Jupyter ended at once.\nline 1\nline 2"
    assert raised.value.public == "Jupyter could not be started on the machine."


def test_a_script_that_says_nothing_is_a_fault() -> None:
    """No shell, no disk space: then what was printed as an error is all there is."""
    with pytest.raises(NotebookFailed, match="status 127\\.\nsh: not found"):
        start.parse(Ran(status=127, stdout="", stderr="sh: not found\n"))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"token": "abc123def"}', '{"port": "x"}'])
def test_nonsense_is_a_fault_without_the_token(text: str) -> None:
    """The information file holds the token, so no error may quote it."""
    with pytest.raises(NotebookFailed) as raised:
        start.parse(_ran(f"bellhop-server {text}"))

    assert "abc123def" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_wishes_cannot_break_out_of_the_script() -> None:
    """The course's address is data, whatever is in it."""
    text = start.script(packages=["a>=1", "b"], course="x'; touch /here; '$(id)", start_s=9)

    said = subprocess.run(
        ["sh"],
        input="\n".join(
            [*text.splitlines()[:3], 'printf "%s|%s|%s" "$COURSE" "$PACKAGES" $START_S']
        ),
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout == "x'; touch /here; '$(id)|a>=1 b|9"


def test_the_script_is_plain_sh() -> None:
    """Images have dash, bash or busybox; all of them must be able to read it."""
    text = start.script(packages=[], course=None, start_s=9)

    checked = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")


def _ran(stdout: str) -> Ran:
    return Ran(status=0, stdout=stdout, stderr="")
