"""A machine's log through the API: asked for, then fetched from where it is uploaded."""

from __future__ import annotations

import pytest

from bot.adapters.vast.client import Vast
from bot.domain.rentals import ContractId
from bot.errors import Down, Nonsense
from tests.adapters.vast.town import Reply, Town

ASK = "PUT /api/v0/instances/request_logs/7/"
PAPER = "GET /papers/abc.log"
SEVEN = ContractId(7)


async def test_the_last_lines_come_once_the_host_has_uploaded_them(town: Town, vast: Vast) -> None:
    """404 until then; our key is not shown to where it lies."""
    town.script(ASK, {"success": True, "result_url": f"{town.url}/papers/abc.log"})
    town.script(PAPER, Reply(404, "not yet"), Reply(200, "one\n\ntwo\nthree\n"))

    lines = await vast.logs(SEVEN, tail=2, daemon=True)

    assert lines == ["two", "three"]
    assert town.seen[0].json == {"tail": "2", "daemon_logs": "true"}
    assert all("Authorization" not in seen.headers for seen in town.seen[1:])


async def test_a_log_that_never_comes_is_given_up(town: Town, vast: Vast) -> None:
    """After some seconds; nothing waits longer for mere words."""
    town.script(ASK, {"success": True, "result_url": f"{town.url}/papers/abc.log"})
    town.script(PAPER, Reply(404, "not yet"))

    with pytest.raises(Down):
        await vast.logs(SEVEN, tail=2)


@pytest.mark.parametrize("url", ["", 7, "file:///etc/passwd"])
async def test_an_answer_without_an_address_is_nonsense(
    town: Town, vast: Vast, url: object
) -> None:
    """Only the web is asked."""
    town.script(ASK, {"success": True, "result_url": url})

    with pytest.raises(Nonsense):
        await vast.logs(SEVEN, tail=2)
