"""Bellhop's side of the archive benchmark: one process that connects, saves, and says what it took.

`python -m tests.bench.archiver PORT FOLDER`: SSH key, books and place are in FOLDER; where the
folder holds an archive already, the next one builds on it. Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from pathlib import Path

from bot.adapters.archive.memory import give_back_large
from bot.adapters.archive.places import open_place
from bot.adapters.archive.streams import Streams
from bot.adapters.archive.vault import PlaceVault
from bot.adapters.archive.workspace import SshWorkspaces
from bot.adapters.ssh.keys import load_or_create
from bot.adapters.ssh.tunnels import SshTunnels
from bot.adapters.storage.migrate import migrate
from bot.adapters.storage.store import open_store
from bot.app.parts import SystemClock
from bot.domain.archive_costs import WITHOUT
from bot.domain.archives import Proof
from bot.domain.rentals import Address, Rental
from bot.ports.books import Store
from bot.services.archives import Archives
from tests.builders import a_quote, a_rental

_PATIENCE_S = 30.0


async def main(port: int, folder: Path) -> None:
    give_back_large()
    clock = SystemClock()
    database = f"sqlite+aiosqlite:///{folder / 'bellhop.db'}"
    await migrate(database)
    tunnels = SshTunnels(key=load_or_create(folder / "keys"))
    streams = Streams(place=open_place((folder / "place").as_uri()), secret="a secret")
    async with open_store(database, clock=clock) as store:
        rental = await _rental(store)
        archives = Archives(
            books=store,
            vault=PlaceVault(streams=streams),
            workspaces=SshWorkspaces(),
            clock=clock,
        )
        resting = peak_bytes()
        began = time.perf_counter()
        where = [Address("127.0.0.1", port)]
        try:
            await tunnels.connect(rental.id, where, host_key=None, patience_s=_PATIENCE_S)
            proof = await archives.save(rental, tunnels.shell(rental.id), caps=WITHOUT)
            took_s = time.perf_counter() - began
        finally:
            await tunnels.aclose()
    assert isinstance(proof, Proof), f"it was not archived: {proof}"
    assert not proof.report.excluded, "both sides must take the same bytes"
    assert not proof.report.loses_work
    told = {
        "seconds": took_s,
        "bytes": proof.archive.bytes,
        "sent": proof.archive.sent,
        "resting_bytes": resting,
        "peak_bytes": peak_bytes(),
    }
    print(f"archived {json.dumps(told)}", flush=True)


async def _rental(store: Store) -> Rental:
    """The one that was archived before, or a new one."""
    if found := await store.open_rentals():
        return found[0]
    quote = a_quote()
    await store.add_quote(quote)
    return await store.begin(a_rental(quote), quote_id=quote.id)


def peak_bytes() -> int:
    """The most memory this process ever held.

    Not `getrusage`, whose `ru_maxrss` begins with what the parent held when it forked.
    """
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kilobytes) * 1024


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
