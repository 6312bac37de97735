"""Settings: read once from the environment and `.env`, checked whole, named in the error."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from bot.config_sign_in import NAMES as SIGN_IN_NAMES
from bot.config_sign_in import SignInSettings, sign_in
from bot.errors import Config
from bot.secret_files import SUFFIX, from_files

_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the environment says, parsed. Secrets do not show in `repr`."""

    discord_token: str = field(default="", repr=False)
    guild_id: int | None = None
    vast_api_key: str = field(default="", repr=False)
    vast_url: str = "https://console.vast.ai"
    database_url: str = field(repr=False)
    archive_url: str
    data: Path
    relay_host: str
    relay_port: int
    relay_url: str
    installation: str
    secret: str = field(repr=False)
    poll_s: float
    watch_s: float
    log: str
    sign_in: SignInSettings = field(default_factory=SignInSettings)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never be logged."""
        password = _password(self.database_url)
        return tuple(
            value
            for value in (
                *(self.discord_token, self.vast_api_key, self.secret, password, unquote(password)),
                self.sign_in.client_secret,
            )
            if value
        )


def read(env: Mapping[str, str], *, need: tuple[str, ...] = ()) -> Settings:
    """Settings from an environment; makes the data folder and the secret on the first start.

    Raises Config, which names the variable, for what is malformed and for what is in `need` and
    missing.
    """
    env = from_files(env)
    for name in need:
        if not _said(env, name):
            raise Config(name, f"is missing. {_HOW[name]}")
    data = _folder(env.get("BELLHOP_DATA") or "./data")
    host, port = _listen(env.get("BELLHOP_RELAY_LISTEN") or "127.0.0.1:8642")
    return Settings(
        discord_token=_key("DISCORD_TOKEN", env.get("DISCORD_TOKEN", "").strip()),
        guild_id=_guild(env.get("DISCORD_GUILD_ID", "").strip()),
        vast_api_key=_key("VAST_API_KEY", env.get("VAST_API_KEY", "").strip()),
        vast_url=_http_url("VAST_URL", env.get("VAST_URL") or "https://console.vast.ai"),
        database_url=_database(env.get("DATABASE_URL", "").strip(), data),
        archive_url=env.get("BELLHOP_ARCHIVE_URL", "").strip() or f"file://{data / 'archives'}",
        data=data,
        relay_host=host,
        relay_port=port,
        relay_url=_relay_url(env.get("BELLHOP_RELAY_URL") or f"http://{{rental}}.localhost:{port}"),
        installation=_installation(env.get("BELLHOP_INSTALLATION") or "bellhop"),
        secret=env.get("BELLHOP_SECRET", "").strip() or _own_secret(data),
        poll_s=_seconds("BELLHOP_POLL_S", env.get("BELLHOP_POLL_S") or "15"),
        watch_s=_seconds("BELLHOP_WATCH_S", env.get("BELLHOP_WATCH_S") or "60"),
        log=_choice("BELLHOP_LOG", env.get("BELLHOP_LOG") or "text", ("text", "json")),
        sign_in=sign_in(env),
    )


NAMES = (
    *("DISCORD_TOKEN", "DISCORD_GUILD_ID", "VAST_API_KEY", "VAST_URL", "DATABASE_URL"),
    *("BELLHOP_DATA", "BELLHOP_ARCHIVE_URL", "BELLHOP_RELAY_LISTEN", "BELLHOP_RELAY_URL"),
    *("BELLHOP_INSTALLATION", "BELLHOP_SECRET", "BELLHOP_POLL_S", "BELLHOP_WATCH_S"),
    "BELLHOP_LOG",
    *SIGN_IN_NAMES,
)
"""Every setting there is."""


def survey(
    env: Mapping[str, str], *, need: tuple[str, ...] = ()
) -> tuple[Settings | None, list[Config]]:
    """Settings as far as they can be read, and everything that is wrong with them.

    The default stands in for a wrong one. None where there is no data folder to work in.
    """
    missing = [name for name in need if not _said(env, name) and not _said(env, name + SUFFIX)]
    faults = [Config(name, f"is missing. {_HOW[name]}") for name in missing]
    left = dict(env)
    while True:
        try:
            return read(left), faults
        except Config as fault:
            faults.append(fault)
            if fault.name == "BELLHOP_DATA":
                # The others are read all the same, in a folder that is gone at once.
                with tempfile.TemporaryDirectory() as spare:
                    _, more = survey({**left, "BELLHOP_DATA": spare})
                return None, [*faults, *more]
            if left.pop(fault.name, None) is None:
                return None, faults


def _said(env: Mapping[str, str], name: str) -> str:
    return env.get(name, "").strip()


_HOW = {
    "DISCORD_TOKEN": "Put the bot's token from the Discord developer portal there.",
    "VAST_API_KEY": "Put an API key from the Vast.ai console (Keys) there.",
}


def _folder(value: str) -> Path:
    path = Path(value).expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Config("BELLHOP_DATA", f"cannot use {value}: {error.strerror}.") from error
    return path


def _own_secret(data: Path) -> str:
    path = data / "secret"
    try:
        if not path.exists():
            # Written whole and then named: a crash in between leaves no half a secret.
            draft = data / f"secret.{secrets.token_hex(4)}"
            draft.touch(mode=0o600)
            with draft.open("w") as file:
                file.write(secrets.token_urlsafe(32))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
        found = path.read_text(errors="replace").strip()
    except OSError as error:
        raise Config("BELLHOP_DATA", f"cannot write {path}: {error.strerror}.") from error
    if not found or not found.isprintable() or "\ufffd" in found:
        # With nothing for a secret anybody could make a session, and open what is sealed.
        raise Config(
            "BELLHOP_DATA",
            f"{path} holds no secret, as after a crash or a full disk. Put back what a backup has "
            "of it, or take the file away if Bellhop has never run with this folder.",
        )
    return found


def _key(name: str, value: str) -> str:
    if not re.fullmatch(r"[!-~]*", value):
        raise Config(name, f"must be one word of plain letters, digits and signs. {_HOW[name]}")
    return value


def _guild(value: str) -> int | None:
    if not value:
        return None
    if not value.isdecimal() or not 15 <= len(value) <= 20:
        raise Config("DISCORD_GUILD_ID", "must be the server's number (Copy Server ID in Discord).")
    return int(value)


def _http_url(name: str, value: str) -> str:
    if not _is_address(value, ("http", "https")):
        raise Config(name, f"must be an address like https://host, not {value!r}.")
    return value.rstrip("/")


def _is_address(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        # Reading the port is what checks that it is a number, and not too large a one.
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_socket(value: str) -> bool:
    """A server on this machine without a port, as libpq spells it: `…@/name?host=/folder`."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    folder = parse_qs(parts.query).get("host", [""])[0]
    return not parts.hostname and folder.startswith("/") and len(parts.path) > 1


def _relay_url(value: str) -> str:
    url = _http_url("BELLHOP_RELAY_URL", value)
    parts = urlsplit(url.replace("{rental}", "rental"))
    if not url.split("://", 1)[1].startswith("{rental}."):
        raise Config(
            "BELLHOP_RELAY_URL",
            "must begin with {rental}. so that each rental has an origin of its own, "
            "like https://{rental}.gpu.example.org.",
        )
    if parts.path or parts.query or parts.fragment:
        raise Config("BELLHOP_RELAY_URL", "must be a scheme and a host only, without a path.")
    return url


def _database(value: str, data: Path) -> str:
    """The SQLAlchemy URL of the async driver."""
    if not value:
        return f"sqlite+aiosqlite:///{data / 'bellhop.db'}"
    scheme, _, rest = value.partition("://")
    drivers = {
        "postgres": "postgresql+asyncpg",
        "postgresql": "postgresql+asyncpg",
        "postgresql+asyncpg": "postgresql+asyncpg",
        "sqlite": "sqlite+aiosqlite",
        "sqlite+aiosqlite": "sqlite+aiosqlite",
    }
    if scheme not in drivers or not rest:
        raise Config("DATABASE_URL", "must begin with postgresql:// or sqlite:///.")
    server = drivers[scheme].startswith("postgresql")
    if server and not (_is_address(value, (scheme,)) or _is_socket(value)):
        raise Config("DATABASE_URL", "must be like postgresql://user:password@host:5432/name.")
    return f"{drivers[scheme]}://{rest}"


def _password(url: str) -> str:
    """As it is written; like the drivers, and unlike `urlsplit`, with whatever signs are in it."""
    user = url.partition("://")[2].rpartition("@")[0]
    return user.partition(":")[2] if url.startswith("postgresql") else ""


def _listen(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise Config(
            "BELLHOP_RELAY_LISTEN", f"must be host:port, like 127.0.0.1:8642, not {value!r}."
        )
    return host.strip("[]"), int(port)


def _installation(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise Config(
            "BELLHOP_INSTALLATION",
            "must be 1 to 32 of a-z, 0-9 and -, beginning with one of a-z0-9.",
        )
    return value


def _seconds(name: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0.2 <= seconds <= 3600:
        raise Config(name, f"must be seconds between 0.2 and 3600, not {value!r}.")
    return seconds


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise Config(name, f"must be {' or '.join(choices)}, not {value!r}.")
    return value
