"""The account: its credit, and our key on it."""

from __future__ import annotations

import logging

import pytest

from bot.adapters.vast.client import Vast
from bot.domain.money import Usd
from bot.domain.rentals import ContractId
from bot.errors import Denied, Nonsense, Provider
from tests.adapters.vast.town import Reply, Town

USER = "GET /api/v0/users/current"
KEYS = "GET /api/v0/ssh/"
ADD = "POST /api/v0/ssh/"
OURS = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOursOursOurs bellhop@here"
NO_KEYS = Reply(404, {"success": False, "error": "x", "msg": "No SSH keys found for the user."})
TEAM = Reply(400, {"success": False, "error": "team_ssh_keys_not_supported", "msg": "Team key"})


async def test_the_credit_is_exact(
    town: Town, vast: Vast, caplog: pytest.LogCaptureFixture
) -> None:
    """Of the account only credit and e-mail are taken; its secrets go nowhere."""
    caplog.set_level(logging.DEBUG)
    town.script(
        USER, '{"credit": 24.9999995, "email": "a@b.c", "api_key": "s3cret-key", "sid": "s3cret"}'
    )

    account = await vast.account()

    assert account.credit == Usd(25_000_000)
    assert account.email == "a@b.c"
    assert "s3cret" not in repr(account) + caplog.text


async def test_an_account_without_credit_is_nonsense(town: Town, vast: Vast) -> None:
    """No number is not no money."""
    town.script(USER, {"id": 1, "credit": None})

    with pytest.raises(Nonsense):
        await vast.account()


@pytest.mark.parametrize("none", [NO_KEYS, Reply(200, [])])
async def test_our_key_is_put_on_the_account(town: Town, vast: Vast, none: Reply) -> None:
    """An account without keys answers 404, or an empty list."""
    town.script(KEYS, none)
    town.script(ADD, {"success": True, "key": {"id": 1, "public_key": OURS}})

    assert await vast.register_key(OURS + "\n") is True

    assert town.seen[-1].json == {"ssh_key": OURS}


@pytest.mark.parametrize("field", ["key", "public_key"])
async def test_a_key_that_is_there_is_not_put_twice(town: Town, vast: Vast, field: str) -> None:
    """Its comment may differ; the body is the key."""
    listed = OURS.replace("bellhop@here", "somebody else's note") + "\n"
    town.script(KEYS, [{"id": 1, field: "ssh-rsa AAAAB3 other"}, {"id": 2, field: listed}])

    assert await vast.register_key(OURS) is True

    assert town.count(ADD) == 0


async def test_a_deleted_key_is_put_again(town: Town, vast: Vast) -> None:
    """It is listed with the time of its deletion."""
    town.script(KEYS, [{"id": 1, "key": OURS, "deleted_at": "2026-01-01T00:00:00"}])
    town.script(ADD, {"success": True})

    await vast.register_key(OURS)

    assert town.count(ADD) == 1


async def test_a_team_key_may_not_hold_ssh_keys(town: Town, vast: Vast) -> None:
    """Then the key is attached to each machine instead."""
    town.script(KEYS, NO_KEYS, TEAM)
    town.script(ADD, TEAM)

    assert await vast.register_key(OURS) is False
    assert await vast.register_key(OURS) is False

    assert town.count(ADD) == 1


@pytest.mark.parametrize(
    ("listed", "kind"),
    [
        (Reply(404, {"error": "auth_error", "msg": "Invalid user key"}), Denied),
        (Reply(404, {"error": "not_found", "msg": "no route"}), Provider),
        (Reply(200, {"keys": None}), Nonsense),
    ],
)
async def test_a_list_of_keys_that_failed_adds_none(
    town: Town, vast: Vast, listed: Reply, kind: type[Exception]
) -> None:
    """An error is not an account without keys."""
    town.script(KEYS, listed)

    with pytest.raises(kind):
        await vast.register_key(OURS)

    assert town.count(ADD) == 0


async def test_a_refused_key_is_an_error(town: Town, vast: Vast) -> None:
    """Without it no machine lets us in, so it must not pass unseen."""
    town.script(KEYS, NO_KEYS)
    town.script(ADD, Reply(400, {"success": False, "error": "no_ssh_key", "msg": "Malformed"}))

    with pytest.raises(Provider):
        await vast.register_key(OURS)


async def test_a_key_is_attached_to_one_instance(town: Town, vast: Vast) -> None:
    """Safe to repeat: one that is attached already is no error, one that is refused is."""
    attach = "POST /api/v0/instances/7/ssh/"
    town.script(
        attach,
        {"success": True, "msg": "attached"},
        Reply(400, {"success": False, "msg": "Key already associated with instance"}),
        Reply(404, {"success": False, "error": "no_such_instance", "msg": "x"}),
    )

    await vast.attach_key(ContractId(7), OURS)
    await vast.attach_key(ContractId(7), OURS)
    with pytest.raises(Provider):
        await vast.attach_key(ContractId(7), OURS)

    assert town.seen[0].json == {"ssh_key": OURS}
