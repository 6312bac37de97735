"""A server that takes requests as Discord's would, and says that all is well: 204, always.

A program of its own, so that an acknowledgement in the benchmark goes through a real socket to
another process and back. Prints its address.
"""

from __future__ import annotations

import asyncio

from aiohttp import web


async def main() -> None:
    runner = web.AppRunner(_app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"listens on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


def _app() -> web.Application:
    app = web.Application()
    app.router.add_post("/{path:.*}", _take)
    return app


async def _take(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=204)


if __name__ == "__main__":
    asyncio.run(main())
