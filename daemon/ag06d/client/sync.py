"""The blocking client."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import zmq

from ag06d.errors import NoDaemonError
from ag06d.paths import Sockets
from ag06d.paths import sockets as default_sockets
from ag06d.wire import Message, Reply, Request, raise_for_error

WELCOME = "welcome."


class Client:
    """Talks to one daemon.

    >>> with Client() as client:                                    # doctest: +SKIP
    ...     client.set({"chain.a.comp.threshold_db": -30})
    ...     for message in client.follow("feature."):
    ...         print(message.topic, message.body)

    `timeout_s` bounds every request. Raises NoDaemonError when nobody answers, RequestError when the
    daemon says no.
    """

    def __init__(self, sockets: Sockets | None = None, timeout_s: float = 6.0) -> None:
        self._sockets = sockets or default_sockets()
        self._timeout_s = timeout_s
        self._context = zmq.Context()
        self._control: zmq.Socket[bytes] | None = None
        self._next_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets."""
        self._context.destroy(linger=0)

    def request(
        self,
        op: str,
        body: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        *,
        dry_run: bool = False,
    ) -> Reply:
        """Have the daemon carry out `op`."""
        if self._control is None:
            self._control = self._socket(zmq.DEALER, self._sockets.control)
        self._next_id += 1
        request = Request(self._next_id, op, dict(body or {}), buffers, dry_run=dry_run)
        self._control.send_multipart(request.encode())
        until = time.monotonic() + self._timeout_s
        while (left := until - time.monotonic()) > 0:
            if not self._control.poll(int(left * 1000) + 1):
                break
            reply = Reply.decode(self._control.recv_multipart())
            if reply.re == request.id:  # else the late answer to one that was given up
                return raise_for_error(reply)
        raise self._nobody()

    def call(self, op: str, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever msgpack can carry
        """The body of the answer to `op`."""
        return self.request(op, body).body

    def get(self, path: str = "") -> dict[str, Any]:
        """Path to value of the leaf at `path`, or of all below it."""
        values: dict[str, Any] = self.call("get", path=path)["values"]
        return values

    def set(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Make changes: path to value, to `{"add": number}` or to `{"toggle": True}`; what changed."""
        changed: dict[str, Any] = self.call("set", changes=dict(changes))["changed"]
        return changed

    def status(self) -> dict[str, Any]:
        """State of device, audio, hosts and plugins."""
        return self.call("status")

    def follow(self, *topics: str, timeout_s: float | None = None) -> Iterator[Message]:
        """Messages under any of `topics`, from both channels, as they come; begins once subscribed.

        Ends after `timeout_s` without a message; None waits for ever.
        """
        subscribed = [
            self._subscribe(address, topics) for address in (self._sockets.events, self._sockets.stream)
        ]
        poller = zmq.Poller()
        for subscription in subscribed:
            poller.register(subscription, zmq.POLLIN)
        try:
            while ready := poller.poll(None if timeout_s is None else round(timeout_s * 1000)):
                for subscription, _ in ready:
                    message = Message.decode(subscription.recv_multipart())
                    if message.topic.startswith(topics):
                        yield message
        finally:
            for subscription in subscribed:
                subscription.close(linger=0)

    def _subscribe(self, address: str, topics: Sequence[str]) -> zmq.Socket[bytes]:
        """A subscription that is known to be in effect, because the welcome came."""
        subscription = self._socket(zmq.SUB, address)
        for topic in (*topics, WELCOME):
            subscription.subscribe(topic)
        until = time.monotonic() + self._timeout_s
        while (left := until - time.monotonic()) > 0:
            if not subscription.poll(int(left * 1000) + 1):
                break
            if Message.decode(subscription.recv_multipart()).topic == WELCOME:
                subscription.unsubscribe(WELCOME)
                return subscription
        subscription.close(linger=0)
        raise self._nobody()

    def _socket(self, kind: int, address: str) -> zmq.Socket[bytes]:
        self._knock(address)
        connected: zmq.Socket[bytes] = self._context.socket(kind)
        connected.setsockopt(zmq.LINGER, 0)
        connected.connect(address)
        return connected

    def _knock(self, address: str) -> None:
        """Raise NoDaemonError at once where nobody listens; ZeroMQ itself would wait for somebody to come."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(self._timeout_s)
            try:
                door.connect(address.removeprefix("ipc://"))
            except OSError as error:
                raise self._nobody() from error

    def _nobody(self) -> NoDaemonError:
        return NoDaemonError(f"no daemon answers in {self._sockets.folder}; is `ag06d run` running there?")
