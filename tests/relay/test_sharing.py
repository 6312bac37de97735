"""A second person in a notebook: let in by a share, to work or to look at only, and let go of."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import WSCloseCode, WSServerHandshakeError

from bot.errors import NotYours
from tests.relay.books import LEAD, OTHER, OWNER, RENTAL, SIBLING
from tests.relay.conftest import PAGE, House, until
from tests.relay.notebook import TOKEN
from tests.relay.test_ears import PATH, binary

CHANNELS = "/api/kernels/k1/channels?session_id=the-owners"


async def test_whom_it_is_not_shared_with_gets_no_ticket(house: House) -> None:
    """A lead neither; and a share is good for that one machine."""
    house.books.share(OTHER.id)

    assert "/-/ticket/" in await house.links.issue(OTHER, RENTAL)
    for actor, rental_id in ((LEAD, RENTAL), (OTHER, SIBLING)):
        with pytest.raises(NotYours):
            await house.links.issue(actor, rental_id)


async def test_a_share_to_work_in_opens_everything_and_counts_as_use(house: House) -> None:
    """What a guest does is a sign of life."""
    house.books.share(OTHER.id)
    cookie = await house.cookie(by=OTHER)
    origin = {"Origin": house.origin()}

    async with house.ask("/api/contents/a", {**cookie, **origin}, method="PUT", data="x") as put:
        assert put.status == 200

    assert house.traffic.last_human(RENTAL) == house.clock.now()


async def test_who_is_let_go_of_is_cut_at_once_and_the_owner_stays(house: House) -> None:
    """An open WebSocket too, and the cookie opens nothing any more."""
    share = house.books.share(OTHER.id)
    guest, owner = await house.cookie(by=OTHER), await house.cookie()

    async with house.connect("/ws", guest) as theirs, house.connect("/ws", owner) as mine:
        await theirs.send_str("here")
        assert await theirs.receive_str() == "here"
        del house.books.shares[share.id]
        house.books.sessions = {
            key: one for key, one in house.books.sessions.items() if one.member_id != OTHER.id
        }
        house.links.let_go(RENTAL, OTHER.id)

        assert (await theirs.receive(timeout=5)).data == WSCloseCode.POLICY_VIOLATION
        await mine.send_str("still")
        assert await mine.receive_str() == "still"
    async with house.ask("/hello", guest) as answer:
        assert answer.status == 403


async def test_a_share_whose_time_is_over_lets_in_nobody(house: House) -> None:
    """The cookie lives longer than the share."""
    house.books.share(OTHER.id, hours=1)
    cookie = await house.cookie(by=OTHER)

    house.clock.turn(timedelta(hours=1, seconds=6))

    async with house.ask("/hello", cookie) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/contents/a.ipynb"),
        ("POST", "/api/contents"),
        ("PATCH", "/api/contents/a"),
        ("DELETE", "/api/contents/a"),
        ("POST", "/api/kernels"),
        ("POST", "/api/kernels/k1/interrupt"),
        ("DELETE", "/api/sessions/1"),
        ("POST", "/api/terminals"),
        ("POST", "/api/shutdown"),
        ("GET", "/proxy/7860/run"),
        ("GET", "/some/extension"),
        ("GET", "/files/../proxy/7860"),
    ],
)
async def test_who_may_look_changes_nothing(house: House, method: str, path: str) -> None:
    """The notebook hears nothing of it, and the answer says why."""
    house.books.share(OTHER.id, view_only=True)
    given = {**await house.cookie(by=OTHER), "Origin": house.origin()}

    async with house.ask(path, given, method=method) as answer:
        said = await answer.json()

    assert answer.status == 403
    assert said["message"].startswith("This notebook is shared with you to look at.")
    assert house.notebook.seen == []
    assert house.traffic.last_human(RENTAL) is None


@pytest.mark.parametrize("path", ["/lab", "/api/contents/a.ipynb", "/files/a.png", "/api/sessions"])
async def test_who_may_look_sees(house: House, path: str) -> None:
    """Files, notebooks, what runs."""
    house.books.share(OTHER.id, view_only=True)

    async with house.ask(path, {**PAGE, **await house.cookie(by=OTHER)}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/terminals/websocket/1", "/ws", "/api/collaboration/room/1"])
async def test_who_may_look_gets_no_other_sockets(house: House, path: str) -> None:
    """Terminals above all."""
    house.books.share(OTHER.id, view_only=True)
    cookie = await house.cookie(by=OTHER)

    with pytest.raises(WSServerHandshakeError) as caught:
        await house.connect(path, cookie)

    assert caught.value.status == 403
    assert house.notebook.seen == []


def kernel_message(kind: str, channel: str = "shell") -> dict[str, Any]:
    header = {"msg_id": "m1", "msg_type": kind, "session": "s", "username": "", "version": "5.3"}
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": {},
        "channel": channel,
        "buffers": [],
    }


@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        ("execute_request", "shell"),
        ("complete_request", "shell"),
        ("inspect_request", "shell"),
        ("shutdown_request", "control"),
        ("debug_request", "control"),
    ],
)
async def test_what_a_kernel_would_do_is_answered_in_its_place(
    house: House, kind: str, channel: str
) -> None:
    """The cell says why nothing happens; the kernel hears nothing but later questions."""
    house.books.share(OTHER.id, view_only=True)

    async with house.connect(CHANNELS, await house.cookie(by=OTHER)) as socket:
        await socket.send_json(kernel_message(kind, channel))
        await socket.send_json(kernel_message("comm_msg"))
        await socket.send_bytes(b"\x00" * 100)
        await socket.send_json(kernel_message("kernel_info_request"))
        heard: list[Any] = []
        while not heard or heard[-1]["header"]["msg_type"] != "kernel_info_request":
            heard.append(json.loads(await socket.receive_str(timeout=5)))

    reply = kind.replace("_request", "_reply")
    kinds = [one["header"]["msg_type"] for one in heard]
    assert kinds[0] == "status"
    assert reply in kinds
    assert ("error" in kinds) is (kind == "execute_request")
    assert kinds[-2:] == ["status", "kernel_info_request"]  # the notebook repeats what it hears
    assert all("to look at" in str(one) for one in heard if one["header"]["msg_type"] == reply)
    assert house.traffic.last_human(RENTAL) is None


async def test_who_may_look_takes_nobodys_place_at_the_kernel(house: House) -> None:
    """Under another one's session Jupyter would hand over what it kept, and close theirs."""
    house.books.share(OTHER.id, view_only=True)

    async with house.connect(CHANNELS, await house.cookie(by=OTHER)):
        await until(lambda: bool(house.notebook.seen))

    seen = house.notebook.seen[0]
    assert seen.query["session_id"].startswith("view-")
    assert seen.headers["Authorization"] == f"token {TOKEN}"
    assert "Cookie" not in seen.headers
    assert "Sec-WebSocket-Protocol" not in seen.headers


async def test_a_look_ends_at_once_too(house: House) -> None:
    """The socket of who may only look is cut like any other."""
    house.books.share(OTHER.id, view_only=True)
    async with house.connect(CHANNELS, await house.cookie(by=OTHER)) as socket:
        await until(lambda: bool(house.notebook.sockets))
        house.links.let_go(RENTAL, OTHER.id)

        assert (await socket.receive(timeout=5)).data == WSCloseCode.POLICY_VIOLATION
    await until(house.notebook.gone.is_set)


async def test_who_may_look_gets_no_other_ports(house: House) -> None:
    """A program there may do anything."""
    house.books.share(OTHER.id, view_only=True)

    with pytest.raises(NotYours):
        await house.links.issue(OTHER, RENTAL, port=7860)
    assert "-7860." in await house.links.issue(OWNER, RENTAL, port=7860)


@pytest.mark.parametrize("session", ["s1", "s2", "the-guests"])
async def test_who_may_only_look_keeps_no_output_from_whose_it_is(
    house: House, session: str
) -> None:
    """What a guest says they have is neither saved by them nor by those they speak for."""
    house.books.share(OTHER.id, view_only=True)
    owner, guest = await house.cookie(), await house.cookie(by=OTHER)
    async with house.connect(PATH, owner) as socket:
        await socket.send_bytes(binary("execute_request", {"code": "x"}, number="run"))
        await socket.receive()
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 1)
    await house.notebook.tell(binary("status", {"execution_state": "idle"}, parent="run"))
    await until(lambda: house.outputs.kept(RENTAL, "k1") == 0)
    (run,) = house.outputs.held(RENTAL)

    async with house.connect(PATH.replace("s1", "s2"), owner):
        assert await _outputs(house, owner, "s2", {}) == 1
        assert await _outputs(house, guest, session, {}) == 1
        assert await _outputs(house, guest, session, {"run": run.revision}) == 0

        assert house.outputs.safe(RENTAL) == frozenset()
        assert not house.outputs._keeps(RENTAL)  # the owner's tab shows it, and will save it
        assert await _outputs(house, owner, "s2", {"run": run.revision}) == 0
        assert house.outputs.safe(RENTAL) == {"run"}


async def _outputs(house: House, cookie: dict[str, str], session: str, has: dict[str, int]) -> int:
    """How many runs a tab is told that says it has these."""
    asked = json.dumps({"session": session, "has": has})
    given = {"Origin": house.origin(), **cookie}
    async with house.ask("/-/outputs/k1", given, method="POST", data=asked) as answer:
        assert answer.status == 200
        return len((await answer.json())["runs"])
