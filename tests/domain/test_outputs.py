"""The kernel's messages become the outputs that JupyterLab would have shown, in bounded memory."""

from __future__ import annotations

import json

from bot.domain.outputs import PIECES, RICH_BYTES, UNREAD_BYTES, Execution
from bot.domain.streams import HEAD_CHARS, TAIL_CHARS, Printed


def run(*messages: tuple[str, dict]) -> Execution:
    execution = Execution(id="r1", cell_id="c1", code="x")
    for kind, content in messages:
        execution.hear(kind, content)
    return execution


def stream(text: str, name: str = "stdout") -> tuple[str, dict]:
    return "stream", {"name": name, "text": text}


def picture(data: str = "aGk=", display: str = "") -> tuple[str, dict]:
    transient = {"display_id": display} if display else {}
    return "display_data", {"data": {"image/png": data}, "metadata": {}, "transient": transient}


def test_a_cell_from_its_beginning_to_its_end() -> None:
    """Every kind of output, in nbformat's words, with the number in the brackets."""
    execution = run(
        ("status", {"execution_state": "busy"}),
        ("execute_input", {"execution_count": 3, "code": "x"}),
        stream("one\n"),
        stream("two\n"),
        stream("careful\n", "stderr"),
        picture(),
        ("execute_result", {"data": {"text/plain": "7"}, "metadata": {}, "execution_count": 3}),
        ("error", {"ename": "ValueError", "evalue": "no", "traceback": ["a", "b"]}),
        ("status", {"execution_state": "idle"}),
    )

    assert execution.done
    assert execution.count == 3
    assert execution.outputs == [
        {"output_type": "stream", "name": "stdout", "text": "one\ntwo\n"},
        {"output_type": "stream", "name": "stderr", "text": "careful\n"},
        {"output_type": "display_data", "data": {"image/png": "aGk="}, "metadata": {}},
        {
            "output_type": "execute_result",
            "data": {"text/plain": "7"},
            "metadata": {},
            "execution_count": 3,
        },
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["a", "b"]},
    ]


def test_a_progress_bar_leaves_its_last_state() -> None:
    """What is written over a line replaces it, however the messages cut it."""
    execution = run(*[stream(part) for part in ("\r 1 %", "\r 5", "0 %", "\r100 %\n", "done\n")])

    assert execution.outputs[0]["text"] == "100 %\ndone\n"


def test_text_that_is_written_over_in_part_keeps_the_rest() -> None:
    """As a terminal does, and JupyterLab; a backspace takes one back; Windows' line ends stay."""
    assert run(stream("abcdef\rxy")).outputs[0]["text"] == "xycdef"
    assert run(stream("abc\r"), stream("x")).outputs[0]["text"] == "xbc"
    assert run(stream("abc\b\bX\n")).outputs[0]["text"] == "aX\n"
    assert run(stream("abc\r\n")).outputs[0]["text"] == "abc\n"


def test_clearing_now_or_with_the_next_output() -> None:
    """fastprogress and plots that move use it."""
    assert run(stream("a"), ("clear_output", {"wait": False})).outputs == []
    waiting = run(stream("a"), ("clear_output", {"wait": True}))
    assert waiting.outputs[0]["text"] == "a"

    waiting.hear(*stream("b"))

    assert [output["text"] for output in waiting.outputs] == ["b"]


def test_a_display_is_redrawn_in_its_place() -> None:
    """And only where its name is known."""
    execution = run(picture("first", "bar"), stream("x"))

    assert execution.redraw(picture("second", "bar")[1])
    assert not execution.redraw(picture("third", "another")[1])

    assert execution.outputs[0]["data"] == {"image/png": "second"}
    assert execution.outputs[1]["text"] == "x"


def test_half_a_gigabyte_of_text_is_cut_and_says_so() -> None:
    """The beginning and the end are kept; what lies between is counted."""
    printed, whole = Printed(), 0
    line = "0123456789" * 100 + "\n"
    for _ in range(500):
        printed.add(line * 1000)
        whole += len(line) * 1000
    printed.add("the end")

    assert printed.chars <= HEAD_CHARS + TAIL_CHARS + 100
    assert printed.text.endswith(line + "the end")
    assert printed.text.startswith(line)
    assert f"[{printed.cut} characters were cut out here by Bellhop]" in printed.text
    assert printed.cut + printed.chars == whole + len("the end")


def test_a_line_that_never_ends_is_bounded() -> None:
    """No newline in sight."""
    printed = Printed()
    for _ in range(30):
        printed.add("x" * 100_000)

    assert printed.chars <= TAIL_CHARS
    assert printed.cut == 2_000_000


def test_pictures_beyond_the_bounds_are_left_out_and_said() -> None:
    """In bytes and in number; a message too large to be kept at all counts as well."""
    big = run(*[picture("x" * (RICH_BYTES // 3)) for _ in range(5)])
    assert len(big.outputs) == 3
    assert "3 outputs were left out" in big.outputs[-1]["text"]
    assert big.size <= RICH_BYTES + 10_000

    many = run(*[picture(str(number)) for number in range(PIECES + 50)])
    assert len(many.outputs) == PIECES + 1
    assert "50 outputs were left out" in many.outputs[-1]["text"]

    lost = run()
    lost.hear("display_data", None)
    assert "1 outputs were left out" in lost.outputs[-1]["text"]


def test_a_kernel_that_goes_away_ends_the_run() -> None:
    """Nothing is waited for that cannot come."""
    execution = run(stream("a"))
    before = execution.revision

    execution.end()
    execution.end()

    assert execution.done
    assert execution.revision == before + 1


def test_streams_that_are_read_later_say_the_same() -> None:
    """Kept unread they come out as if each had been heard at once, whatever comes between."""
    texts = [("a\n", "stdout"), ("b\r", "stdout"), ("ç\n", "stdout"), ("x", "stderr")]
    at_once = run(*[stream(*each) for each in texts], picture(), stream("end"))
    later = Execution(id="r1", cell_id="c1", code="x")
    for each in texts:
        later.hear_unread(json.dumps(stream(*each)[1]).encode())
    later.hear(*picture())
    later.hear_unread(json.dumps(stream("end")[1]).encode())

    assert later.state() == at_once.state()
    assert later.outputs == at_once.outputs
    assert Execution.restored(later.state()).outputs == at_once.outputs


def test_what_is_not_read_yet_has_its_bounds() -> None:
    """Nobody looks for long: it is read by itself."""
    execution = run()
    piece = json.dumps(stream("x" * 999 + "\n")[1]).encode()

    for _ in range(3000):
        execution.hear_unread(piece)
        assert execution._unread_bytes <= UNREAD_BYTES
    assert execution.size < 3_000_000
    assert len(execution.outputs[0]["text"]) >= HEAD_CHARS + TAIL_CHARS


def test_a_broken_message_among_many_is_left_out_alone() -> None:
    """Also where the pieces together would make something else."""
    execution = run()
    good = json.dumps(stream("good\n")[1]).encode()

    for content in (good, b'{"name": "stdo', b"1, 2", b"[]", b"[" * 100_000, b"\xff", good):
        execution.hear_unread(content)

    assert execution.outputs == [
        {"output_type": "stream", "name": "stdout", "text": "good\ngood\n"}
    ]
