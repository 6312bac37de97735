"""The files of one simulated machine, and what its processes find in their environment."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import asyncssh

from bot.sandbox import image, image_course, machine_processes
from bot.sandbox.machine_processes import MARK
from bot.sandbox.yard import Plan

_LOG_BYTES = 1_000_000
_TEMP_PATH = 60  # programs put Unix sockets into TMPDIR, and their paths may have 107 bytes
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Places of a real container that a start script may write to; here they lie in the folder.
_PLACES = (("/etc/environment", "environment"), ("/workspace", "workspace"), ("/root", "root"))


class Folder:
    """`<data>/<contract>/`; the methods block."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = path / "root"
        self.workspace = path / "workspace"
        self.programs = path / "bin"
        self.log = path / "container.log"
        self.authorized = self.home / ".ssh" / "authorized_keys"

    def prepare(self, plan: Plan, *, repository: Path) -> None:
        """Make what is missing. Another machine's files under the same number are deleted first."""
        kind = json.dumps({"image": plan.image, "label": plan.label})
        card = self.path / "machine.json"
        if self.path.exists() and not (card.exists() and card.read_text() == kind):
            self.delete()
        for folder in (self.home, self.workspace, self.programs, self.path / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        card.write_text(kind)
        for name, text in image.own_programs(plan.image):
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)
        if image.has_course(plan.image):
            image_course.write(self.workspace / image_course.NAME)
        self._fill_home(plan, repository)

    def delete(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def write_keys(self, keys: Sequence[str]) -> None:
        self.authorized.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        self.authorized.write_text("".join(f"{key.strip()}\n" for key in keys))

    def write_gpu(self, plan: Plan, *, util: float, vram_mb: int) -> None:
        """What `nvidia-smi` reads; written whole, for it may be reading."""
        fresh = self.path / "gpu.part"
        fresh.write_text(f"{plan.gpus} {util:.0f} {vram_mb} {plan.vram_mb} {plan.gpu_name}\n")
        fresh.replace(self.path / "gpu")

    def host_key(self) -> asyncssh.SSHKey:
        """Made at the first start and kept, so that it is the same after a stop."""
        file = self.path / "host_key"
        if not file.exists():
            asyncssh.generate_private_key("ssh-ed25519").write_private_key(file)
        return asyncssh.read_private_key(file)

    def start_script(self, plan: Plan) -> Path:
        """The `onstart` of the rental as a file, its absolute places moved into the folder."""
        text = plan.onstart
        for place, inside in _PLACES:
            text = re.sub(rf"(?<![\w./-]){place}(?![\w.-])", str(self.path / inside), text)
        file = self.home / "onstart.sh"
        file.write_text(text + "\n")
        return file

    def environment(self, plan: Plan, *, mark: str) -> dict[str, str]:
        """As in a container of Vast's (reference vast-api, 5.8), and our own mark."""
        env = {name: value for name, value in plan.env.items() if _VARIABLE.fullmatch(name)}
        env |= {
            "CONTAINER_ID": str(plan.contract),
            "VAST_CONTAINERLABEL": f"C.{plan.contract}",
            "PUBLIC_IPADDR": "127.0.0.1",
            "GPU_COUNT": str(plan.gpus),
            "DATA_DIRECTORY": str(self.workspace),
            "WORKSPACE": str(self.workspace),
            "HOME": str(self.home),
            "USER": "root",
            "LOGNAME": "root",
            "SHELL": shutil.which("bash") or "/bin/sh",
            "LANG": "C.UTF-8",
            "PATH": image.search_path(plan.image, self.programs),
            # bash tells by it that it was started by sshd, and reads .bashrc
            "SSH_CLIENT": "127.0.0.1 0 22",
            "SSH_CONNECTION": "127.0.0.1 0 127.0.0.1 22",
            MARK: mark,
        }
        if len(str(self.path / "tmp")) <= _TEMP_PATH:
            env["TMPDIR"] = str(self.path / "tmp")
        return env | image.package_sources(plan.image, self.path / "cache")

    def end_jupyter(self) -> None:
        """Kill the process that Bellhop started as its notebook server; its kernels follow it."""
        if (pid := self._jupyter()) is not None:
            machine_processes.end(pid)

    def end_kernels(self) -> None:
        """Kill the kernels of that server, which goes on and starts them anew."""
        pid = self._jupyter()
        for child in machine_processes.children(pid) if pid is not None else ():
            if machine_processes.runs(child, "ipykernel"):
                machine_processes.end(child)

    def _jupyter(self) -> int | None:
        note = self.home / ".bellhop" / "jupyter.pid"
        with contextlib.suppress(OSError, ValueError):
            return int(note.read_text())
        return None

    def say(self, line: str) -> None:
        """Add a line to the container's log."""
        with self.log.open("a") as log:
            log.write(line + "\n")

    def said(self) -> str:
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _LOG_BYTES))
            return log.read().decode(errors="replace")

    def _fill_home(self, plan: Plan, repository: Path) -> None:
        # A login shell forgets the PATH it was given, and Jupyter's terminals are login shells.
        path = f'export PATH="{image.search_path(plan.image, self.programs)}"\n'
        for name, text in (
            (".bashrc", f"PS1='root@C.{plan.contract}:\\w\\$ '\n"),
            (".profile", path + '[ -n "$BASH_VERSION" ] && . ~/.bashrc\n'),
            (".gitconfig", image_course.git_config(repository)),
        ):
            file = self.home / name
            if not file.exists():
                file.write_text(text)
