"""The life of a machine: null, loading with its layers, running, stopped, started again, gone.

Each method changes one contract's words at a given time and plans what follows. The causes:

    (null) -> loading -> running        a renting, in `load_s` seconds
    loading -> error, intended stopped  fault dies_loading
    running -> exited, all stopped      a stop asked for, no credit left, the offer's end date
    running -> exited / offline / …     fault dies_later, the control API
    exited -> running                   a start asked for, if the GPU is free
    anything -> destroyed               a destroy asked for

What must happen to the machine itself is left in `errands`, in order, for the keeper of the yard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from bot.sandbox.agenda import Agenda, Step
from bot.sandbox.contracts import Contract
from bot.sandbox.faults import Faults

FOREVER_S = 1e9
SCHEDULING_S = 30.0  # how long a start waits for a taken GPU before it is given up

_LAYERS = ("f1555660aa88", "2a7f60c1d3e9", "9be42d07c5b1", "d04c8e1f7a36")
_LINES = ("Pulling fs layer", "Verifying Checksum", "Download complete", "Pull complete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds. `load_s` from creation to running, `ssh_s` from running until SSH answers,
    `list_lag_s` until a change shows in lists, `stop_s` and `start_s` for a stop and a restart."""

    load_s: float = 4.0
    ssh_s: float = 2.0
    list_lag_s: float = 0.5
    stop_s: float = 0.5
    start_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Errand:
    """Something to do in the yard for a contract."""

    do: Literal["start", "stop", "remove", "keys", "gpu", "cut", "hang", "jupyter", "kernels"]
    contract: Contract
    ssh_after_s: float = 0.0  # of a start or a cut: from when on SSH answers


class Life:
    """Moves contracts. `changed` is called after each change of what a contract bills or holds."""

    def __init__(
        self,
        *,
        timing: Timing,
        faults: Faults,
        agenda: Agenda,
        changed: Callable[[Contract], None],
    ) -> None:
        self._timing = timing
        self._faults = faults
        self._agenda = agenda
        self._changed = changed
        self.errands: list[Errand] = []

    def begin(self, contract: Contract, at: datetime) -> None:
        """Load the image, then run; or what the faults in force make of it."""
        load_s = self._timing.load_s
        self._plan_anew(contract)
        self._note(contract, at, f"creating container from {contract.ask.image}")
        self._changed(contract)
        self._later(contract, at, load_s * 0.1, self._load)
        for index, (layer, line) in enumerate(zip(_LAYERS, _LINES, strict=True)):
            tell = partial(self._tell, text=f"{layer}: {line}")
            self._later(contract, at, load_s * (0.2 + 0.15 * index), tell)
        if self._faults.take("stuck_loading", contract.facts()) is not None:
            return
        if (death := self._faults.take("dies_loading", contract.facts())) is not None:
            tell = partial(self._tell, text=str(death["message"]))
            self._later(contract, at, load_s * 0.9, tell)
            self._later(contract, at, load_s * 0.9 + float(death["after_s"]), self.halt)
            return
        self._later(contract, at, load_s, self.run)

    def expect_end(self, contract: Contract, at: datetime) -> None:
        """Plan the stop at the end of the host's offer, whatever happens until then."""
        in_s = (contract.offer.ends_at - at).total_seconds()
        self._agenda.plan(contract, at, in_s, self.halt, lasting=True)

    def run(self, contract: Contract, at: datetime) -> None:
        """The container is up: GPUs bill from now on, SSH answers a little later."""
        contract.actual = "running"
        contract.intended = contract.cur = contract.next = "running"
        contract.running_at = contract.running_at or at
        contract.up_since, contract.stopped_at = at, None
        image = contract.ask.image.replace(":", "_")
        self._tell(contract, at, text=f"success, running {image}/{contract.ask.runtype.split()[0]}")
        self._changed(contract)
        self.errands.append(Errand("start", contract, self._ssh_after_s(contract)))
        if (death := self._faults.take("dies_later", contract.facts())) is not None:
            become = partial(self.become, state=str(death["state"]))
            self._later(contract, at, float(death["after_s"]), become)
        if (cut := self._faults.take("ssh_breaks", contract.facts())) is not None:
            step = partial(self.disturb, do="cut", ssh_after_s=float(cut["seconds"]))
            self._later(contract, at, float(cut["after_s"]), step)
        if (hang := self._faults.take("ssh_hangs", contract.facts())) is not None:
            step = partial(self.disturb, do="hang", ssh_after_s=float(hang["seconds"]))
            self._later(contract, at, float(hang["after_s"]), step)
        if (end := self._faults.take("jupyter_dies", contract.facts())) is not None:
            self._later(contract, at, float(end["after_s"]), partial(self.disturb, do="jupyter"))

    def disturb(
        self,
        contract: Contract,
        at: datetime,
        *,
        do: Literal["cut", "hang", "jupyter", "kernels"],
        ssh_after_s: float = 0.0,
    ) -> None:
        """What befalls a machine while Vast sees nothing: of SSH, of Jupyter, of its kernels."""
        self._note(contract, at, f"fault: {do}")
        self.errands.append(Errand(do, contract, ssh_after_s))

    def stop(self, contract: Contract, at: datetime) -> None:
        """A stop is asked for; the container is down a moment later."""
        self._plan_anew(contract)
        contract.intended = contract.next = "stopped"
        self._later(contract, at, self._timing.stop_s, self.down)

    def down(self, contract: Contract, at: datetime) -> None:
        """The container is down, the GPU free for others, the disk kept."""
        self._plan_anew(contract)
        contract.actual = "exited"
        contract.intended = contract.cur = contract.next = "stopped"
        contract.up_since, contract.stopped_at, contract.port = None, at, None
        contract.gpu_util, contract.vram_mb = 0.0, 0
        self._note(contract, at, "container stopped")
        self._changed(contract)
        self.errands.append(Errand("stop", contract))

    def halt(self, contract: Contract, at: datetime) -> None:
        """A start that never came to an end is given up: `actual_status` stays what it was."""
        if contract.up:
            self.down(contract, at)
            return
        self._plan_anew(contract)
        contract.intended = contract.cur = contract.next = "stopped"
        contract.stopped_at = at
        self._note(contract, at, "start given up")
        self._changed(contract)

    def wait_for_gpu(self, contract: Contract, at: datetime) -> None:
        """The GPU is somebody else's: the start is queued, and falls back after a while."""
        self._plan_anew(contract)
        contract.intended, contract.next = "running", "running"
        self._later(contract, at, SCHEDULING_S, self.halt)

    def restart(self, contract: Contract, at: datetime) -> None:
        """Start again: `actual_status` stays as it is until the container is up."""
        self._plan_anew(contract)
        contract.intended = contract.cur = contract.next = "running"
        self._changed(contract)
        self._later(contract, at, self._timing.start_s, self.run)

    def reboot(self, contract: Contract, at: datetime) -> None:
        """Container down and up again on the same GPU."""
        self._plan_anew(contract)
        contract.actual, contract.up_since, contract.port = "rebooting", None, None
        self._changed(contract)
        self.errands.append(Errand("stop", contract))
        self._later(contract, at, self._timing.start_s, self.run)

    def recycle(self, contract: Contract, at: datetime) -> None:
        """A new container from the image on the same GPU: the disk is wiped."""
        self._plan_anew(contract)
        contract.actual, contract.up_since, contract.port = "loading", None, None
        self._changed(contract)
        self.errands.append(Errand("remove", contract))
        self._later(contract, at, self._timing.load_s, self.run)

    def destroy(self, contract: Contract, at: datetime) -> None:
        """Gone: nothing bills any more, the disk is deleted."""
        self._plan_anew(contract)
        if contract.up:
            contract.stopped_at = at
        contract.destroyed_at, contract.port = at, None
        self._changed(contract)
        self.errands.append(Errand("remove", contract))

    def become(self, contract: Contract, at: datetime, *, state: str) -> None:
        """What a host could bring about: `actual_status` changes without anybody's wish."""
        self._plan_anew(contract)
        if state == "running":
            if not contract.up:
                self.run(contract, at)
            return
        was_up = contract.up
        contract.actual, contract.up_since = state, None
        self._note(contract, at, f"host reports {state}")
        if was_up and state != "frozen":
            contract.stopped_at, contract.port = at, None
            self.errands.append(Errand("stop", contract))
        self._changed(contract)

    def _load(self, contract: Contract, at: datetime) -> None:
        contract.actual = "loading"
        self._changed(contract)

    def _tell(self, contract: Contract, at: datetime, *, text: str) -> None:
        contract.message = text
        self._note(contract, at, text)

    def _note(self, contract: Contract, at: datetime, text: str) -> None:
        contract.journal.append(f"{at:%Y-%m-%dT%H:%M:%SZ} {text}")

    def _later(self, contract: Contract, at: datetime, in_s: float, step: Step) -> None:
        self._agenda.plan(contract, at, in_s, step)

    def _plan_anew(self, contract: Contract) -> None:
        contract.era += 1

    def _ssh_after_s(self, contract: Contract) -> float:
        if self._faults.take("no_ssh", contract.facts()) is not None:
            return FOREVER_S
        if (slow := self._faults.take("slow_ssh", contract.facts())) is not None:
            return float(slow["seconds"])
        return self._timing.ssh_s
