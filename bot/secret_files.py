"""Settings that may lie in a file of their own: `DISCORD_TOKEN_FILE` beside `DISCORD_TOKEN`.

Container runtimes and systemd hand secrets over as files; an environment shows in listings of
processes and containers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.errors import Config, system_reason

FILED = ("DISCORD_TOKEN", "VAST_API_KEY", "DATABASE_URL", "BELLHOP_SECRET")
SUFFIX = "_FILE"


def from_files(env: Mapping[str, str], names: tuple[str, ...] = FILED) -> dict[str, str]:
    """The environment with what lies in files put in its place. May be applied twice.

    Raises Config, which names the variable, for a file that cannot be read or is empty, and for a
    setting that is given both ways.
    """
    found = dict(env)
    for name in names:
        path = found.pop(name + SUFFIX, "").strip()
        if not path:
            continue
        if found.get(name, "").strip():
            raise Config(name + SUFFIX, f"is set, and so is {name}. Keep one of them.")
        found[name] = _content(name + SUFFIX, path)
    return found


def _content(name: str, path: str) -> str:
    try:
        content = Path(path).read_text().strip()
    except OSError as error:
        reason = f"({system_reason(error)})"
        if not _is_path(path):
            raise Config(name, f"must name a file {reason}; what it holds is not shown.") from None
        raise Config(name, f"cannot read {path} {reason}.") from error
    except ValueError as error:
        raise Config(name, f"{path} is no text.") from error
    if not content:
        raise Config(name, f"{path} is empty.")
    return content


def _is_path(text: str) -> bool:
    """Whether it can be shown: people put the secret itself where its file is to be named."""
    return text.startswith(("/", "./", "../", "~")) and "://" not in text
