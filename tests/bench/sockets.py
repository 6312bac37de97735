"""Many open notebooks for a long while: 300 WebSockets and 50 requests a second through the relay.

The real program and a town of machines; each person has come in with a ticket of their own machine.
Each WebSocket says something every few seconds and is answered. What matters is the end beside the
beginning: memory, open files and sockets must be flat, and nothing may break.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.services.vitals import KEEP_S
from tests.bench.figures import Figure, Unit, median_of, percentile_of
from tests.bench.relay import lines
from tests.bench.relay.lines import Way
from tests.bench.relay.sockets import Socket
from tests.bench.service import Service, memory, open_files, service, settle, town
from tests.e2e.chat import walk, words

MACHINES = 10
SAY_EVERY_S = 6.0
_SIZE = 200
_LOOK_S = 2.0
_FLAT = 1.05
_SMALL_PRINT = re.compile(r"^-# <@.*· ([a-z0-9]{6})$", re.MULTILINE)


@dataclass(slots=True)
class Seen:
    """By the time of each look."""

    memory: list[float] = field(default_factory=list)
    files: list[float] = field(default_factory=list)
    sockets: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    echoes: list[float] = field(default_factory=list)


async def measure(*, sockets: int, per_s: int, for_s: float) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bellhop-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with town(folder / "town", MACHINES) as market, service(folder, market) as house:
            await settle(house, MACHINES)
            await house.start()
            await house.reached(MACHINES)
            ways = [await enter(house, each) for each in _rentals(house)]
            seen = await _use(house, ways, sockets, per_s, for_s)
    return _figures(seen, sockets, per_s, for_s)


async def enter(house: Service, rental: str) -> Way:
    """As a person does: `/open`, the link, its button; the way with the cookie that this gives."""
    await house.chat.online(60)
    shown = await house.chat.command("open", rental=rental)
    url = next(str(part["url"]) for part in walk(shown) if part.get("url"))
    host, _, path = url.removeprefix("http://").partition("/")
    timeout = aiohttp.ClientTimeout(total=30)
    async with (
        aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.post(
            f"http://127.0.0.1:{house.port}/{path}",
            headers={"Host": host, "Origin": f"http://{host}"},
            allow_redirects=False,
        ) as answer,
    ):
        assert answer.status == 303, await answer.text()
        cookie = answer.cookies["bellhop"].value
    return Way(name=rental, port=house.port, host=host, cookie=cookie)


def _rentals(house: Service) -> list[str]:
    """Their ids, from the last line of each card."""
    shown = "\n".join(words(one["components"]) for one in house.chat.messages.values())
    return sorted(set(_SMALL_PRINT.findall(shown)))


async def _use(house: Service, ways: Sequence[Way], sockets: int, per_s: int, for_s: float) -> Seen:
    seen, until = Seen(), asyncio.get_running_loop().time() + for_s
    turns = itertools.cycle(ways)
    opened = [
        await Socket.open(way, f"/api/kernels/{uuid.uuid4()}/channels?session_id=s")
        for way, _ in zip(turns, range(sockets), strict=False)
    ]
    async with asyncio.TaskGroup() as work:
        for number, socket in enumerate(opened):
            work.create_task(_talk(socket, seen, SAY_EVERY_S * number / sockets, until))
        for number, way in enumerate(ways):
            work.create_task(_ask(way, seen, len(ways) / per_s, number / per_s, until))
        await _look(house, seen, until)
    for socket in opened:
        socket.close()
    told = seen.sockets[int(KEEP_S / _LOOK_S) + 1 :]  # metrics are kept for so long
    assert set(told) == {float(sockets)}, sorted(set(told))
    return seen


async def _talk(socket: Socket, seen: Seen, after_s: float, until: float) -> None:
    now = asyncio.get_running_loop().time
    due = now() + after_s
    while due < until:
        await asyncio.sleep(max(0.0, due - now()))
        seen.echoes.append(await socket.echo(bytes(_SIZE)))
        due += SAY_EVERY_S


async def _ask(way: Way, seen: Seen, every_s: float, after_s: float, until: float) -> None:
    """One request after another on one connection, at their times: a late one is not left out."""
    now = asyncio.get_running_loop().time
    one, head, due = await lines.line(way), way.head("GET", "/api/status"), now() + after_s
    while due < until:
        await asyncio.sleep(max(0.0, due - now()))
        began = now()
        one.transport.write(head)
        status, rest, length = await one.answer()
        await one.count(length - len(rest))
        seen.answers.append(now() - began)
        assert status == 200, status
        due += every_s
    one.transport.close()


async def _look(house: Service, seen: Seen, until: float) -> None:
    now = asyncio.get_running_loop().time
    while now() < until - _LOOK_S:
        await asyncio.sleep(_LOOK_S)
        told = await house.metrics()
        seen.memory.append(memory(house.pid))
        seen.files.append(open_files(house.pid))
        seen.sockets.append(told["bellhop_relay_sockets_open",])


def _figures(seen: Seen, sockets: int, per_s: int, for_s: float) -> list[Figure]:
    what = f"{sockets} WebSockets and {per_s} requests/s for {for_s / 60:g} min"
    tenth = max(1, len(seen.memory) // 10)
    rows = [
        median_of(
            f"{what}: {name}, the last tenth",
            values[-tenth:],
            beside="the same, the second tenth",
            others=values[tenth : 2 * tenth] or values[:tenth],
            unit=Unit.BYTES if unit else Unit.COUNT,
            goal_ratio=_FLAT,
        )
        for name, values, unit in (
            ("memory", seen.memory, True),
            ("open files", seen.files, False),
        )
    ]
    early = [seen.answers[: len(seen.answers) // 5], seen.echoes[: len(seen.echoes) // 5]]
    late = [seen.answers[-len(seen.answers) // 5 :], seen.echoes[-len(seen.echoes) // 5 :]]
    names = ("a request, p99 of the last fifth", "a message there and back, p99 of the last fifth")
    return rows + [
        percentile_of(f"{what}: {name}", 99, last, beside="the same, the first fifth", others=first)
        for name, first, last in zip(names, early, late, strict=True)
    ]
