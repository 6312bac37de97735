"""What our script in JupyterLab's page asks: itself, whether it may be here, what cells put out."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from importlib import resources

from aiohttp import web

from bot.domain.outputs import Execution
from bot.domain.rentals import RentalId
from bot.relay import headers
from bot.relay.http import BY_ITSELF
from bot.relay.kernels import MALFORMED
from bot.relay.rewriting import SCRIPT_PATH
from bot.services.outputs import Outputs

OUTPUTS_PATH = "/-/outputs/"
HERE_PATH = "/-/here"
"""Whether whoever asks is still let in; else the answer is the page in place of the notebook."""
_NOTEBOOK = re.compile(r"/(?:api/contents|files|nbconvert/\w+)/(.+\.ipynb)")
ASKED_BYTES = 64 * 1024


class Telling:
    """Answers those who are let in; None for addresses that are not its own."""

    def __init__(self, *, outputs: Outputs) -> None:
        self._outputs = outputs
        parts = (resources.files(__package__) / name for name in ("script.js", "farewell.js"))
        self._script = "\n".join(part.read_text() for part in parts)

    def knows(self, path: str) -> bool:
        return path in (SCRIPT_PATH, HERE_PATH) or path.startswith(OUTPUTS_PATH)

    def concerns(self, path: str) -> bool:
        """Whether `around` would do anything for a request of this path."""
        return _NOTEBOOK.fullmatch(path) is not None

    @contextlib.asynccontextmanager
    async def around(
        self, request: web.BaseRequest, rental_id: RentalId
    ) -> AsyncIterator[Callable[[int], None]]:
        """Around a request for a notebook: what is read is up to date, what is saved is noted.

        Tell the answer's status inside.
        """
        found = _NOTEBOOK.fullmatch(request.path)
        reads = request.method == "GET" and request.query.get("content") != "0"
        if found is None or not (reads or request.method == "PUT"):
            yield lambda status: None
            return
        if reads:
            await self._outputs.before_read(rental_id, found[1])
        elif self._outputs.saves_itself(rental_id, found[1]):
            request[BY_ITSELF] = True
        safe = self._outputs.safe(rental_id)
        statuses: list[int] = []
        yield statuses.append
        if request.method == "PUT" and safe and statuses and statuses[0] < 300:
            await self._outputs.saved(rental_id, found[1], safe)

    async def answer(
        self, request: web.BaseRequest, rental_id: RentalId, *, view_only: bool = False
    ) -> web.Response | None:
        if request.path == SCRIPT_PATH and request.method in ("GET", "HEAD"):
            return _answer(self._script, "text/javascript")
        if request.path == HERE_PATH and request.method == "GET":
            return web.Response(
                status=HTTPStatus.NO_CONTENT,
                headers={"Cache-Control": "no-store", "Server": headers.SERVER},
            )
        if request.path.startswith(OUTPUTS_PATH) and request.method == "POST":
            kernel_id = request.path.removeprefix(OUTPUTS_PATH)
            asked = await _asked(request)
            if asked is None:
                return web.Response(status=HTTPStatus.BAD_REQUEST)
            session_id, has = asked
            # Who may only look speaks for no session, least of all for somebody else's.
            own = None if view_only else session_id
            runs = self._outputs.snapshot(rental_id, kernel_id, own, has)
            running = self._outputs.running(rental_id, kernel_id)
            told = {"runs": [_run(run) for run in runs], "running": running}
            return _answer(json.dumps(told), "application/json")
        return None


async def _asked(request: web.BaseRequest) -> tuple[str, dict[str, int]] | None:
    """The asking session, and what it has; None for anything else."""
    body = await request.content.read(ASKED_BYTES)
    try:
        said = json.loads(body)
        return str(said["session"]), {str(key): int(value) for key, value in said["has"].items()}
    except MALFORMED:
        return None


def _run(run: Execution) -> dict[str, object]:
    return {
        "id": run.id,
        "cell": run.cell_id,
        "code": run.code,
        "count": run.count,
        "again": run.again,
        "running": not run.done,
        "revision": run.revision,
        "outputs": run.outputs,
    }


def _answer(text: str, kind: str) -> web.Response:
    return web.Response(
        text=text,
        content_type=kind,
        headers={
            "Cache-Control": "no-store",
            "Server": headers.SERVER,
            "X-Content-Type-Options": "nosniff",
        },
    )
