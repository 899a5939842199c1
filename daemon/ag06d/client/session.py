"""What both clients do with the daemon's sockets: knock, ask, subscribe. Nothing here blocks by itself."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import zmq

from ag06d.client.subscription import WELCOME, Channel, Subscription
from ag06d.client.waiting import Procedure, Socket, pause, receive, send
from ag06d.errors import DeadlineError, NoDaemonError, RequestError
from ag06d.paths import Sockets
from ag06d.paths import sockets as default_sockets
from ag06d.wire import Reply, Request, raise_for_error
from ag06d.wire.codec import FRAME_MAX, pack

TIMEOUT_S: Final = 6.0
GRACE_S: Final = 0.25  # beyond a request's deadline, for the daemon's own word that it was not kept
KNOCK_S: Final = 0.1  # between two looks whether a daemon has come
MESSAGES_WAITING: Final = {"events": 10_000, "stream": 1000}  # for a slow reader; what is more is missed
OVER: Final = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
)


@dataclass(slots=True)
class Line:
    """A connection for requests, one at a time, to one run of the daemon."""

    control: Socket
    monitor: Socket  # says one thing only: that the connection is over
    over: bool = False

    def close(self) -> None:
        """Hang up."""
        self.control.disable_monitor()
        self.monitor.close(linger=0)
        self.control.close(linger=0)


class Session:
    """What a client knows of its daemon, and how it talks to it.

    `timeout_s` bounds each request that has no deadline of its own; `wait`: a daemon that is not there
    is waited for, instead of raising NoDaemonError.
    """

    def __init__(
        self, context: zmq.Context[Any], sockets: Sockets | None, timeout_s: float, *, wait: bool
    ) -> None:
        self.timeout_s = timeout_s
        self._context, self._wait = context, wait
        self._sockets = sockets or default_sockets()
        self._idle: list[Line] = []
        self._next_id = 0

    def close(self) -> None:
        """Close all sockets of the client, whoever uses them."""
        self._context.destroy(linger=0)

    def request(
        self,
        op: str,
        body: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        *,
        timeout_s: float | None = None,
        dry_run: bool = False,
    ) -> Procedure[Reply]:
        """Have the daemon carry out `op`; raises RequestError, DeadlineError, NoDaemonError."""
        if len(pack(body or {})) > FRAME_MAX:  # the daemon would hang up without a word
            raise RequestError("bad_request", f"{op}: the body is longer than {FRAME_MAX} bytes")
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        line = yield from self._line()
        self._next_id += 1
        request = Request(
            self._next_id, op, dict(body or {}), buffers, deadline_ms=timeout_s * 1000, dry_run=dry_run
        )
        try:
            until = time.monotonic() + timeout_s + GRACE_S
            line.over = not (yield from send(line.control, request.encode()))
            while not line.over:
                heard = yield from receive((line.control, line.monitor), until)
                if heard is None:
                    raise DeadlineError(f"no answer to {op} within {timeout_s:g} s", answered=False)
                line.over = heard[0] is line.monitor
                if not line.over and (reply := Reply.decode(heard[1])).re == request.id:
                    return raise_for_error(reply)  # else the late answer to one that was given up
            raise NoDaemonError(
                f"the daemon in {self._sockets.folder} ended before it answered {op}; "
                "whether that was done is unknown"
            )
        finally:
            self._give_back(line)

    def call(self, op: str, **body: Any) -> Procedure[dict[str, Any]]:  # noqa: ANN401 - whatever msgpack can carry
        """The body of the answer to `op`."""
        reply = yield from self.request(op, body)
        return reply.body

    def get(self, path: str) -> Procedure[dict[str, Any]]:
        """Path to value of the leaf at `path`, or of all below it."""
        body = yield from self.call("get", path=path)
        values: dict[str, Any] = body["values"]
        return values

    def set(self, changes: Mapping[str, Any]) -> Procedure[dict[str, Any]]:
        """Make changes; path to new value of what changed."""
        body = yield from self.call("set", changes=dict(changes))
        changed: dict[str, Any] = body["changed"]
        return changed

    def subscribe(self, channel: Channel, subscription: Subscription) -> Procedure[Socket]:
        """A socket whose subscriptions are in effect, because the welcome came; raises NoDaemonError.

        It comes back by itself with the next run of the daemon.
        """
        address = self._sockets.events if channel == "events" else self._sockets.stream
        yield from self._knock(address)
        subscriber: Socket = self._context.socket(zmq.SUB)
        subscriber.setsockopt(zmq.LINGER, 0)
        subscriber.setsockopt(zmq.RCVHWM, MESSAGES_WAITING[channel])
        welcomed = False
        try:
            for prefix in (*subscription.prefixes(channel), WELCOME):
                subscriber.subscribe(prefix)
            subscriber.connect(address)
            until = None if self._wait else time.monotonic() + self.timeout_s
            while not welcomed:
                heard = yield from receive((subscriber,), until)
                if heard is None:
                    raise self._nobody()
                welcomed = subscription.welcomed(channel, heard[1])
            subscriber.unsubscribe(WELCOME)
        finally:
            if not welcomed:
                subscriber.close(linger=0)
        return subscriber

    def _line(self) -> Procedure[Line]:
        """A connection that nobody uses and that is not known to be over, else a new one."""
        while self._idle:
            line = self._idle.pop()
            heard = yield from receive((line.monitor,), until=0.0)
            if heard is None:
                return line
            line.close()
        yield from self._knock(self._sockets.control)
        control: Socket = self._context.socket(zmq.DEALER)
        control.setsockopt(zmq.LINGER, 0)
        control.setsockopt(zmq.RECONNECT_IVL, -1)  # no request may wait for another run of the daemon
        monitor: Socket = control.get_monitor_socket(OVER)
        control.connect(self._sockets.control)
        return Line(control, monitor)

    def _give_back(self, line: Line) -> None:
        if line.over:
            line.close()
        else:
            self._idle.append(line)

    def _knock(self, address: str) -> Procedure[None]:
        """Raise NoDaemonError at once where nobody listens, or wait; ZeroMQ itself would always wait."""
        while not _listening(address):
            if not self._wait:
                raise self._nobody()
            yield from pause(KNOCK_S)

    def _nobody(self) -> NoDaemonError:
        return NoDaemonError(f"no daemon answers in {self._sockets.folder}; is `ag06d run` running there?")


def _listening(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as door:
        door.setblocking(False)
        try:
            door.connect(address.removeprefix("ipc://"))
        except BlockingIOError:  # others are waiting to be let in
            return True
        except OSError:
            return False
    return True
