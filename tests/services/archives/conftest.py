"""Real machines of the sandbox, reached over real SSH, and a place in a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.archive.places import Place, open_place
from bot.adapters.archive.streams import Streams
from bot.adapters.archive.vault import PlaceVault
from bot.adapters.archive.workspace import Deadlines, SshWorkspaces
from bot.adapters.ssh.keys import load_or_create
from bot.adapters.ssh.tunnels import SshTunnels
from bot.adapters.storage.store import open_store
from bot.domain.rentals import Address, Rental, RentalId
from bot.ports.books import Store
from bot.ports.machines import Shell
from bot.sandbox.machine import Machines
from bot.sandbox.yard import Plan
from bot.services.archives import Archives
from tests.builders import SetClock, a_quote, a_rental

SECRET = "a secret of this installation"


@dataclass(frozen=True, kw_only=True)
class Rig:
    """A rented machine: its row, our shell on it, and its files as the host sees them."""

    rental: Rental
    shell: Shell
    workspace: Path
    home: Path
    machines: Machines


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def store(sqlite_url: str, clock: SetClock) -> AsyncIterator[Store]:
    async with open_store(sqlite_url, clock=clock) as store:
        yield store


@pytest.fixture
async def rent(tmp_path: Path, store: Store) -> AsyncIterator[Callable[..., Any]]:
    """Rent machines: each an SSH server with a folder of its own."""
    machines = Machines(tmp_path / "machines")
    key = load_or_create(tmp_path / "keys")
    tunnels = SshTunnels(key=key)
    numbers = iter(range(1, 100))

    async def renting(image: str = "pytorch:1", *, bashrc: str = "", path: str = "") -> Rig:
        number = next(numbers)
        quote = a_quote()
        await store.add_quote(quote)
        rental = await store.begin(a_rental(quote), quote_id=quote.id)
        plan = Plan(
            contract=number,
            image=image,
            label=f"test/{rental.id}",
            gpu_name="RTX A5000",
            gpus=1,
            vram_mb=24564,
            env={},
            onstart="",
        )
        port = await machines.start(plan, keys=[key.public_line()], ssh_after_s=0)
        folder = tmp_path / "machines" / str(number)
        (folder / "root" / ".bashrc").write_text(bashrc or (f"PATH={path}\n" if path else ""))
        await tunnels.connect(
            RentalId(rental.id), [Address("127.0.0.1", port)], host_key=None, patience_s=10
        )
        return Rig(
            rental=rental,
            shell=tunnels.shell(RentalId(rental.id)),
            workspace=folder / "workspace",
            home=folder / "root",
            machines=machines,
        )

    yield renting
    await tunnels.aclose()
    await machines.close()


@pytest.fixture
async def rig(rent: Callable[..., Any]) -> Rig:
    rig: Rig = await rent()
    return rig


@pytest.fixture
def place_folder(tmp_path: Path) -> Path:
    return tmp_path / "place"


@pytest.fixture
def place(place_folder: Path) -> Place:
    return open_place(place_folder.as_uri())


@pytest.fixture
def vault(place: Place) -> PlaceVault:
    return PlaceVault(streams=Streams(place=place, secret=SECRET, chunk_bytes=300_000))


@pytest.fixture
def workspaces() -> SshWorkspaces:
    return SshWorkspaces(deadlines=Deadlines(silence_s=20))


@pytest.fixture
def archives(
    store: Store, vault: PlaceVault, workspaces: SshWorkspaces, clock: SetClock
) -> Archives:
    return Archives(
        books=store,
        vault=vault,
        workspaces=workspaces,
        clock=clock,
        part_bytes=1_500_000,
        part_entries=60,
    )
