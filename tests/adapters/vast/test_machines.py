"""Reading instances: the whole list or an error, and "gone" only where Vast says so."""

from __future__ import annotations

import asyncio

import pytest

from bot.adapters.vast import listing
from bot.adapters.vast.client import Vast
from bot.domain.rentals import Address, ContractId, Status
from bot.errors import BotError, Denied, Down, Nonsense, Provider, RateLimited
from tests.adapters.vast.rows import instance_row
from tests.adapters.vast.town import KEY, Reply, StillClock, Town, VirtualTimer

LIST = "GET /api/v1/instances/"
SHOW = "GET /api/v0/instances/7/"
SEVEN = ContractId(7)
BAD_KEY = Reply(404, {"success": False, "error": "auth_error", "msg": "Invalid user key"})
PAGE = Reply(200, "<!doctype html><title>Vast</title>", {"Content-Type": "text/html"})


def page(rows: list[dict[str, object]], total: int, token: str | None = None) -> dict[str, object]:
    return {
        "success": True,
        "instances_found": len(rows),
        "total_instances": total,
        "next_token": token,
        "instances": rows,
    }


def rows(first: int, last: int) -> list[dict[str, object]]:
    return [instance_row(number) for number in range(first, last + 1)]


async def test_twenty_seven_instances_come_from_two_pages(
    town: Town, vast: Vast, timer: VirtualTimer
) -> None:
    """The 26th machine is on the second page; pages wait their turn like any other call."""
    town.script(LIST, page(rows(1, 25), 27, "eyJ2=="), page(rows(26, 27), 27))

    found = await vast.machines()

    assert [seen.contract for seen in found] == list(range(1, 28))
    assert [seen.query for seen in town.seen] == [
        {"limit": "25"},
        {"limit": "25", "after_token": "eyJ2=="},
    ]
    assert all(seen.headers["Authorization"] == f"Bearer {KEY}" for seen in town.seen)
    assert town.seen[1].at - town.seen[0].at >= 1.0


async def test_no_instances_is_an_empty_list(town: Town, vast: Vast) -> None:
    """Only a complete, successful answer may say so."""
    town.script(LIST, page([], 0))

    assert await vast.machines() == []


async def test_a_failed_second_page_gives_no_part(town: Town, vast: Vast) -> None:
    """The first page alone would make every other machine look gone."""
    town.script(LIST, page(rows(1, 25), 27, "more"), Reply(500, {"msg": "oops"}))

    with pytest.raises(Down):
        await vast.machines()

    assert town.count(LIST) == 4  # one, and three tries of two


async def test_a_read_is_tried_again_when_vast_is_down(town: Town, vast: Vast) -> None:
    """Reading changes nothing, so a passing fault is not worth an error."""
    town.script(LIST, Reply(503, "busy"), Reply(cut=True), page(rows(1, 1), 1))

    assert len(await vast.machines()) == 1


async def test_the_same_instance_on_two_pages_is_one(town: Town, vast: Vast) -> None:
    """Rows may move while the pages are read."""
    town.script(LIST, page(rows(1, 25), 26, "more"), page(rows(25, 26), 26))

    assert len(await vast.machines()) == 26


@pytest.mark.parametrize(
    "pages",
    [
        [page(rows(1, 1), 2)],
        [page(rows(1, 2), 1)],
        [page(rows(1, 2), 2) | {"instances_found": 3}],
        [page(rows(1, 2), 2) | {"instances": None}],
        [page(rows(1, 2), 2) | {"instances": {"id": 1}}],
        [page(rows(1, 2), 2) | {"next_token": 5}],
        [page(rows(1, 2), 4, "same"), page(rows(1, 2), 4, "same")],
        [page([*rows(1, 1), {"label": "bellhop/x"}], 2)],
        [page([*rows(1, 1), instance_row(2, label=["odd"])], 2)],
        [page([*rows(1, 1), instance_row("twelve")], 2)],  # type: ignore[arg-type]
        [{**page([], 1), "instances": ["text"], "instances_found": 1}],
        [[]],
        [None],
        ["not JSON {"],
    ],
)
async def test_a_list_that_may_not_be_complete_is_nonsense(
    town: Town, vast: Vast, pages: list[object]
) -> None:
    """Wrong counts, endless pages, rows without an id: nothing is concluded from them."""
    town.script(LIST, *pages)

    with pytest.raises(Nonsense) as caught:
        await vast.machines()

    assert caught.value.public == "Vast.ai answered something we cannot understand."


async def test_a_list_without_counts_is_taken_as_it_is(town: Town, vast: Vast) -> None:
    """The counts are a check where they are given, not a need."""
    town.script(LIST, {"success": True, "instances": rows(1, 2)})

    assert len(await vast.machines()) == 2


@pytest.mark.parametrize("errand", ["list", "show", "destroy", "account"])
async def test_a_bad_key_is_never_a_missing_machine(town: Town, vast: Vast, errand: str) -> None:
    """Vast answers a wrong key with 404: it must not read as "already gone"."""
    calls = {
        "list": (LIST, vast.machines()),
        "show": (SHOW, vast.machine(SEVEN)),
        "destroy": ("DELETE /api/v0/instances/7/", vast.destroy(SEVEN)),
        "account": ("GET /api/v0/users/current", vast.account()),
    }
    for name, (path, call) in calls.items():
        if name != errand:
            call.close()
            continue
        town.script(path, BAD_KEY)

        with pytest.raises(Denied) as caught:
            await call

        assert caught.value.public == "Vast.ai refuses our key."
        assert "VAST_API_KEY" in caught.value.hint
        assert len(town.seen) == 1


@pytest.mark.parametrize(
    ("reply", "hint"),
    [
        (Reply(401, {"msg": "Two Factor login is required."}), "second factor"),
        (Reply(404, {"error": "x", "msg": "Session expired. Please log in again."}), "check"),
        (Reply(403, {"error": "forbidden", "msg": "You lack a permission"}), "lack a right"),
        (
            Reply(403, {"error": "auth_error", "msg": "This action requires login."}),
            "must check VAST_API_KEY",
        ),
        (Reply(200, {"success": False, "error": "auth_error"}), "must check VAST_API_KEY"),
    ],
)
async def test_a_refused_key_says_what_to_do(
    town: Town, vast: Vast, reply: Reply, hint: str
) -> None:
    """A second factor, a missing right and a wrong key need different hands."""
    town.script(LIST, reply)

    with pytest.raises(Denied) as caught:
        await vast.machines()

    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (PAGE, Down),
        (Reply(404, "<html>", {"Content-Type": "text/html"}), Down),
        (Reply(500, {"success": False, "msg": "x"}), Down),
        (Reply(cut=True), Down),
        (Reply(half=True), Down),
        (Reply(410, {"success": False, "error": "deprecated_endpoint", "msg": "old"}), Provider),
        (Reply(200, {"success": False, "error": "x", "msg": "no"}), Provider),
        (Reply(200, '{"instances": NaN}'), Nonsense),
        (Reply(302, "", {"Location": "https://elsewhere.example/"}), Nonsense),
    ],
)
async def test_other_faults_are_sorted(
    town: Town, vast: Vast, reply: Reply, kind: type[BotError]
) -> None:
    """A page or a cut is Vast being down; a refusal and nonsense are what they are."""
    town.script(LIST, reply)

    with pytest.raises(kind) as caught:
        await vast.machines()

    assert type(caught.value) is kind
    if kind is Provider:
        assert caught.value.public == "Vast.ai could not do that."


async def test_a_listing_that_never_ends_is_down(
    town: Town, vast: Vast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages together have a deadline."""
    monkeypatch.setattr(listing, "TOTAL_S", 0.2)
    town.script(LIST, Reply(stall=True))

    with pytest.raises(Down):
        await vast.machines()


async def test_one_instance_is_read_as_an_object_or_a_list(town: Town, vast: Vast) -> None:
    """Vast sends one object under a plural key; its documents show a list."""
    town.script(SHOW, {"instances": instance_row(7)}, {"instances": [instance_row(7)]})

    first, second = await vast.machine(SEVEN), await vast.machine(SEVEN)

    assert first == second
    assert first is not None
    assert first.addresses == (Address("63.135.50.11", 29283), Address("ssh7.vast.ai", 37044))
    assert first.status is Status.UP
    assert town.seen[0].query == {"owner": "me"}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {"instances": None}),
        Reply(200, {"instances": []}),
        Reply(404, {"success": False, "error": "no_such_instance", "msg": "Instance 7"}),
        Reply(404, {"success": False, "error": "not_found", "msg": ""}),
    ],
)
async def test_an_instance_is_gone_only_where_vast_says_so(
    town: Town, vast: Vast, reply: Reply
) -> None:
    """Null, an empty list, or the word for it."""
    town.script(SHOW, reply)

    assert await vast.machine(SEVEN) is None


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {}),
        Reply(200, {"instances": {}}),
        Reply(200, {"instances": "none"}),
        Reply(200, {"instances": instance_row(8)}),
        Reply(200, {"instances": [instance_row(7), instance_row(8)]}),
        Reply(200, None),
        Reply(404, {"success": False, "msg": "no route"}),
        Reply(404, "Not Found"),
        Reply(404, "<html>"),
    ],
)
async def test_an_odd_answer_is_not_gone(town: Town, vast: Vast, reply: Reply) -> None:
    """During destruction shapes may be odd, and a 404 may be about anything."""
    town.script(SHOW, reply)

    with pytest.raises(Provider):
        await vast.machine(SEVEN)


DESTROY = "DELETE /api/v0/instances/7/"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {"success": True, "msg": "Instance destroyed"}),
        Reply(404, {"success": False, "error": "no_such_instance", "msg": "x"}),
        Reply(404, {"success": False, "error": "not_found"}),
        Reply(200, {"success": False, "error": "no_such_instance"}),
    ],
)
async def test_destroying_what_is_not_there_is_no_error(
    town: Town, vast: Vast, reply: Reply
) -> None:
    """The end is asked for again until the machine is seen gone, so both are fine."""
    town.script(DESTROY, reply)

    await vast.destroy(SEVEN)

    assert town.seen[0].json == {}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(200, {"success": False, "error": "busy", "msg": "Not now"}), Provider),
        (Reply(404, {"success": False, "msg": "no route"}), Provider),
        (Reply(429, {"error": "rate_limit_exceeded", "msg": "threshold=3.0"}), RateLimited),
        (Reply(500, "oops"), Down),
        (Reply(200, ""), Nonsense),
    ],
)
async def test_a_destroy_that_failed_is_an_error(
    town: Town, vast: Vast, reply: Reply, kind: type[BotError]
) -> None:
    """Reporting a machine as destroyed that is not costs money."""
    town.script(DESTROY, reply)

    with pytest.raises(kind) as caught:
        await vast.destroy(SEVEN)

    assert type(caught.value) is kind
    assert town.count(DESTROY) == 1


async def test_a_cut_connection_has_seen_one_destroy(town: Town, vast: Vast) -> None:
    """The HTTP layer repeats nothing; the reconciler will."""
    town.script(DESTROY, Reply(cut=True))

    with pytest.raises(Down):
        await vast.destroy(SEVEN)

    assert town.count(DESTROY) == 1


async def test_an_answer_that_is_no_http_is_down_and_hides_the_key() -> None:
    """aiohttp's error for it carries the request's headers: it is not chained."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 what\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    vast = Vast(url=f"http://{host}:{port}", api_key=KEY, clock=StillClock(), timer=VirtualTimer())

    with pytest.raises(Down) as caught:
        await vast.destroy(SEVEN)

    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in f"{error!r} {error.args}"
        error = error.__cause__
    await vast.close()
    server.close()
    await server.wait_closed()
