"""What both clients do with the daemon's sockets: knock, ask, subscribe. Nothing here blocks by itself."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Final

import zmq

from ag06d.client.subscription import WELCOME, Channel, Subscription
from ag06d.client.waiting import Procedure, Socket, pause, receive, send
from ag06d.errors import DeadlineError, NoDaemonError, RequestError
from ag06d.paths import Sockets
from ag06d.paths import sockets as default_sockets
from ag06d.wire import Reply, Request, WireError, pack_arrays, raise_for_error
from ag06d.wire.codec import FRAME_MAX, check_content, pack

if TYPE_CHECKING:
    import numpy.typing as npt

TIMEOUT_S: Final = 6.0
GRACE_S: Final = 0.25  # beyond a request's deadline, for the daemon's own word that it was not kept
SOON_S: Final = 0.05  # in which most answers come; only then it is asked whether the connection still stands
WELCOME_S: Final = 1.0  # in which a welcome comes, if it did not get lost
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


class Requests:
    """Asking at one socket, by as many connections as there are requests at a time.

    `timeout_s` bounds each request that has no deadline of its own; `wait`: who is not there is waited for,
    instead of raising NoDaemonError.
    """

    who = "the daemon"  # that answers

    def __init__(self, context: zmq.Context[Any], sockets: Sockets, timeout_s: float, *, wait: bool) -> None:
        self.timeout_s, self.wait = timeout_s, wait
        self.context, self.sockets = context, sockets
        self._idle: list[Line] = []
        self._next_id = 0

    def address(self) -> Procedure[str]:
        """Where to ask, when a new connection is made."""
        yield from ()
        return self.sockets.control

    def nobody(self) -> NoDaemonError:
        """What is said when nobody listens there."""
        return NoDaemonError(f"no daemon answers in {self.sockets.folder}; is `ag06d run` running there?")

    def request(  # noqa: PLR0913 - the parts of a request
        self,
        op: str,
        body: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        *,
        arrays: Sequence[npt.NDArray[Any]] = (),
        timeout_s: float | None = None,
        dry_run: bool = False,
    ) -> Procedure[Reply]:
        """Have `op` carried out; raises RequestError, DeadlineError, NoDaemonError."""
        content, buffers = with_arrays(body or {}, buffers, arrays)
        packed = pack(content)
        if len(packed) > FRAME_MAX:  # the daemon would hang up without a word
            raise RequestError("bad_request", f"{op}: the body is longer than {FRAME_MAX} bytes")
        try:
            check_content((packed, *buffers))
        except WireError as error:
            raise RequestError("bad_request", f"{op}: {error}") from error
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        line = yield from self._line()
        self._next_id += 1
        request = Request(self._next_id, op, content, buffers, deadline_ms=timeout_s * 1000, dry_run=dry_run)
        try:
            until = time.monotonic() + timeout_s + GRACE_S
            line.over = not (yield from send(line.control, request.encode()))
            soon = min(time.monotonic() + SOON_S, until)
            while not line.over:
                heard = yield from receive((line.control,), soon)
                if heard is None:
                    heard = yield from receive((line.control, line.monitor), until)
                if heard is None:
                    raise DeadlineError(f"no answer to {op} within {timeout_s:g} s", answered=False)
                line.over = heard[0] is line.monitor
                if not line.over and (reply := Reply.decode(heard[1])).re == request.id:
                    return raise_for_error(reply)  # else the late answer to one that was given up
            raise NoDaemonError(
                f"{self.who} in {self.sockets.folder} ended before it answered {op}; "
                "whether that was done is unknown"
            )
        finally:
            self._give_back(line)

    def call(self, op: str, **body: Any) -> Procedure[dict[str, Any]]:  # noqa: ANN401 - whatever msgpack can carry
        """The body of the answer to `op`."""
        reply = yield from self.request(op, body)
        return reply.body

    def _line(self) -> Procedure[Line]:
        """A connection that nobody uses and that is not known to be over, else a new one."""
        while self._idle:
            line = self._idle.pop()
            heard = yield from receive((line.monitor,), until=0.0)
            if heard is None:
                return line
            line.close()
        address = yield from self.address()
        yield from self.knock(address)
        control: Socket = self.context.socket(zmq.DEALER)
        control.setsockopt(zmq.LINGER, 0)
        control.setsockopt(zmq.RECONNECT_IVL, -1)  # no request may wait for another run of the daemon
        monitor: Socket = control.get_monitor_socket(OVER)
        control.connect(address)
        return Line(control, monitor)

    def _give_back(self, line: Line) -> None:
        if line.over:
            line.close()
        else:
            self._idle.append(line)

    def knock(self, address: str) -> Procedure[None]:
        """Raise NoDaemonError at once where nobody listens, or wait; ZeroMQ itself would always wait."""
        while not _listening(address):
            if not self.wait:
                raise self.nobody()
            yield from pause(KNOCK_S)


class Session(Requests):
    """What a client knows of its daemon, and how it talks to it; see Requests."""

    def __init__(
        self, context: zmq.Context[Any], sockets: Sockets | None, timeout_s: float, *, wait: bool
    ) -> None:
        super().__init__(context, sockets or default_sockets(), timeout_s, wait=wait)
        self._doors: dict[str, PluginDoor] = {}  # kept, as their connections are

    def door(self, plugin: str) -> PluginDoor:
        """Where to ask `plugin` itself."""
        return self._doors.setdefault(plugin, PluginDoor(self, plugin))

    def close(self) -> None:
        """Close all sockets of the client, whoever uses them."""
        self.context.destroy(linger=0)

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
        address = self.sockets.events if channel == "events" else self.sockets.stream
        yield from self.knock(address)
        subscriber: Socket = self.context.socket(zmq.SUB)
        subscriber.setsockopt(zmq.LINGER, 0)
        subscriber.setsockopt(zmq.RCVHWM, MESSAGES_WAITING[channel])
        welcomed = False
        try:
            for prefix in (*subscription.prefixes(channel), WELCOME):
                subscriber.subscribe(prefix)
            subscriber.connect(address)
            until = inf if self.wait else time.monotonic() + self.timeout_s
            again = time.monotonic() + WELCOME_S
            while not welcomed:
                heard = yield from receive((subscriber,), min(again, until))
                welcomed = heard is not None and subscription.welcomed(channel, heard[1])
                if not welcomed and time.monotonic() >= until:
                    raise self.nobody()
                if not welcomed and time.monotonic() >= again:  # it had no room among much else: ask anew
                    subscriber.unsubscribe(WELCOME)
                    subscriber.subscribe(WELCOME)
                    again = time.monotonic() + WELCOME_S
            subscriber.unsubscribe(WELCOME)
        finally:
            if not welcomed:
                subscriber.close(linger=0)
        return subscriber


class PluginDoor(Requests):
    """Asking a plugin at its own door, which the daemon knows of."""

    def __init__(self, session: Session, plugin: str) -> None:
        super().__init__(session.context, session.sockets, session.timeout_s, wait=session.wait)
        self._session, self._plugin = session, plugin
        self.who = f"the door of plugin {plugin}"
        self._address = ""  # as long as somebody listens there

    def address(self) -> Procedure[str]:
        """Asked of `hello` once; raises RequestError not_ready, NoDaemonError."""
        if not self._address or not _listening(self._address):
            hello = yield from self._session.call("hello")
            file = hello.get("doors", {}).get(self._plugin)
            if file is None:
                raise RequestError(
                    "not_ready",
                    f"plugin {self._plugin} has no door of its own at present",
                    "it has to be running, and to have direct commands; see `describe`",
                )
            self._address = f"ipc://{self.sockets.folder / file}"
        return self._address

    def nobody(self) -> NoDaemonError:
        """As the base does."""
        return NoDaemonError(f"nobody answers at {self.who} in {self.sockets.folder}")


def with_arrays(
    body: Mapping[str, Any], buffers: Sequence[bytes], arrays: Sequence[npt.NDArray[Any]]
) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Body and buffers of a request that carries `arrays`, or else `buffers`."""
    if not arrays:
        return dict(body), buffers
    if buffers:
        raise ValueError("a request carries arrays or buffers of its own making, not both")
    entries, packed = pack_arrays(*arrays)
    return {**body, "arrays": entries}, packed


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
