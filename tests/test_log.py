"""The log: ids on every line, secrets on none."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from bot import log


@pytest.fixture
def logger() -> logging.Logger:
    return logging.getLogger("bot.example")


@pytest.fixture(autouse=True)
def _restored() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_lines_carry_the_ids_bound_around_them(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rental and person are said once and stand on every line."""
    log.set_up("text")

    with log.bound(rental="b2k7xq"), log.bound(person=7):
        logger.info("rented")
    logger.info("done")

    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("example: rented rental=b2k7xq person=7")
    assert second.endswith("example: done")


def test_json_lines_are_one_object_each(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """For machines to read."""
    log.set_up("json")

    with log.bound(rental="b2k7xq"):
        logger.warning("line\nbreak")

    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["event"], line["rental"]) == ("WARNING", "line\nbreak", "b2k7xq")


async def test_a_task_that_binds_an_id_keeps_it_to_itself(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A click binds who pressed; the next one, in a task of its own, is somebody else's."""
    log.set_up("json")

    async def click(person: int) -> None:
        log.bind(person=0)
        log.bind(person=person)
        with log.bound(step="save"):
            logger.info("pressed")

    await asyncio.gather(asyncio.create_task(click(7)), asyncio.create_task(click(8)))
    logger.info("done")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one.get("person"), one.get("step")) for one in lines] == [
        ("7", "save"),
        ("8", "save"),
        (None, None),
    ]


def test_a_quiet_log_is_quiet_for_libraries_too(capsys: pytest.CaptureFixture[str]) -> None:
    """`bellhop check` prints a table, and nothing of theirs between its lines."""
    log.set_up("text", level=logging.CRITICAL)

    logging.getLogger("discord.client").warning("PyNaCl is not installed")

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef123456",
        "GET /-/ticket/abcdef123456",
        "url?token=abcdef123456",
        'api_key="abcdef123456"',
        "Authorization: token abcdef123456",
        "the value abcdef123456 itself",
    ],
)
def test_secrets_are_hidden_whoever_logs_them(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """What looks like a secret, and what is known to be one; in traces as well."""
    log.set_up("text", secrets=("abcdef123456",))

    try:
        raise ValueError(text)
    except ValueError:
        logger.exception("failed with %s", text)

    assert "abcdef123456" not in capsys.readouterr().err


def test_a_connection_that_was_thrown_away_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The pool logs it with a trace, though nothing is lost; a fault of ours keeps its own."""
    log.set_up("text")

    for name in ("sqlalchemy.pool.impl.QueuePool", "bot.example"):
        try:
            raise OSError("connection is closed")
        except OSError:
            logging.getLogger(name).exception("while given back")

    said = capsys.readouterr().err
    assert "while given back: OSError('connection is closed')" in said.splitlines()[0]
    assert said.count("Traceback") == 1
