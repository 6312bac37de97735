"""The service in a page that looks like Discord, and the tour that plays its story.

The page is SimCord's preview, which comes with the `demo` extra. Nothing here is imported by the
service itself: `require_extra` is called first, so that a missing extra is one clear sentence and
not a traceback.
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.util import find_spec

from bot.errors import Config

_MODULES = ("simcord", "markdown_it", "regex", "PIL", "jupyterlab", "ipykernel")


def require_extra() -> None:
    """Load the packages of the `demo` extra; raise Config when they are not installed."""
    missing = [name for name in _MODULES if find_spec(name) is None]
    if missing:
        raise Config(
            "bellhop demo",
            f"its packages are not installed ({', '.join(missing)} missing); "
            'install them with: pip install "bellhop[demo]"',
        )
    _import_quietly("simcord")


def _import_quietly(name: str) -> None:
    """Import without the warnings about a trial client that SimCord makes and throws away."""
    loggers = [logging.getLogger(f"discord.{part}") for part in ("client", "state")]
    for logger in loggers:
        logger.disabled = True
    try:
        import_module(name)
    finally:
        for logger in loggers:
            logger.disabled = False
