"""The yard: where the simulated market's machines stand. The market sees them only through this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a machine is to be; stays the same through its stops and starts."""

    contract: int
    image: str
    label: str
    gpu_name: str
    gpus: int
    vram_mb: int  # of one GPU
    env: Mapping[str, str]
    onstart: str


class Yard(Protocol):
    async def start(self, plan: Plan, *, keys: Sequence[str], ssh_after_s: float) -> int:
        """Start (or start again, files kept) the machine; its SSH port on 127.0.0.1, at once.

        Connections are refused for the first `ssh_after_s` seconds; a very large value means
        forever.
        """
        ...

    async def stop(self, contract: int) -> None:
        """Stop it: processes gone, SSH closed, files kept."""
        ...

    async def remove(self, contract: int) -> None:
        """Stop it and delete its files. Unknown: no error."""
        ...

    def set_keys(self, contract: int, keys: Sequence[str]) -> None: ...

    def set_gpu(self, contract: int, *, util: float, vram_mb: int) -> None:
        """What nvidia-smi shows from now on: load in percent, memory used in MB of each GPU."""
        ...

    async def cut(self, contract: int, *, for_s: float) -> None:
        """Cut every SSH connection, and refuse new ones for so long."""
        ...

    async def hang(self, contract: int, *, for_s: float) -> None:
        """Answer nothing over SSH for so long, on connections that stay open or are new."""
        ...

    async def end_jupyter(self, contract: int) -> None:
        """Kill the notebook server and what runs in it, as a machine short of memory would."""
        ...

    async def end_kernels(self, contract: int) -> None:
        """Kill the kernels alone, which is what a machine short of memory does first."""
        ...

    def traffic(self, contract: int) -> tuple[int, int]:
        """Bytes since creation: up from the machine, down to it."""
        ...

    def log(self, contract: int) -> str: ...

    async def close(self) -> None: ...


class NoMachines(Yard):
    """No machines at all, for scale tests: addresses are shown, nothing listens there."""

    async def start(self, plan: Plan, *, keys: Sequence[str], ssh_after_s: float) -> int:
        return 20000 + plan.contract % 40000

    async def stop(self, contract: int) -> None:
        pass

    async def remove(self, contract: int) -> None:
        pass

    def set_keys(self, contract: int, keys: Sequence[str]) -> None:
        pass

    def set_gpu(self, contract: int, *, util: float, vram_mb: int) -> None:
        pass

    async def cut(self, contract: int, *, for_s: float) -> None:
        pass

    async def hang(self, contract: int, *, for_s: float) -> None:
        pass

    async def end_jupyter(self, contract: int) -> None:
        pass

    async def end_kernels(self, contract: int) -> None:
        pass

    def traffic(self, contract: int) -> tuple[int, int]:
        return 0, 0

    def log(self, contract: int) -> str:
        return ""

    async def close(self) -> None:
        pass
