"""What a browser says to a kernel: a person or not, and which cell; in both forms of it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from bot.relay.frames import Message
from bot.relay.kernels import parent_of, streamed
from bot.services.routes import Route
from tests.relay.books import RENTAL, SIBLING
from tests.relay.conftest import House, settled, until
from tests.relay.notebook import TOKEN
from tests.relay.wire import crooked

V1 = "v1.kernel.websocket.jupyter.org"
PATH = "/api/kernels/k1/channels?session_id=s1"


def text(kind: str, content: dict[str, Any], *, parent: str = "", number: str = "m1") -> str:
    """A message as JSON, the content first, as JupyterLab writes it."""
    return json.dumps(
        {
            "buffers": [],
            "channel": "shell",
            "content": content,
            "header": {"msg_id": number, "msg_type": kind, "session": "s1"},
            "metadata": {"cellId": "c1"},
            "parent_header": {"msg_id": parent} if parent else {},
        }
    )


def binary(
    kind: str, content: dict[str, Any], *, parent: str = "", number: str = "m1", tail: bytes = b""
) -> bytes:
    whole = json.loads(text(kind, content, parent=parent, number=number))
    names = ("header", "parent_header", "metadata", "content")
    parts = [b"shell", *(json.dumps(whole[name]).encode() for name in names), tail]
    offsets, at = [], 8 * (len(parts) + 2)
    for part in parts:
        offsets.append(at)
        at += len(part)
    offsets.append(at)
    numbers = [len(offsets), *offsets]
    return b"".join(number.to_bytes(8, "little") for number in numbers) + b"".join(parts)


def test_what_a_cell_printed_is_known_without_reading_all_of_it() -> None:
    """A stream by its key alone, however it is written; a string that looks like it is none."""
    content = {"name": "stdout", "text": "hello"}
    message = binary("stream", content, parent="r1")
    dense = message.replace(b'"msg_type": "stream"', b'"msg_type":"stream" ')
    spoof = binary("status", content, parent="r1", number='"msg_type": "stream"')

    for told in (message, dense):
        found = streamed(Message(2, told, len(told)))
        assert found is not None
        assert (parent_of(found[0]), json.loads(found[1])) == ("r1", content)
    for other in (spoof, binary("error", content), message[:-9], b"", message[:60], b"\xff" * 99):
        assert streamed(Message(2, other, len(other))) is None
    assert streamed(Message(1, message, len(message))) is None
    assert parent_of(b"{}") == parent_of(b"[]") == parent_of(b"nonsense") == ""


@pytest.mark.parametrize("form", [text, binary])
@pytest.mark.parametrize(
    ("kind", "person"),
    [
        ("execute_request", True),
        ("complete_request", True),
        ("inspect_request", True),
        ("is_complete_request", True),
        ("input_reply", True),
        ("interrupt_request", True),
        ("something_new", True),
        ("kernel_info_request", False),
        ("comm_info_request", False),
        ("history_request", False),
    ],
)
async def test_the_kind_of_message_tells_a_person(
    house: House, form: Any, kind: str, person: bool
) -> None:
    """What a tab says by itself when it connects is nobody; what is not known is somebody."""
    async with house.connect(PATH, await house.cookie()) as socket:
        await _say(socket, form(kind, {"code": "x"}))

    assert (house.traffic.last_human(RENTAL) is not None) is person


@pytest.mark.parametrize("form", [text, binary])
async def test_a_widget_that_polls_stops_being_a_person(house: House, form: Any) -> None:
    """Every 10 s for an hour; a slider beside it that a hand moves is seen at once."""
    async with house.connect(PATH, await house.cookie()) as socket:
        for _ in range(360):
            house.clock.turn(timedelta(seconds=10))
            await _say(socket, form("comm_msg", {"comm_id": "poll", "data": {}}))
        last = house.traffic.last_human(RENTAL)
        assert last is not None
        assert house.clock.now() - last > timedelta(minutes=55)

        await _say(socket, form("comm_msg", {"comm_id": "slider", "data": {}}))

        assert house.traffic.last_human(RENTAL) == house.clock.now()


async def test_a_tab_that_saves_what_a_cell_put_out_is_nobody(house: House) -> None:
    """JupyterLab saves every 20 s what has changed; a save without output before it is a hand's."""
    cookie = await house.cookie()

    async def saves() -> bool:
        house.clock.turn(timedelta(hours=1))
        async with house.ask("/api/contents/train.ipynb", cookie, method="PUT", data=b"{}"):
            return house.traffic.last_human(RENTAL) == house.clock.now()

    async with house.connect(PATH, cookie) as socket:
        await _say(socket, binary("execute_request", {"code": "train()"}, number="run"))
        for kind, content in [
            ("stream", {"name": "stdout", "text": "epoch 1\n"}),
            ("display_data", {"data": {"text/plain": "a picture"}}),
            ("update_display_data", {"data": {"text/plain": "a bar"}}),
            ("status", {"execution_state": "idle"}),
        ]:
            await _say(socket, binary(kind, content, parent="run"))
            assert not await saves()

        assert await saves()


@pytest.mark.parametrize("form", [text, binary])
async def test_what_a_cell_puts_out_is_kept(house: House, form: Any) -> None:
    """The echo stands for the kernel: the run, its output, and nobody else's."""
    async with house.connect(PATH, await house.cookie()) as socket:
        await _say(socket, form("execute_request", {"code": "print(1)"}, number="run"))
        for kind, content, parent in [
            ("execute_input", {"execution_count": 2}, "run"),
            ("stream", {"name": "stdout", "text": "1\n"}, "run"),
            ("stream", {"name": "stdout", "text": "not mine\n"}, "other"),
            ("status", {"execution_state": "idle"}, "run"),
        ]:
            await _say(socket, form(kind, content, parent=parent))

        (run,) = house.outputs.held(RENTAL)

    assert (run.id, run.cell_id, run.code, run.count, run.done) == (
        "run",
        "c1",
        "print(1)",
        2,
        True,
    )
    assert run.outputs == [{"output_type": "stream", "name": "stdout", "text": "1\n"}]


async def test_code_too_long_to_be_kept_is_a_run_all_the_same(house: House) -> None:
    """Its cell is known by its id."""
    async with house.connect(PATH, await house.cookie()) as socket:
        await _say(socket, binary("execute_request", {"code": "x" * 1_000_000}, number="run"))

        (run,) = house.outputs.held(RENTAL)

    assert (run.cell_id, run.code) == ("c1", None)
    assert house.traffic.last_human(RENTAL) is not None


@pytest.mark.parametrize("junk", [b"", b"\x00" * 100, b"\xff" * 300, "{}", "[1]", "nonsense"])
async def test_what_cannot_be_understood_passes_and_counts_as_a_person(
    house: House, junk: bytes | str
) -> None:
    """Nobody is overlooked for speaking another language."""
    async with house.connect(PATH, await house.cookie()) as socket:
        assert await _say(socket, junk) == junk

    assert house.traffic.last_human(RENTAL) is not None
    assert house.outputs.held(RENTAL) == []


DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize(
    "bad",
    [
        (6).to_bytes(8, "little"),
        "[" * 100_000,
        text("display_data", {"data": 0}, parent="run").replace("0", DEEP, 1),
        binary("update_display_data", {"transient": "x"}),
        binary("error", {"traceback": 1, "ename": []}, parent="run"),
        text("status", {}, parent="run").replace("{}", "[1]", 1),
    ],
    ids=lambda bad: str(bad[:20]),
)
async def test_what_a_machine_says_amiss_ends_neither_the_tab_nor_the_recording(
    house: House, bad: bytes | str, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes on to the browser as it is, and what comes after it is heard."""
    async with house.connect(PATH, await house.cookie()) as socket:
        await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
        notebook = house.notebook.sockets[-1]
        await (notebook.send_str(bad) if isinstance(bad, str) else notebook.send_bytes(bad))
        assert (await socket.receive(timeout=5)).data == bad

        await house.notebook.tell(binary("status", {"execution_state": "idle"}, parent="run"))
        assert (await socket.receive(timeout=5)).type is WSMsgType.BINARY

    (run,) = house.outputs.held(RENTAL)
    assert run.done
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("polite", [True, False])
async def test_a_running_cells_connection_outlives_its_tab(house: House, polite: bool) -> None:
    """Whether the tab says goodbye or just goes; it ends when the session comes back."""
    cookie = await house.cookie()
    async with house.connect(PATH, cookie) as socket:
        await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
        if polite:
            assert await socket.close(code=1001)
        else:
            socket._response.connection.transport.abort()

    await until(lambda: house.outputs.kept(RENTAL, "k1") == 1)
    assert not house.notebook.gone.is_set()

    async with house.connect(PATH, cookie):
        await until(house.notebook.gone.is_set)
        assert house.outputs.kept(RENTAL, "k1") == 0
        (run,) = house.outputs.held(RENTAL)
        assert not run.done


async def test_a_run_is_heard_to_its_end_when_its_tab_stopped_reading_before_it_went(
    house: House,
) -> None:
    """A laptop that sleeps holds back the notebook; once it is given up, we read on for it."""
    piece = binary("stream", {"name": "stdout", "text": "." * 65536}, parent="run")
    told = 0

    async def tell() -> None:
        nonlocal told
        for _ in range(2000):
            await house.notebook.tell(piece)
            told += 1
        await house.notebook.tell(binary("status", {"execution_state": "idle"}, parent="run"))

    async with asyncio.TaskGroup() as group:
        async with house.connect(PATH, await house.cookie()) as socket:
            await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
            transport = socket._response.connection.transport
            transport.pause_reading()
            group.create_task(tell())
            assert await settled(lambda: told) < 2000
            transport.abort()
        (run,) = house.outputs.held(RENTAL)
        await until(lambda: run.done, within_s=20)


async def test_a_connection_that_breaks_is_made_again(house: House) -> None:
    """Under the same session, so that Jupyter repeats what was said meanwhile."""
    async with house.connect(PATH, await house.cookie()) as socket:
        await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 1)
    house.notebook.seen[-1].transport.abort()
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 0)

    await house.relay.rejoin()

    await until(lambda: house.outputs.kept(RENTAL, "k1") == 1)
    again = house.notebook.seen[-1]
    assert again.query["session_id"] == "s1"
    await house.notebook.tell(binary("stream", {"name": "stdout", "text": "on"}, parent="run"))
    (run,) = house.outputs.held(RENTAL)
    await until(lambda: bool(run.outputs))
    await house.notebook.tell(binary("status", {"execution_state": "idle"}, parent="run"))
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 0)
    assert run.done


async def test_a_run_whose_connection_broke_first_is_joined_when_another_tab_comes(
    house: House,
) -> None:
    """As after a sleep, when no ping was answered any more. Its own tab is waited for till then."""
    cookie = await house.cookie()
    async with house.connect(PATH, cookie) as socket:
        await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
        house.notebook.seen[-1].transport.abort()
        await socket.receive()
    await until(lambda: house.relay.busy(RENTAL) == 0)
    await house.relay.rejoin()
    assert house.outputs.kept(RENTAL, "k1") == 0

    async with house.connect(PATH.replace("s1", "s2"), cookie):
        assert house.outputs.kept(RENTAL, "k1") == 1

    assert [one.query["session_id"] for one in house.notebook.seen] == ["s1", "s1", "s2"]


async def test_a_run_is_joined_when_its_tab_does_not_come_back_after_a_break(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor any other."""
    monkeypatch.setattr("bot.relay.kept.TAB_S", 0.0)
    async with house.connect(PATH, await house.cookie()) as socket:
        await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
        house.notebook.seen[-1].transport.abort()
        await socket.receive()
    await until(lambda: house.relay.busy(RENTAL) == 0)

    await house.relay.rejoin()

    assert house.outputs.kept(RENTAL, "k1") == 1


async def test_a_run_is_joined_again_when_its_tab_came_back_in_vain(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It found no way to the notebook, and went for good."""
    monkeypatch.setattr("bot.relay.kept.TAB_S", 0.0)
    cookie = await house.cookie()
    async with house.connect(PATH, cookie) as socket:
        await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 1)
    house.notebook.deaf = True
    with pytest.raises(WSServerHandshakeError):
        async with house.connect(PATH, cookie):
            pass
    house.notebook.deaf = False

    await house.relay.rejoin()

    await until(lambda: house.outputs.kept(RENTAL, "k1") == 1)


async def test_a_machine_that_hangs_keeps_no_other_from_being_joined_again(
    house: House, tmp_path: Path
) -> None:
    """It takes the connection and says nothing, which may last a minute."""
    house.routes.set(SIBLING, Route(house.notebook.path, TOKEN))
    for rental_id in (RENTAL, SIBLING):
        given = {"Host": house.host(rental_id), "Origin": house.origin(rental_id)}
        cookie = await house.cookie(rental_id)
        async with house.connect(PATH, {**cookie, **given}) as socket:
            await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
        await until(lambda here=rental_id: house.outputs.kept(here, "k1") == 1)
        house.notebook.seen[-1].transport.abort()
        await until(lambda here=rental_id: house.outputs.kept(here, "k1") == 0)

    async with crooked(str(tmp_path / "hangs.sock"), _hang) as heads:
        house.routes.set(RENTAL, Route(str(tmp_path / "hangs.sock"), TOKEN))
        joining = asyncio.ensure_future(house.relay.rejoin())
        await until(lambda: house.outputs.kept(SIBLING, "k1") == 1)
        await until(lambda: bool(heads))
        assert not joining.done()
        house.routes.drop(RENTAL)
        await joining


async def test_a_kernel_that_cannot_be_joined_keeps_its_sessions_in_their_turn(
    house: House,
) -> None:
    """What it holds is the first one's; a second that came before would have it thrown away."""
    cookie = await house.cookie()
    for session in ("s1", "s2"):
        async with house.connect(PATH.replace("s1", session), cookie) as socket:
            asked = binary("execute_request", {"code": "x"}, number=session)
            await _say(socket, asked.replace(b'"c1"', f'"{session}"'.encode()))
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 2)
    house.notebook.deaf = True
    for left, request in ((1, 0), (0, 1)):
        house.notebook.seen[request].transport.abort()
        await until(lambda left=left: house.outputs.kept(RENTAL, "k1") == left)
    await house.relay.rejoin()
    house.notebook.deaf = False
    house.notebook.seen.clear()

    await house.relay.rejoin()

    assert [request.query["session_id"] for request in house.notebook.seen] == ["s1", "s2"]


async def _hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_kernel_that_is_gone_ends_its_runs(house: House) -> None:
    """Nobody waits for it any more."""
    async with house.connect(
        "/api/kernels/mortal/channels?session_id=s1", await house.cookie()
    ) as socket:
        await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
    await until(lambda: house.outputs.kept(RENTAL, "mortal") == 1)
    house.notebook.dead.add("mortal")
    house.notebook.seen[-1].transport.abort()
    await until(lambda: house.outputs.kept(RENTAL, "mortal") == 0)

    await house.relay.rejoin()

    (run,) = house.outputs.held(RENTAL)
    assert run.done


async def test_a_tab_without_a_running_cell_ends_as_ever(house: House) -> None:
    """Nothing of ours stays behind."""
    async with house.connect(PATH, await house.cookie()) as socket:
        await _say(socket, binary("kernel_info_request", {}))

    await until(house.notebook.gone.is_set)
    assert house.outputs.kept(RENTAL, "k1") == 0


async def test_kept_connections_end_with_their_rental(house: House) -> None:
    """When its route changes, the machine is gone or another one."""
    async with house.connect(PATH, await house.cookie()) as socket:
        await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 1)

    house.routes.drop(RENTAL)

    await until(lambda: house.outputs.kept(RENTAL, "k1") == 0)
    await until(house.notebook.gone.is_set)


async def test_runs_of_a_rental_that_is_gone_are_kept_by_nobody(house: House) -> None:
    """They may be large, and nothing would ever take them away."""
    async with house.connect(PATH, await house.cookie()) as socket:
        await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 1)
    house.routes.drop(RENTAL)
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 0)
    assert len(house.relay._kept._broken) == 1

    house.outputs.forget(RENTAL)
    await house.relay.rejoin()

    assert len(house.relay._kept._broken) == 0


async def test_only_who_is_let_in_is_told_outputs(house: House) -> None:
    """The script and what it asks are the rental's own, like its notebook."""
    asked = json.dumps({"session": "s2", "has": {}})
    cookie = await house.cookie()
    async with house.connect(PATH, cookie) as socket:
        await _say(socket, binary("execute_request", {"code": "x"}, number="run"))
        told = await _told(house, cookie, asked)
        assert told == {"runs": [], "running": False}
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 1)

    (run,) = (await _told(house, cookie, asked))["runs"]
    assert (run["id"], run["running"], run["outputs"]) == ("run", True, [])
    for headers in ({}, {**cookie, "Origin": "https://evil.example"}):
        async with house.ask("/-/outputs/k1", headers, method="POST", data=asked) as answer:
            assert answer.status == 403
    async with house.ask("/-/outputs/k1", cookie, method="POST", data="junk") as answer:
        assert answer.status == 400
    async with house.ask("/-/outputs.js", cookie) as answer:
        assert answer.content_type == "text/javascript"


async def _say(socket: Any, message: bytes | str) -> bytes | str:
    """Send it, and wait for the echo."""
    if isinstance(message, bytes):
        await socket.send_bytes(message)
    else:
        await socket.send_str(message)
    echo = await socket.receive()
    assert echo.type in (WSMsgType.TEXT, WSMsgType.BINARY)
    return echo.data


async def _told(house: House, cookie: dict[str, str], asked: str) -> dict[str, list[Any]]:
    async with house.ask("/-/outputs/k1", cookie, method="POST", data=asked) as answer:
        assert answer.status == 200
        return json.loads(await answer.read())
