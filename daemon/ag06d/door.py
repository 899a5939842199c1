"""A public socket's door: its file, who is connected, and closing it to more while there are many.

libzmq accepts whoever knocks, and aborts the process when no file is left for one more. So the door is
closed long before: the socket's file goes by another name, and nobody finds it until somebody has left.
"""

from __future__ import annotations

import logging
import os
import resource
import time
from pathlib import Path
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

FILES_KEPT = 400  # for ourselves, our children, and those who knock while a door is being closed
QUIET_S = 10.0  # between two words of it in the log; `status` counts them all
CLOSED = ".full"  # behind the name of a socket that is closed to more
MODE = 0o770

log = logging.getLogger(__name__)


class Door:
    """Follows one bound socket of `context` by its monitor."""

    def __init__(
        self, context: zmq.Context[Any], socket: zmq.Socket[Any], address: str, connections_max: int
    ) -> None:
        self.turned_away = 0  # times that it was closed
        self._path = Path(address.removeprefix("ipc://"))
        self._behind = self._path.with_name(self._path.name + CLOSED)
        self._most = connections_max
        self._connections: set[int] = set()
        self._closed = False
        self._file = -1  # its inode, when it has been bound
        self._quiet_until_s = 0.0
        self.monitor = context.socket(zmq.PAIR)
        self.monitor.setsockopt(zmq.RCVHWM, 0)  # or libzmq would wait for us, and term() for libzmq
        self.monitor.setsockopt(zmq.LINGER, 0)
        inside = f"inproc://door-{self._path.name}-{id(self)}"
        socket.monitor(inside, zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        self.monitor.connect(inside)

    def __len__(self) -> int:
        return len(self._connections)

    def heard(self, said: list[bytes]) -> None:
        """Count who comes and goes, by what `monitor` said."""
        event = parse_monitor_message(said)
        if event["event"] == zmq.EVENT_ACCEPTED:
            self._connections.add(event["value"])
        else:
            self._connections.discard(event["value"])
        if not self._closed and len(self) >= self._most:
            self._close()
        elif self._closed and len(self) < self._most:
            self._open()

    def _close(self) -> None:
        if self.stands():
            self._path.rename(self._behind)
        self._closed = True
        self.turned_away += 1
        if time.monotonic() >= self._quiet_until_s:
            self._quiet_until_s = time.monotonic() + QUIET_S
            log.warning("%s: %d connections; closed to more until one has ended", self._path.name, len(self))

    def _open(self) -> None:
        if self.stands():
            self._behind.rename(self._path)
        self._closed = False

    def close(self) -> None:
        """No longer follow it; nobody finds it any more. libzmq leaves the file of a socket that is bound."""
        self.monitor.close()
        if self.stands():
            self.path.unlink()

    def bound(self) -> None:
        """The socket has been bound: its file is the one that is there now."""
        self._file = self._path.stat().st_ino

    @property
    def path(self) -> Path:
        """The socket's file, by the name that it has at present."""
        return self._behind if self._closed else self._path

    def stands(self) -> bool:
        """Whether that file is there, and not another in its place."""
        try:
            return self.path.stat().st_ino == self._file
        except OSError:
            return False


def allow_all_files() -> int:
    """Let this process have as many files open as it may; how many that is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def connections_max(wanted: int, files: int, doors: int) -> int:
    """How many each of `doors` may let in, where there are `files` for all."""
    return max(min(wanted, (files - FILES_KEPT) // doors), 8)


def bind(socket: zmq.Socket[Any], address: str, frame_bytes_max: int) -> None:
    """Bind to an ipc address that only the user and the group may use."""
    socket.setsockopt(zmq.MAXMSGSIZE, frame_bytes_max)
    before = os.umask(0o777 & ~MODE)
    try:
        socket.bind(address)
    finally:
        os.umask(before)
    Path(address.removeprefix("ipc://")).chmod(MODE)
