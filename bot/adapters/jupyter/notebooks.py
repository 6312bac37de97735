"""The notebook server of a machine: ensured over a shell, asked over a local socket."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from bot.adapters.jupyter import activity, start, status
from bot.domain.samples import Notebook
from bot.errors import CommandFailed, NotebookFailed
from bot.ports.machines import NotebookAt, Shell

log = logging.getLogger(__name__)


class JupyterNotebooks:
    """ports.Notebooks. Holds nothing: what runs is known on the machine only.

    `start_s` is for Jupyter to listen, `install_s` for everything, an installation included.
    """

    def __init__(self, *, start_s: int = 90, install_s: float = 900) -> None:
        self._start_s = start_s
        self._install_s = install_s

    async def ensure(
        self, shell: Shell, *, packages: Sequence[str], course: str | None
    ) -> NotebookAt:
        text = start.script(packages=packages, course=course, start_s=self._start_s)
        try:
            ran = await shell.run(text, timeout_s=self._install_s, check=False)
        except CommandFailed as error:
            raise NotebookFailed(f"the start script failed: {error}") from error
        notebook = start.parse(ran)
        log.info("found or started Jupyter %s in %s", notebook.version, notebook.root)
        return notebook

    async def answers(self, socket_path: str, token: str) -> bool:
        return await status.answers(socket_path, token)

    async def activity(self, socket_path: str, token: str, *, now: datetime) -> Notebook | None:
        return await activity.activity(socket_path, token, now=now)
