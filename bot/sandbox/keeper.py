"""The keeper of the yard: carries out what the world has decided about its machines.

Each contract's errands are done one after another, in their order; different contracts do not wait
for one another, and the market answers without waiting for any of them.
"""

from __future__ import annotations

import logging

from bot.sandbox.contracts import Contract
from bot.sandbox.life import Errand
from bot.sandbox.world import World
from bot.sandbox.yard import Yard
from bot.tasks import Tasks

log = logging.getLogger(__name__)


class Keeper:
    def __init__(self, *, world: World, yard: Yard, tasks: Tasks) -> None:
        self._world = world
        self._yard = yard
        self._tasks = tasks
        self._waiting: dict[int, list[Errand]] = {}

    def settle(self) -> None:
        """Bring the world up to now, bill what machines carried, and start what is to be done.

        Traffic is read before errands begin, so that the last bytes of a machine are billed.
        """
        self._world.advance()
        self._read_traffic()
        for errand in self._world.errands():
            self._take(errand)

    def _read_traffic(self) -> None:
        for contract in self._world.alive():
            if contract.port is not None:
                self._world.carried(contract, *self._yard.traffic(contract.id))

    def _take(self, errand: Errand) -> None:
        contract_id = errand.contract.id
        if contract_id in self._waiting:
            self._waiting[contract_id].append(errand)
            return
        self._waiting[contract_id] = [errand]
        self._tasks.once(f"errands of machine {contract_id}", self._work(contract_id))

    async def _work(self, contract_id: int) -> None:
        errands = self._waiting[contract_id]
        while errands:
            errand = errands.pop(0)
            try:
                await self._do(errand)
            except Exception:  # a machine's trouble must not end the market; it is in the log
                log.exception("errand %s of machine %s failed", errand.do, contract_id)
                if errand.do == "start" and errand.contract.up:
                    self._world.become(contract_id, "exited")
        del self._waiting[contract_id]

    async def _do(self, errand: Errand) -> None:
        contract, yard = errand.contract, self._yard
        match errand.do:
            case "start":
                await self._start(contract, errand.ssh_after_s)
            case "stop":
                await yard.stop(contract.id)
            case "remove":
                await yard.remove(contract.id)
            case "keys" if contract.port is not None:
                yard.set_keys(contract.id, contract.machine_keys())
            case "gpu" if contract.port is not None:
                yard.set_gpu(contract.id, util=contract.gpu_util, vram_mb=contract.vram_mb)
            case "cut" if contract.port is not None:
                await yard.cut(contract.id, for_s=errand.ssh_after_s)
            case "hang" if contract.port is not None:
                await yard.hang(contract.id, for_s=errand.ssh_after_s)
            case "jupyter" if contract.port is not None:
                await yard.end_jupyter(contract.id)
            case "kernels" if contract.port is not None:
                await yard.end_kernels(contract.id)
            case "keys" | "gpu" | "cut" | "hang" | "jupyter" | "kernels":
                pass  # it is not up; it gets them when it starts

    async def _start(self, contract: Contract, ssh_after_s: float) -> None:
        if not contract.up:
            return  # stopped or destroyed meanwhile; that errand follows
        port = await self._yard.start(
            contract.plan(), keys=contract.machine_keys(), ssh_after_s=ssh_after_s
        )
        if contract.up:
            contract.port = port
            self._yard.set_keys(contract.id, contract.machine_keys())
            self._yard.set_gpu(contract.id, util=contract.gpu_util, vram_mb=contract.vram_mb)
        log.info("machine %s stands, SSH on port %s", contract.id, port)
