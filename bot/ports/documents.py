"""Notebook files, as the notebook server of a machine keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from bot.domain.outputs import Json


class Documents(Protocol):
    """Every call has a deadline; `Unreachable` is raised where there is no plain answer."""

    async def paths(self, socket_path: str, token: str) -> Mapping[str, str]:
        """The notebooks that have a kernel now: kernel id -> path, as the contents API names it.

        Raises Unreachable.
        """
        ...

    async def edit(
        self, socket_path: str, token: str, path: str, change: Callable[[Json], bool]
    ) -> bool:
        """Read a notebook, let `change` work on it, write it back if that says so.

        False where there is no such notebook. Raises Unreachable.
        """
        ...
