"""The market's HTTP as Vast's clients meet it: shapes, errors, pages, faults."""

from __future__ import annotations

import json
import time

import aiohttp
import pytest

from bot.sandbox.serve import Sandbox
from bot.sandbox.yard import NoMachines
from tests.sandbox.conftest import TUTORIAL, Turned, Vast


async def test_search_answers_with_the_bare_content_type(vast: Vast, sandbox: Sandbox) -> None:
    """The CLI shows nothing when a charset is appended."""
    async with vast.session.post(
        sandbox.url + "/api/v0/bundles/", json={}, headers={"Authorization": "Bearer sandbox"}
    ) as got:
        assert got.headers["Content-Type"] == "application/json"
        assert (await got.json())["offers"]


async def test_every_form_of_search_finds_the_same(vast: Vast) -> None:
    query = {"gpu_name": {"eq": "RTX A5000"}, "order": [["dph_total", "asc"]]}

    _, posted = await vast("POST", "/api/v0/bundles", query)
    _, put = await vast("PUT", "/api/v0/search/asks/", {"select_cols": ["*"], "q": query})
    _, got = await vast("GET", "/api/v0/bundles/", q=json.dumps(query))

    assert posted == put == got
    assert {each["gpu_name"] for each in posted["offers"]} == {"RTX A5000"}


async def test_storage_is_priced_into_the_total(vast: Vast) -> None:
    """5 GB unless the search says otherwise."""
    one = {"ask_contract_id": {"eq": TUTORIAL}}

    _, plain = await vast("POST", "/api/v0/bundles/", one)
    _, large = await vast("POST", "/api/v0/bundles/", {**one, "allocated_storage": 100.0})

    assert round(plain["offers"][0]["dph_total"], 9) == 0.30047
    assert round(large["offers"][0]["dph_total"], 9) == 0.3664


async def test_a_search_for_bids_is_priced_by_the_floor(vast: Vast) -> None:
    one = {"ask_contract_id": {"eq": TUTORIAL}, "type": "bid"}

    _, found = await vast("POST", "/api/v0/bundles/", one)

    assert (found["offers"][0]["dph_base"], found["offers"][0]["is_bid"]) == (0.2, True)


async def test_a_rented_offer_leaves_the_search_and_comes_back(vast: Vast) -> None:
    one = {"ask_contract_id": {"eq": TUTORIAL}}
    contract = await vast.rent()

    _, without = await vast("POST", "/api/v0/bundles/", one)
    _, rented = await vast("POST", "/api/v0/bundles/", {**one, "rented": {"eq": True}})
    await vast("DELETE", f"/api/v0/instances/{contract}/", {})
    _, back = await vast("POST", "/api/v0/bundles/", one)

    assert without["offers"] == []
    assert rented["offers"][0]["rentable"] is False
    assert len(back["offers"]) == 1


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/instances"),
        ("GET", "/api/v0/users/current"),
        ("GET", "/api/v0/ssh"),
        ("GET", "/api/v0/instances/filters"),
        ("GET", "/api/v0/template"),
        ("GET", "/api/v0/instances/7"),
        ("GET", "/sandbox/books"),
    ],
)
async def test_both_slash_forms_answer(vast: Vast, method: str, path: str, slash: str) -> None:
    status, _ = await vast(method, path + slash)

    assert status == 200


async def test_keys_are_checked_as_vast_checks_them(vast: Vast) -> None:
    """A wrong key is a 404 `auth_error`, none a 403; the names of GPUs need none."""
    wrong = await vast("GET", "/api/v1/instances/", key="other")
    none = await vast("GET", "/api/v1/instances/", key=None)
    names = await vast("GET", "/api/v0/gpu_names/unique/", key=None)

    assert wrong == (404, {"success": False, "error": "auth_error", "msg": "Invalid user key"})
    assert none[0] == 403
    assert none[1]["error"] == "auth_error"
    assert "RTX 4090" in names[1]["gpu_names"]


async def test_the_old_list_is_gone(vast: Vast) -> None:
    status, told = await vast("GET", "/api/v0/instances/", owner="me")

    assert (status, told["error"]) == (410, "deprecated_endpoint")


async def test_an_instance_shows_its_fields_by_phase(vast: Vast, clock: Turned) -> None:
    """Nothing is measured before it runs; the address ends in a newline, as on Vast."""
    contract = await vast.rent(
        label="a/1", env={"-p 8080:8080": "1"}, runtype="ssh_direc ssh_proxy"
    )

    early = await vast.one(contract)
    clock.turn(seconds=36 + 90)
    await vast.one(contract)
    late = await vast.one(contract)

    assert early["actual_status"] is None
    assert early["ports"] == {}
    assert (early["gpu_util"], early["uptime_mins"], early["disk_usage"]) == (None, None, -1)
    assert early["start_date"] == clock.at.timestamp() - 126
    assert early["extra_env"] == [["-p 8080:8080", "1"]]
    assert early["image_runtype"] == "ssh ssh_direc ssh_proxy"
    assert late["actual_status"] == "running"
    assert late["uptime_mins"] == 1.5
    assert late["public_ipaddr"] == "127.0.0.1\n"
    assert late["ports"]["22/tcp"][0]["HostPort"] == str(late["ssh_port"])
    assert round(late["dph_total"], 9) == 0.30394
    assert round(late["instance"]["totalHour"], 9) == 0.30394


async def test_a_missing_instance_reads_as_null(vast: Vast) -> None:
    """200 and null for one that is gone or never was; changes answer 404."""
    contract = await vast.rent()
    await vast("DELETE", f"/api/v0/instances/{contract}/", {})

    assert await vast("GET", f"/api/v0/instances/{contract}/") == (200, {"instances": None})
    assert await vast("GET", "/api/v0/instances/1/") == (200, {"instances": None})
    for method, path, body in (
        ("PUT", f"/api/v0/instances/{contract}/", {"state": "stopped"}),
        ("DELETE", f"/api/v0/instances/{contract}/", {}),
        ("PUT", f"/api/v0/instances/request_logs/{contract}/", {"tail": "10"}),
    ):
        status, told = await vast(method, path, body)
        assert (status, told["error"]) == (404, "no_such_instance")


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        (f"/api/v0/asks/{TUTORIAL}/", {"image": "a", "colour": "red"}, "colour"),
        (f"/api/v0/asks/{TUTORIAL}/", {"disk": 10}, "image"),
        (f"/api/v0/asks/{TUTORIAL}/", {"image": "a", "disk": "wide"}, "disk"),
        (f"/api/v0/asks/{TUTORIAL}/", {"image": "a", "runtype": "vnc"}, "runtype"),
        (f"/api/v0/asks/{TUTORIAL}/", {"image": "a", "label": "x" * 257}, "label"),
        (f"/api/v0/asks/{TUTORIAL}/", {"image": "a", "env": {"A": 1}}, "env"),
        ("/api/v0/search/asks/", {"q": {"gpu_nam": {"eq": "x"}}}, "gpu_nam"),
    ],
)
async def test_unknown_and_wrong_fields_are_refused_by_name(
    vast: Vast, path: str, body: object, named: str
) -> None:
    status, told = await vast("PUT", path, body)

    assert (status, told["error"]) == (400, "invalid_args")
    assert named in told["msg"]


async def test_an_offer_that_is_gone_says_so(vast: Vast) -> None:
    """400 with the code in the text, as seen live."""
    await vast.rent()

    status, told = await vast("PUT", f"/api/v0/asks/{TUTORIAL}/", {"image": "a"})

    assert (status, told["error"], told["ask_id"]) == (400, "invalid_args", TUTORIAL)
    assert "no_such_ask" in told["msg"]


async def test_broken_json_is_refused(vast: Vast, sandbox: Sandbox) -> None:
    headers = {"Authorization": "Bearer sandbox"}
    async with vast.session.put(
        f"{sandbox.url}/api/v0/asks/{TUTORIAL}/", data=b"{", headers=headers
    ) as got:
        assert (got.status, (await got.json())["msg"]) == (400, "Invalid json body")


async def test_lists_come_in_pages_of_25(vast: Vast, sandbox: Sandbox, clock: Turned) -> None:
    """A token leads on, also behind an instance that is gone meanwhile; a bad one is refused."""
    rented = [
        await vast.rent(offer.id, label=f"a/{index % 2}")
        for index, offer in enumerate(list(sandbox.world.offers.values())[:60])
    ]
    clock.turn(seconds=10)

    _, first = await vast("GET", "/api/v1/instances/", limit="100")
    await vast("DELETE", f"/api/v0/instances/{first['instances'][-1]['id']}/", {})
    clock.turn(seconds=10)
    _, second = await vast("GET", "/api/v1/instances/", after_token=first["next_token"])
    _, third = await vast("GET", "/api/v1/instances/", after_token=second["next_token"])

    shown = [each["id"] for page in (first, second, third) for each in page["instances"]]
    assert shown == rented
    assert third["next_token"] is None
    assert first["label_counts"] == {"": 0, "a/0": 30, "a/1": 30}
    assert (await vast("GET", "/api/v1/instances/", after_token="?"))[1]["error"] == "invalid_token"


async def test_lists_are_filtered_ordered_and_cut_to_columns(
    vast: Vast, sandbox: Sandbox, clock: Turned
) -> None:
    offers = list(sandbox.world.offers)[:3]
    rented = [await vast.rent(offer, label=f"a/{offer}") for offer in offers]
    clock.turn(seconds=10)

    _, labelled = await vast(
        "GET", "/api/v1/instances/", select_filters=json.dumps({"label": {"eq": f"a/{offers[1]}"}})
    )
    _, turned = await vast(
        "GET",
        "/api/v1/instances/",
        order_by=json.dumps([{"col": "id", "dir": "desc"}]),
        select_cols=json.dumps(["id", "label", "beauty"]),
    )
    refused = await vast(
        "GET", "/api/v1/instances/", select_filters=json.dumps({"dph_total": {"gt": 1}})
    )

    assert [each["id"] for each in labelled["instances"]] == [rented[1]]
    assert (labelled["instances_found"], labelled["total_instances"]) == (1, 3)
    assert [each["id"] for each in turned["instances"]] == rented[::-1]
    assert set(turned["instances"][0]) == {"id", "label", "beauty"}
    assert refused[0] == 400
    assert "dph_total is not a valid search key" in refused[1]["msg"]


async def test_a_thousand_instances_are_listed_quickly(clock: Turned) -> None:
    """All 40 pages cost less than two seconds of processor time, client included."""
    sandbox = Sandbox(yard=NoMachines(), offers=1000, now=clock, credit=100_000)
    url = await sandbox.start()
    async with aiohttp.ClientSession() as session:
        vast = Vast(session, url)
        for offer in list(sandbox.world.offers)[:1000]:
            await vast.rent(offer)
        clock.turn(seconds=10)
        await sandbox.settled()

        began, rows, token = time.process_time(), 0, ""
        while token is not None:
            _, page = await vast("GET", "/api/v1/instances/", after_token=token)
            rows, token = rows + len(page["instances"]), page["next_token"]
        took_s = time.process_time() - began
    await sandbox.close()

    assert rows == 1000
    assert took_s < 2


async def test_stop_and_start_and_their_bulk_forms(vast: Vast, clock: Turned) -> None:
    contract = await vast.rent()
    clock.turn(seconds=36)

    stopped = await vast("PUT", f"/api/v0/instances/{contract}/", {"state": "stopped"})
    clock.turn(seconds=1)
    down = await vast.one(contract)
    await vast("PUT", "/api/v0/instances/", {"state": "running", "ids": [contract]})
    clock.turn(seconds=2)
    up = await vast.one(contract)
    gone = await vast("DELETE", "/api/v0/instances/", {"instance_ids": [contract]})

    assert stopped == (200, {"success": True})
    assert (down["actual_status"], down["cur_state"], down["ports"]) == ("exited", "stopped", {})
    assert round(down["instance"]["totalHour"], 9) == 0.00694
    assert up["actual_status"] == "running"
    assert gone[1]["success"] is True


async def test_a_start_whose_gpu_is_taken_answers_200_without_success(
    vast: Vast, clock: Turned
) -> None:
    contract = await vast.rent()
    clock.turn(seconds=36)
    await vast("PUT", f"/api/v0/instances/{contract}/", {"state": "stopped"})
    clock.turn(seconds=1)
    await vast("PUT", f"/sandbox/instances/{contract}", {"gpu_taken": True})

    status, told = await vast("PUT", f"/api/v0/instances/{contract}/", {"state": "running"})

    assert (status, told["success"], told["error"]) == (200, False, "resources_unavailable")


async def test_logs_are_behind_an_address_that_needs_no_key(
    vast: Vast, sandbox: Sandbox, clock: Turned
) -> None:
    contract = await vast.rent()
    clock.turn(seconds=36)
    sandbox.faults.add("slow_logs", seconds=5)
    path = f"/api/v0/instances/request_logs/{contract}/"

    _, told = await vast("PUT", path, {"tail": "2", "daemon_logs": "true"})
    async with vast.session.get(told["result_url"]) as early:
        assert early.status == 404
    clock.turn(seconds=5)
    async with vast.session.get(told["result_url"]) as late:
        text = await late.text()

    assert text.splitlines()[-1].endswith("success, running pytorch_1/ssh")
    assert len(text.splitlines()) == 2


async def test_keys_of_the_account_and_of_an_instance(vast: Vast) -> None:
    made = (await vast("POST", "/api/v0/ssh/", {"ssh_key": "ssh-ed25519 AAAA me\n"}))[1]["key"]
    contract = await vast.rent()
    await vast("POST", f"/api/v0/instances/{contract}/ssh/", {"ssh_key": "ssh-ed25519 BBBB"})

    _, listed = await vast("GET", "/api/v0/ssh/")
    _, attached = await vast("GET", f"/api/v0/instances/{contract}/ssh/")
    await vast("DELETE", f"/api/v0/instances/{contract}/ssh/{made['id']}/", {})
    _, rest = await vast("GET", f"/api/v0/instances/{contract}/ssh/")
    await vast("DELETE", f"/api/v0/ssh/{made['id']}/", {})

    assert made["public_key"] == listed[0]["key"] == "ssh-ed25519 AAAA me"
    assert [each["public_key"] for each in json.loads(attached["ssh_keys"])] == [
        "ssh-ed25519 AAAA me",
        "ssh-ed25519 BBBB",
    ]
    assert len(json.loads(rest["ssh_keys"])) == 1
    assert (await vast("GET", "/api/v0/ssh/"))[1] == []
    assert (await vast("POST", "/api/v0/ssh/", {}))[1]["error"] == "no_ssh_key"
    assert (await vast("DELETE", "/api/v0/ssh/99/", {}))[0] == 400
    assert (await vast("DELETE", f"/api/v0/instances/{contract}/ssh/99/", {}))[0] == 404


async def test_a_teams_account_takes_no_keys(vast: Vast, sandbox: Sandbox) -> None:
    sandbox.faults.add("team_key", times=None)

    status, told = await vast("POST", "/api/v0/ssh/", {"ssh_key": "ssh-ed25519 AAAA"})

    assert (status, told["error"]) == (400, "team_ssh_keys_not_supported")


async def test_charges_are_told_by_instance_with_its_label(vast: Vast, clock: Turned) -> None:
    """An hour and 36 s: GPU $0.297, disk $0.007009; destroyed ones stay listed."""
    contract = await vast.rent(label="a/1")
    start = int(clock.at.timestamp())
    clock.turn(hours=1, seconds=36)
    await vast("DELETE", f"/api/v0/instances/{contract}/", {})
    day = json.dumps({"day": {"gte": start, "lte": start + 86400}})
    next_day = json.dumps({"day": {"gte": start + 86400, "lte": start + 2 * 86400}})

    _, told = await vast("GET", "/api/v0/charges/", select_filters=day)
    _, later = await vast("GET", "/api/v0/charges/", select_filters=next_day)
    unbound = await vast("GET", "/api/v0/charges/")

    row = told["results"][0]
    assert (row["source"], row["amount"]) == (f"instance-{contract}", 0.304)
    assert row["metadata"] == {"label": "a/1"}
    assert {item["type"]: item["amount"] for item in row["items"]} == {"gpu": 0.297, "disk": 0.007}
    assert later["results"] == []
    assert unbound[0] == 400


async def test_the_users_credit_falls(vast: Vast, clock: Turned) -> None:
    await vast("PUT", "/sandbox/account", {"credit": 10})
    await vast.rent()

    clock.turn(hours=1, seconds=36)
    _, user = await vast("GET", "/api/v0/users/current")

    assert user["credit"] == 10 - 0.304009
    assert user["host_agreement_accepted"] is False


async def test_the_books_tell_every_instance_there_ever_was(vast: Vast, clock: Turned) -> None:
    contract = await vast.rent(label="a/1")
    clock.turn(hours=1, seconds=36)
    await vast("DELETE", f"/api/v0/instances/{contract}/", {})

    _, books = await vast("GET", "/sandbox/books", key=None)

    entry = books["instances"][0]
    assert entry["id"] == contract
    assert (entry["label"], entry["machine_id"], entry["state"]) == ("a/1", 13_017, "destroyed")
    assert entry["created_at"] == "2026-03-01T12:00:00Z"
    assert entry["running_at"] == "2026-03-01T12:00:36Z"
    assert entry["destroyed_at"] == entry["stopped_at"] == "2026-03-01T13:00:36Z"
    assert entry["billed"] == {"gpu": 297_000, "storage": 7_009, "download": 0, "upload": 0}
    assert books["credit"] == 100_000_000 - 304_009


async def test_an_instance_can_be_changed_from_outside(vast: Vast, clock: Turned) -> None:
    """What a host or another person could bring about."""
    contract = await vast.rent()
    clock.turn(seconds=36)
    path = f"/sandbox/instances/{contract}"

    await vast("PUT", path, {"gpu_util": 97.5, "vram_mb": 8000, "label": "other"})
    busy = await vast.one(contract)
    await vast("PUT", path, {"state": "offline"})
    offline = await vast.one(contract)
    refused = await vast("PUT", path, {"state": "on fire"})
    await vast("PUT", path, {"state": "destroyed"})

    assert (busy["gpu_util"], busy["vmem_usage"], busy["label"]) == (97.5, 8.0, "other")
    assert (offline["actual_status"], offline["gpu_util"]) == ("offline", None)
    assert refused[0] == 400
    assert (await vast("GET", f"/api/v0/instances/{contract}/"))[1] == {"instances": None}


async def test_unknown_routes_are_loud(vast: Vast, caplog: pytest.LogCaptureFixture) -> None:
    """404 with a message, a warning in the log, a line in the record of requests."""
    status, told = await vast("POST", "/api/v0/instances/take_snapshot/7/", {"repo": "x"})

    assert (status, told["error"]) == (404, "not_found")
    assert "take_snapshot" in told["msg"]
    assert "take_snapshot" in caplog.text
    _, seen = await vast("GET", "/sandbox/requests", key=None)
    assert [(each["known"], each["body"]) for each in seen] == [(False, {"repo": "x"})]


async def test_every_request_that_changes_something_is_kept(vast: Vast) -> None:
    contract = await vast.rent(label="a/1")
    await vast("GET", "/api/v1/instances/")
    await vast("DELETE", f"/api/v0/instances/{contract}/", {})

    _, seen = await vast("GET", "/sandbox/requests", key=None)

    assert [(each["method"], each["path"]) for each in seen] == [
        ("PUT", f"/api/v0/asks/{TUTORIAL}/"),
        ("DELETE", f"/api/v0/instances/{contract}/"),
    ]
    assert seen[0]["body"]["label"] == "a/1"


async def test_faults_are_set_listed_and_cleared_over_http(vast: Vast) -> None:
    fault = {"fault": "rate_limited", "times": 2, "match": {"method": "GET"}, "retry_after": 3}

    set_to = await vast("POST", "/sandbox/faults", fault)
    wrong = await vast("POST", "/sandbox/faults", {"fault": "earthquake"})
    cleared = await vast("DELETE", "/sandbox/faults")

    assert set_to[1]["in_force"] == [fault]
    assert {"slow", "cut", "lost_answer", "dies_later"} <= set(set_to[1]["names"])
    assert wrong[0] == 400
    assert cleared[1]["in_force"] == []


@pytest.mark.parametrize(
    ("fault", "status", "kind", "says"),
    [
        ({"fault": "rate_limited", "retry_after": 2}, 429, "text/plain", "too frequent"),
        ({"fault": "server_error", "status": 502}, 502, "text/html", "502"),
        ({"fault": "html"}, 200, "text/html", "<html>"),
        ({"fault": "nonsense"}, 200, "application/json", "nonsense"),
        ({"fault": "bad_key"}, 404, "application/json", "auth_error"),
        ({"fault": "two_factor"}, 401, "application/json", "Two Factor"),
    ],
)
async def test_faults_answer_in_place_of_the_market(
    vast: Vast, sandbox: Sandbox, fault: dict[str, object], status: int, kind: str, says: str
) -> None:
    """Once, and nothing is carried out."""
    await vast("POST", "/sandbox/faults", fault)
    headers = {"Authorization": "Bearer sandbox"}

    async with vast.session.put(
        f"{sandbox.url}/api/v0/asks/{TUTORIAL}/", json={"image": "a"}, headers=headers
    ) as got:
        text = await got.text()

    assert (got.status, got.content_type) == (status, kind)
    assert says in text
    assert sandbox.world.contracts == {}
    assert (await vast("GET", "/api/v0/users/current"))[0] == 200


@pytest.mark.parametrize(("fault", "carried_out"), [("cut", 0), ("lost_answer", 1)])
async def test_a_connection_can_be_cut_before_or_after(
    vast: Vast, sandbox: Sandbox, fault: str, carried_out: int
) -> None:
    """Twice, since aiohttp's client sends a PUT again by itself."""
    fault_twice = {"fault": fault, "times": 2, "match": {"path": "/asks/", "label": "a/1"}}
    await vast("POST", "/sandbox/faults", fault_twice)

    with pytest.raises(aiohttp.ClientError):
        await vast.rent(label="a/1")

    assert len(sandbox.world.contracts) == carried_out


async def test_the_second_page_of_a_list_may_fail(
    vast: Vast, sandbox: Sandbox, clock: Turned
) -> None:
    for offer in list(sandbox.world.offers)[:3]:
        await vast.rent(offer)
    clock.turn(seconds=10)
    sandbox.faults.add("partial_list")

    status, first = await vast("GET", "/api/v1/instances/", limit="2")
    failed, _ = await vast("GET", "/api/v1/instances/", limit="2", after_token=first["next_token"])

    assert (status, failed) == (200, 500)


async def test_a_state_may_be_one_that_nobody_knows(vast: Vast, sandbox: Sandbox) -> None:
    contract = await vast.rent()
    sandbox.faults.add("unknown_state", state="hibernating")

    assert (await vast.one(contract))["actual_status"] == "hibernating"
    assert (await vast.one(contract))["actual_status"] is None


async def test_a_search_may_show_doubles_and_ignore_filters(vast: Vast, sandbox: Sandbox) -> None:
    """Both happen at Vast at times."""
    one = {"ask_contract_id": {"eq": TUTORIAL}}
    sandbox.faults.add("duplicates")
    _, double = await vast("POST", "/api/v0/bundles/", one)
    sandbox.faults.add("unfiltered")
    _, all_kinds = await vast("POST", "/api/v0/bundles/", one)

    assert [each["id"] for each in double["offers"]] == [TUTORIAL, TUTORIAL]
    assert len({each["score"] for each in double["offers"]}) == 2
    assert len(all_kinds["offers"]) == 64


async def test_a_low_bid_answers_an_error_that_names_a_contract(vast: Vast) -> None:
    """The contract exists, stopped, and bills its disk: clients must destroy it."""
    status, told = await vast("PUT", f"/api/v0/asks/{TUTORIAL}/", {"image": "a", "price": 0.05})

    assert (status, told["success"]) == (400, False)
    shown = await vast.one(told["new_contract"])
    assert (shown["intended_status"], shown["cur_state"]) == ("stopped", "stopped")


async def test_commands_are_checked_and_then_refused(vast: Vast) -> None:
    """Only ls, rm and du are commands; the market itself has no disk to run them on."""
    contract = await vast.rent()
    path = f"/api/v0/instances/command/{contract}/"

    wrong = await vast("PUT", path, {"command": "reboot"})
    right = await vast("PUT", path, {"command": "ls -l /workspace"})

    assert (wrong[0], wrong[1]["error"]) == (400, "invalid_args")
    assert (right[0], right[1]["error"]) == (400, "invalid_container")
