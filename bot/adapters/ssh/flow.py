"""asyncssh's back-pressure, made whole: what it collects for a slow reader has a bound.

RFC 4254, 5.2: a channel's window says how much the other side may send before it has to wait. Two
places of asyncssh 2.24 let more come than anybody takes; it offers nothing to change them by, so
they are put right here, for every connection of the process:

- `SSHChannel._deliver_data` opens the window whole again with each piece it hands on, whatever it
  still holds of what came while its reader paused. A reader that is slow but moves let it collect
  without end. Here a window is opened by what was taken, as OpenSSH does it.
- `SSHForwarder.data_received` keeps what a local connection sends before its channel is open, which
  on a connection that hangs it never is. Here the local end waits.
"""

from __future__ import annotations

from typing import Any

from asyncssh.channel import SSHChannel
from asyncssh.constants import MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.forward import SSHForwarder
from asyncssh.misc import ProtocolError
from asyncssh.packet import UInt32


def hold_back() -> None:
    """Put it right; safe to repeat."""
    SSHChannel._deliver_data = _deliver_data  # type: ignore[method-assign]
    SSHForwarder.data_received = _data_received  # type: ignore[method-assign]
    SSHForwarder.set_peer = _set_peer  # type: ignore[method-assign]


def _deliver_data(self: SSHChannel[Any], data: bytes, datatype: int | None) -> None:
    """Hand a piece on, and let as much come as was handed on since the window was opened last."""
    taken = getattr(self, "_bellhop_taken", 0) + len(data)
    if 2 * taken >= self._init_recv_window:
        self.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(taken))
        self._recv_window += taken
        taken = 0
    self._bellhop_taken = taken  # type: ignore[attr-defined]
    given: Any = data
    if self._decoder is not None:
        try:
            given = self._decoder.decode(data)
        except UnicodeDecodeError as error:
            raise ProtocolError(str(error)) from None
    if self._session is not None:
        self._session.data_received(given, datatype)


def _data_received(self: SSHForwarder, data: bytes, datatype: int | None = None) -> None:
    if self._peer is not None:
        self._peer.write(data)
        return
    self._inpbuf += data
    self.pause_reading()


def _set_peer(self: SSHForwarder, peer: SSHForwarder) -> None:
    self._peer = peer
    if self._inpbuf:  # it was made to wait; what it sent goes first, before anything is read
        self.resume_reading()
