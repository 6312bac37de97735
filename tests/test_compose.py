"""docker-compose.yml, the Caddyfile and the image, held against the settings and one another."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.__main__ import _parser
from bot.config import NAMES, read
from bot.secret_files import FILED

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ROLES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.roles.yml").read_text())[
    "services"
]
CADDY = (ROOT / "docs" / "Caddyfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
OURS = {*NAMES, *(f"{name}_FILE" for name in FILED)}


def test_the_services_and_profiles_are_those_of_the_guide() -> None:
    """Three start by themselves; the others only when they are asked for."""
    profiles = {name: tuple(one.get("profiles", ())) for name, one in SERVICES.items()}

    assert {name for name, one in profiles.items() if not one} == {"bellhop", "postgres", "caddy"}
    assert {one for each in profiles.values() for one in each} == {"s3", "tunnel", "sandbox"}


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_watched_limited_and_comes_back(name: str) -> None:
    """And its log does not fill the disk."""
    service = SERVICES[name]

    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["logging"]["options"]["max-size"]
    assert ":latest" not in service.get("image", "")


def test_what_is_named_is_declared_and_what_is_declared_is_used() -> None:
    """Secrets, volumes, and services that others wait for."""
    secrets = {one for each in SERVICES.values() for one in each.get("secrets", ())}
    volumes = {
        volume.partition(":")[0]
        for each in SERVICES.values()
        for volume in each.get("volumes", ())
        if not volume.startswith(".")
    }
    waited = {one for each in SERVICES.values() for one in each.get("depends_on", ())}

    assert secrets == set(COMPOSE["secrets"])
    assert volumes == set(COMPOSE["volumes"])
    assert waited <= set(SERVICES)


def test_a_secret_is_only_in_its_file() -> None:
    """Whatever ends with _FILE names one that the service is given; none is in the clear."""
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if name.endswith("_FILE"):
                folder, _, secret = value.rpartition("/")
                assert (folder, secret in service["secrets"]) == ("/run/secrets", True), name
            assert name not in FILED
    assert "/secrets/" in (ROOT / ".gitignore").read_text()


def test_the_bots_settings_exist_and_can_be_used(tmp_path: Path) -> None:
    """Its environment is read by the code that reads it in production."""
    given = dict(SERVICES["bellhop"]["environment"])
    mounted = [one.rpartition(":")[2] for one in SERVICES["bellhop"]["volumes"]]
    assert set(given) <= OURS
    assert given["BELLHOP_DATA"] in mounted
    values = {"database_url": "postgresql://bellhop:p@postgres/bellhop"}
    for name, value in given.items():
        if name.endswith("_FILE"):
            file = tmp_path / value.rpartition("/")[2]
            file.write_text(values.get(file.name, "some-secret") + "\n")
            given[name] = str(file)
    given["BELLHOP_RELAY_URL"] = re.sub(r"\$\{.*\}", "gpu.example.org", given["BELLHOP_RELAY_URL"])

    settings = read(
        {**given, "BELLHOP_DATA": str(tmp_path)}, need=("DISCORD_TOKEN", "VAST_API_KEY")
    )

    assert settings.relay_url == "https://{rental}.gpu.example.org"
    assert settings.database_url.startswith("postgresql+asyncpg://bellhop:p@postgres/")
    assert SERVICES["postgres"]["environment"]["POSTGRES_DB"] == "bellhop"
    assert SERVICES["bellhop"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_every_variable_that_is_filled_in_is_in_the_example() -> None:
    """What an operator has to set, they can find."""
    filled = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))

    assert {
        name for name in filled if not re.search(rf"^#?{name}=", EXAMPLE, re.MULTILINE)
    } == set()


def test_the_front_leads_to_the_relay() -> None:
    """One port everywhere; metrics and readiness are not published, and reachable inside."""
    host, _, port = SERVICES["bellhop"]["environment"]["BELLHOP_RELAY_LISTEN"].rpartition(":")
    published = SERVICES["caddy"]["ports"]
    site = re.search(r"^https:// \{(.*?)^\}", CADDY, re.MULTILINE | re.DOTALL)

    assert host == "0.0.0.0"
    first, inside = re.findall(r"reverse_proxy (\S+)", CADDY)
    assert first == f"{{$BELLHOP_RELAYS:bellhop:{port}}}"
    assert inside == f"bellhop:{port}"
    assert f"127.0.0.1:{port}/-/healthz" in str(SERVICES["bellhop"]["healthcheck"]["test"])
    assert f"EXPOSE {port}" in (ROOT / "Dockerfile").read_text()
    assert {one.partition(":")[0] for one in published} == {"80", "443"}
    assert site is not None
    assert "@inside path /-/metrics /-/readyz\n\trespond @inside 404" in site[1]
    given = {*SERVICES["caddy"]["environment"], *ROLES["caddy"]["environment"]}
    assert set(re.findall(r"\{\$([A-Z_]+)[:}]", CADDY)) == given


def test_without_containers_the_front_listens_to_the_public_for_notebooks_alone() -> None:
    """The guide's own line makes it of this file; Caddy listens everywhere unless it is told."""
    guide = (ROOT / "docs" / "install.md").read_text()
    found = re.search(r"^(sed .*) /opt/bellhop/docs/Caddyfile > \S+$", guide, re.MULTILINE)
    assert found is not None
    words = [*shlex.split(found[1]), str(ROOT / "docs" / "Caddyfile")]

    front = subprocess.run(words, check=True, capture_output=True, text=True).stdout

    sites = {site: text for site, text in re.findall(r"^(\S+ )?\{(.*?)^\}", front, re.M | re.S)}
    assert set(sites) == {"", "https:// ", "http://127.0.0.1:5555 "}
    assert "bind 127.0.0.1\n" in sites["http://127.0.0.1:5555 "]
    assert "reverse_proxy {$BELLHOP_RELAYS:127.0.0.1:8642}" in sites["https:// "]


def test_the_sandbox_shares_the_bots_loopback() -> None:
    """It listens nowhere else, and needs what the demo needs."""
    sandbox = SERVICES["sandbox"]

    assert sandbox["network_mode"] == "service:bellhop"
    assert sandbox["build"]["args"] == {"EXTRAS": "--extra demo"}
    assert "ARG EXTRAS=\nRUN uv sync --locked" in (ROOT / "Dockerfile").read_text()
    assert sandbox["command"][:3] == ["sandbox", "--port", "8650"]


def test_the_roles_are_those_that_the_program_has() -> None:
    """One that works and one that stands by of each, two relays, all from one image."""
    roles = {
        name: _parser().parse_args(one["command"]).role
        for name, one in ROLES.items()
        if "command" in one
    }

    assert roles == {
        "bellhop": "worker",
        "standby": "worker",
        "bot1": "bot",
        "bot2": "bot",
        "relay1": "relay",
        "relay2": "relay",
    }


@pytest.mark.parametrize("name", sorted({*ROLES} - {"bellhop", "caddy"}))
def test_a_role_is_like_the_one_process_but_for_what_it_does(name: str) -> None:
    """The same settings, secrets, volume and watch; a relay has no key of Vast."""
    role, whole = ROLES[name], SERVICES["bellhop"]
    environment = dict(whole["environment"])
    secrets = set(whole["secrets"])
    if name.startswith("relay"):
        environment["VAST_API_KEY_FILE"] = ""
        secrets.remove("vast_api_key")

    assert role["environment"] == environment
    assert set(role["secrets"]) == secrets
    assert role["depends_on"] == {"bellhop": {"condition": "service_healthy"}}
    shared = ("restart", "logging", "env_file", "volumes", "read_only", "healthcheck", "cap_drop")
    assert {one: role[one] for one in shared} == {one: whole[one] for one in shared}
    assert set(role["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


def test_a_relay_has_longer_to_end_than_it_lets_connections_go_on() -> None:
    """And the front knows both."""
    for name in ("relay1", "relay2"):
        command = ROLES[name]["command"]
        drain = int(command[command.index("--drain") + 1])
        assert int(ROLES[name]["stop_grace_period"].removesuffix("s")) > drain
    port = SERVICES["bellhop"]["environment"]["BELLHOP_RELAY_LISTEN"].rpartition(":")[2]
    assert ROLES["caddy"]["environment"] == {"BELLHOP_RELAYS": f"relay1:{port} relay2:{port}"}
