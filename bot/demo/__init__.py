"""The service in a page that looks like Discord, and the tour that plays its story.

The page is SimCord's preview, which comes with the `demo` extra. Nothing here is imported by the
service itself: `require_extra` is asked first, so that a missing extra is one clear sentence and
not a traceback.
"""

from __future__ import annotations

from importlib.util import find_spec

from bot.errors import Config

_MODULES = ("simcord", "markdown_it", "regex", "PIL")


def require_extra() -> None:
    """Raise Config when the packages of the `demo` extra are not installed."""
    missing = [name for name in _MODULES if find_spec(name) is None]
    if missing:
        raise Config(
            "bellhop demo",
            f"its packages are not installed ({', '.join(missing)} missing); "
            'install them with: pip install "bellhop[demo]"',
        )
