"""The doors of a host: sockets where clients ask plugins for direct commands, without passing ag06d.

They speak AG06/1 as `control` does. Everything happens in the plugins' thread, between two frames.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import zmq

from ag06d._native import lib
from ag06d.door import Door, allow_all_files, bind, connections_max
from ag06d.errors import RequestError
from ag06d.host.desk import Asked, Desk
from ag06d.paths import SOCKET_PATH_MAX, Sockets
from ag06d.wire import Reply, Request, WireError
from ag06d.wire.hostlink import COMMAND_S

REQUESTS_HIGH_WATER: Final = 64  # of one client that wait to be read; then it is itself that waits
REPLIES_HIGH_WATER: Final = 64  # that one client has not taken; further ones are dropped
FRAME_BYTES_MAX: Final = 2 << 20  # a larger one costs its sender the connection
CONNECTIONS_MAX: Final = 100  # to one door
LINGER_MS: Final = 100

EVENTS, READABLE = int(zmq.EVENTS), int(zmq.POLLIN)  # pyzmq's own enums are slow

log = logging.getLogger(__name__)


def readable(socket: zmq.Socket[bytes]) -> bool:
    """Whether something is there; it also takes the sign by which the socket's file wakes a sleeper."""
    return bool(int(socket.getsockopt(EVENTS)) & READABLE)


class PluginDoor:
    """The socket of one plugin; raises zmq.ZMQError or OSError where it cannot be had."""

    def __init__(
        self, context: zmq.Context[Any], address: str, plugin: str, desk: Desk, connections: int
    ) -> None:
        self.dropped = 0  # replies that their client was not there for, or did not take
        self.over = False  # to be closed before the next request
        self._plugin, self._desk = plugin, desk
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.SNDHWM, REPLIES_HIGH_WATER)
        self._socket.setsockopt(zmq.RCVHWM, REQUESTS_HIGH_WATER)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # say so when a reply cannot be delivered
        self._socket.setsockopt(zmq.LINGER, LINGER_MS)
        self._door = Door(context, self._socket, address, connections)
        try:
            bind(self._socket, address, FRAME_BYTES_MAX)
            self._door.bound()
        except (OSError, zmq.ZMQError):
            self.close()
            raise

    def files(self) -> tuple[int, int]:
        """What can be read when somebody asks, comes or goes."""
        return int(self._socket.getsockopt(zmq.FD)), int(self._door.monitor.getsockopt(zmq.FD))

    def quiet(self) -> bool:
        """Whether nobody waits, so that its files wake who sleeps on them as soon as somebody does."""
        return not readable(self._socket) and not readable(self._door.monitor)

    def watch(self) -> None:
        """See who came and who left."""
        while readable(self._door.monitor):
            self._door.heard(self._door.monitor.recv_multipart(zmq.NOBLOCK))

    def serve(self) -> bool:
        """Take a request to the desk; false when there is none."""
        if not readable(self._socket):
            return False
        frames = self._socket.recv_multipart(zmq.NOBLOCK)
        cut = 2 if len(frames) > 1 and not frames[1] else 1  # a REQ's empty delimiter
        self._take(frames[:cut], frames[cut:])
        return True

    def _take(self, route: list[bytes], frames: list[bytes]) -> None:
        try:
            request = Request.decode(frames)
        except WireError as error:
            re = error.request_id if isinstance(error.request_id, int | str | bytes) else None
            self._send(route, Reply.failed(re, RequestError("bad_request", str(error))))
            return
        try:
            name = self._direct(request)
        except RequestError as error:
            self._send(route, Reply.failed(request.id, error))
            return

        def outlet(status: str, body: dict[str, Any], buffers: Sequence[bytes]) -> None:
            self._send(route, Reply(request.id, status, body, buffers))

        limit_ms = 1000 * COMMAND_S if request.deadline_ms is None else request.deadline_ms
        deadline_ns = int(lib.ag06_now_ns()) + int(limit_ms * 1e6)
        self._desk.ask(Asked(name, request.body, request.buffers, deadline_ns, outlet))

    def _direct(self, request: Request) -> str:
        """The command that is asked for; raises RequestError."""
        plugin, _, name = request.op.partition(".")
        command = self._desk.commands.get(name) if plugin == self._plugin else None
        if command is None or not command.direct:
            raise RequestError(
                "unknown_op",
                f"{request.op!r} is not answered here, where only direct commands of {self._plugin} are",
                "ask at control.sock",
            )
        if request.dry_run:
            raise RequestError("bad_request", f"{request.op}: a plugin's command has no dry run")
        return name

    def _send(self, route: list[bytes], reply: Reply) -> None:
        try:
            self._socket.send_multipart([*route, *reply.encode()], zmq.NOBLOCK)
        except zmq.ZMQError:  # the client is gone, or does not take its replies
            self.dropped += 1

    def close(self) -> None:
        """Let nobody in any more; what is queued has a moment to go out."""
        self._socket.disable_monitor()
        self._door.close()
        self._socket.close()


class Doors:
    """All doors of a host."""

    def __init__(self, context: zmq.Context[Any], sockets: Sockets) -> None:
        self._context, self._sockets = context, sockets
        self._doors: dict[str, PluginDoor] = {}

    def open(self, plugin: str, desk: Desk, of: int) -> bool:
        """Open a door for `plugin`, one `of` so many; false where that cannot be, which is in the log."""
        address = self._sockets.door(plugin)
        try:
            most = connections_max(CONNECTIONS_MAX, allow_all_files(), of)
            if len(address.removeprefix("ipc://").encode()) > SOCKET_PATH_MAX:
                raise OSError(f"longer than {SOCKET_PATH_MAX} bytes")  # noqa: TRY301 - said where the others are
            self._doors[plugin] = PluginDoor(self._context, address, plugin, desk, most)
        except (OSError, zmq.ZMQError) as error:
            name = Path(address).name
            log.error("plugin %s: no %s, so it is asked by way of ag06d alone: %s", plugin, name, error)  # noqa: TRY400 - no mistake of ours
            return False
        return True

    def shut(self, plugin: str) -> None:
        """Close the door of a plugin that has ended, once the request that it is at is answered."""
        if plugin in self._doors:
            self._doors[plugin].over = True

    def files(self) -> Iterator[int]:
        """See PluginDoor."""
        for door in self._doors.values():
            yield from door.files()

    def quiet(self) -> bool:
        """See PluginDoor."""
        return all(door.quiet() for door in self._doors.values())

    def serve(self, budget_ns: int) -> bool:
        """Take requests to their desks, one of each door in turn, for so long at most.

        True when a door was closed: its files wake nobody any more.
        """
        if not self._doors:
            return False
        until_ns = lib.ag06_now_ns() + budget_ns
        for door in self._doors.values():
            door.watch()
        waiting = list(self._doors.values())
        while waiting and lib.ag06_now_ns() < until_ns:
            waiting = [door for door in waiting if not door.over and door.serve()]
        over = [plugin for plugin, door in self._doors.items() if door.over]
        for plugin in over:
            self._doors.pop(plugin).close()
        return bool(over)

    def close(self) -> None:
        """Close all of them."""
        for door in self._doors.values():
            door.close()
        self._doors.clear()
