"""SSH keys: those of the account, which every new machine gets, and those of one instance."""

from __future__ import annotations

import json

from aiohttp import web

from bot.sandbox.account import USER_ID, Key, checked_key
from bot.sandbox.refusal import Refusal
from bot.sandbox.routes.site import answer, body_of, contract_in, number_in, site_of

_TEAM = "Account SSH keys cannot be used with a team; attach keys to instances."


async def show(request: web.Request) -> web.Response:
    keys = site_of(request).world.account.keys.values()
    return answer([{**_shown(key), "key": key.text} for key in keys])


async def create(request: web.Request) -> web.Response:
    site = site_of(request)
    facts = {"method": request.method, "path": request.path}
    if site.faults.take("team_key", facts) is not None:
        raise Refusal(400, "team_ssh_keys_not_supported", _TEAM)
    text = checked_key(body_of(request, "ssh_key").get("ssh_key"))
    key = site.world.account.add_key(text, site.world.at)
    return answer({"success": True, "key": {**_shown(key), "public_key": key.text}})


async def change(request: web.Request) -> web.Response:
    text = checked_key(body_of(request, "id", "ssh_key").get("ssh_key"))
    site_of(request).world.account.change_key(number_in(request), text)
    return answer({"success": True})


async def delete(request: web.Request) -> web.Response:
    site_of(request).world.account.drop_key(number_in(request))
    return answer({"success": True})


async def show_attached(request: web.Request) -> web.Response:
    """The keys are a text that holds JSON, as on Vast."""
    keys = [
        {"id": key_id, "public_key": text} for key_id, text in contract_in(request).keys.items()
    ]
    return answer({"success": True, "ssh_keys": json.dumps(keys)})


async def attach(request: web.Request) -> web.Response:
    site, contract = site_of(request), contract_in(request)
    text = checked_key(body_of(request, "ssh_key").get("ssh_key"))
    if text not in contract.keys.values():
        site.world.set_keys(contract, {**contract.keys, site.world.account.key_id(text): text})
    return answer({"success": True, "msg": f"SSH key added to instance {contract.id}."})


async def detach(request: web.Request) -> web.Response:
    site, contract = site_of(request), contract_in(request)
    key_id = number_in(request, "key")
    if key_id not in contract.keys:
        raise Refusal(404, "no_such_ssh_key", f"No SSH key {key_id} on instance {contract.id}.")
    rest = {each: text for each, text in contract.keys.items() if each != key_id}
    site.world.set_keys(contract, rest)
    return answer({"success": True})


def _shown(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "user_id": USER_ID,
        "created_at": f"{key.created_at:%Y-%m-%dT%H:%M:%S}",
        "deleted_at": None,
    }
