"""The processes of a machine: whose they are, where they hang, and which of them count.

Left out are our own, shells, the image's services, whatever ran before the machine became ready,
Jupyter with its kernels (whose state Jupyter tells better), and what libraries leave running.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.samples import Process, Where

EDITOR = "vscode-server"
LANE = "bellhop-lane"
"""What the shell at the machine's end of a relay's lane calls itself (15 characters at most)."""

_PTS_MAJORS = range(136, 144)  # of the kernel's device numbers; 256 terminals each at most

_SHELLS = re.compile(r"-?(ba|z|da|a|k|fi|c|tc|rba)?sh|login|sudo|su|setsid|nohup|script")
_SERVICES = re.compile(
    r"sshd\S*|dropbear|sftp-server|crond?|atd|anacron|supervisord|systemd\S*|init|tini|dumb-init"
    r"|s6-\S+|runsv\S*|dbus-\S+|rsyslogd|syslogd|logrotate|agetty|getty|polkitd|udevd|docker-init"
    r"|catatonit|caddy|cloudflared|syncthing|nvidia-persiste\S*|nv-\S+|unattended-upgr|portal-\S*"
)
_JUPYTER = re.compile(r"jupyter(-lab|-server|-notebook?|hub-\S*)?")
_QUIET_OURS = re.compile(r"sshd\S*|timeout|(ba)?sh")
_TMUX = re.compile(r"tmux(: server)?|screen", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of /proc/PID/stat. Times are the kernel's ticks, since its own start."""

    pid: int
    parent: int
    session: int
    tty: int  # a device number; 0 is none
    ticks: int
    child_ticks: int  # of children that have ended and were waited for
    start_ticks: int
    name: str  # at most 15 characters

    @property
    def terminal(self) -> str | None:
        """`pts/3`, or None."""
        major, minor = (self.tty >> 8) & 0xFFF, (self.tty & 0xFF) | ((self.tty >> 12) & 0xFFF00)
        if major not in _PTS_MAJORS:
            return None
        return f"pts/{(major - _PTS_MAJORS.start) * 256 + minor}"


class Tree:
    """All processes at one moment."""

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        self_pid: int,
        jupyter_pid: int | None,
        now_s: float,
        ticks_per_s: int,
    ) -> None:
        self._rows = {row.pid: row for row in rows}
        self._now_s = now_s
        self._ticks_per_s = ticks_per_s
        self._jupyter = {
            row.pid for row in rows if row.pid == jupyter_pid or _JUPYTER.fullmatch(row.name)
        }
        self._reader = self._rows.get(self_pid)
        reading = frozenset(self._of_reader(self_pid))
        lanes = frozenset(self._of_lanes())
        self.ours = reading | lanes | frozenset(self._of_connection())
        # Another command of ours runs: an archive, most likely, which makes much load.
        self.working_ourselves = any(
            not _QUIET_OURS.fullmatch(self._name(pid)) for pid in self.ours - reading - lanes
        )
        self.terminals = frozenset(
            row.terminal for row in rows if row.terminal and row.pid not in self.ours
        )

    def processes(
        self,
        *,
        ready_s: float,
        aside: frozenset[int],
        editors: frozenset[int],
        cores: Mapping[int, float],
    ) -> tuple[Process, ...]:
        """Those that count, by name; `ready_s` is when the machine became ready, by its clock."""
        found = []
        for row in self._rows.values():
            if row.pid in editors:
                found.append(Process(EDITOR, cores.get(row.pid, 0.0), Where.DAEMON))
            elif self._counts(row, ready_s) and row.pid not in aside:
                found.append(Process(row.name, cores.get(row.pid, 0.0), self._where(row)))
        return tuple(sorted(found, key=lambda one: (one.name, -one.cpu_cores)))

    def logins(self) -> tuple[int, int]:
        """SSH sessions of people: in a terminal, and without one."""
        listeners = {
            row.pid
            for row in self._rows.values()
            if row.name.startswith("sshd") and not self._name(row.parent).startswith("sshd")
        }
        sessions = {
            row.pid
            for row in self._rows.values()
            if row.parent in listeners and row.name.startswith("sshd")
        }
        sessions -= self.ours
        if self._reader is not None:
            sessions -= set(self._ancestors(self._reader))
        with_terminal = {
            above
            for row in self._rows.values()
            if row.terminal
            for above in self._ancestors(row)
            if above in sessions
        }
        return len(with_terminal), len(sessions - with_terminal)

    def multiplexers(self) -> int:
        """How many servers of tmux or screen hold terminals."""
        return sum(_is_multiplexer(row) for row in self._rows.values())

    def _of_reader(self, self_pid: int) -> Iterator[int]:
        """The reading shell, and whatever shares its session or descends from it."""
        session = self._reader.session if self._reader is not None else None
        for row in self._rows.values():
            with_reader = row.pid == self_pid or (session and row.session == session)
            if with_reader or self_pid in self._ancestors(row):
                yield row.pid

    def _of_connection(self) -> Iterator[int]:
        """Whatever hangs below our SSH connection: all our commands go through that one.

        Where the server is not among the machine's processes (in the sandbox), our commands are
        told by the `timeout` that each of them begins with.
        """
        roots = set(self._connection())
        if not roots:
            roots = {
                row.pid
                for row in self._rows.values()
                if row.name == "timeout" and not row.terminal and row.parent not in self._rows
            }
        for row in self._rows.values():
            if row.pid in roots or any(pid in roots for pid in self._ancestors(row)):
                yield row.pid

    def _of_lanes(self) -> Iterator[int]:
        """The shells that hold lanes open, and the server's processes for their connections."""
        for row in self._rows.values():
            if row.name == LANE:
                yield row.pid
                yield from self._served(row)

    def _connection(self) -> Iterator[int]:
        """The server's process for our connection, below the one that listens."""
        if self._reader is not None:
            yield from self._served(self._reader)

    def _served(self, row: Row) -> list[int]:
        above = [pid for pid in self._ancestors(row) if self._name(pid).startswith("sshd")]
        return above[:-1]

    def _counts(self, row: Row, ready_s: float) -> bool:
        if row.pid in self.ours or row.pid in self._jupyter or self._is_kernel(row):
            return False
        if _SHELLS.fullmatch(row.name) or _SERVICES.fullmatch(row.name) or _is_multiplexer(row):
            return False
        return self._started_s(row) > ready_s

    def _started_s(self, row: Row) -> float:
        """When it started, by the machine's clock: the reading shell has started just now."""
        newest = self._reader or max(self._rows.values(), key=lambda one: one.start_ticks)
        return self._now_s - (newest.start_ticks - row.start_ticks) / self._ticks_per_s

    def _is_kernel(self, row: Row) -> bool:
        """What Jupyter starts without a terminal, through a shell or not, is a kernel."""
        if row.terminal:
            return False
        parent = self._rows.get(row.parent)
        if parent is not None and _SHELLS.fullmatch(parent.name) and not parent.terminal:
            parent = self._rows.get(parent.parent)
        return parent is not None and parent.pid in self._jupyter

    def _where(self, row: Row) -> Where:
        above = [self._rows[pid] for pid in self._ancestors(row)]
        if any(_is_multiplexer(one) for one in above):
            return Where.TMUX
        if row.terminal:
            return Where.TERMINAL
        if any(self._is_kernel(one) for one in above):
            return Where.KERNEL
        return Where.DAEMON

    def _ancestors(self, row: Row) -> Iterator[int]:
        seen = {row.pid}
        while (parent := self._rows.get(row.parent)) is not None and parent.pid not in seen:
            seen.add(parent.pid)
            yield parent.pid
            row = parent

    def _name(self, pid: int) -> str:
        row = self._rows.get(pid)
        return row.name if row is not None else ""


def _is_multiplexer(row: Row) -> bool:
    """The server, not a client: that one has a terminal."""
    return _TMUX.fullmatch(row.name) is not None and not row.terminal
