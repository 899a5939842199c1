"""How what waits is written once for both clients.

A procedure is a generator: it yields what it wants done with sockets, and is given the result. `run` does
it blocking, `ag06d.client.asynchronous.run_async` in an event loop; the procedure does not know which.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import zmq

TIMEOUT = int(zmq.RCVTIMEO)  # pyzmq's own enums are slow

Socket = zmq.Socket[Any]
Frames = list[bytes]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for a message on any of `sockets`, the first of them first, until then (monotonic clock, s)."""

    sockets: tuple[Socket, ...]
    until: float | None

    def left_ms(self) -> int | None:
        """How long to wait from now on; None is for ever."""
        return None if self.until is None else max(0, round((self.until - time.monotonic()) * 1000))


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message without waiting."""

    socket: Socket
    frames: Frames


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for a while."""

    seconds: float


Step = Receive | Send | Pause
Procedure = Generator[Step, Any, T]


def receive(sockets: Sequence[Socket], until: float | None) -> Procedure[tuple[Socket, Frames] | None]:
    """A message and where it came from; None when none came until then."""
    heard: tuple[Socket, Frames] | None = yield Receive(tuple(sockets), until)
    return heard


def send(socket: Socket, frames: Frames) -> Procedure[bool]:
    """Whether there was somebody to send to."""
    sent: bool = yield Send(socket, frames)
    return sent


def pause(seconds: float) -> Procedure[None]:
    """Do nothing for a while."""
    yield Pause(seconds)


def run(procedure: Procedure[T]) -> T:
    """What `procedure` returns; blocks meanwhile. Interrupted, it ends the procedure too."""
    result: Any = None
    try:
        while True:
            try:
                step = procedure.send(result)
            except StopIteration as end:
                returned: T = end.value
                return returned
            result = _do(step)
    finally:
        procedure.close()


def _do(step: Step) -> object:
    match step:
        case Receive((socket,)):  # most of the time there is one, and this is the quickest way to wait for it
            left_ms = step.left_ms()
            socket.setsockopt(TIMEOUT, -1 if left_ms is None else left_ms)
            try:
                return socket, socket.recv_multipart()
            except zmq.Again:
                return None
        case Receive(sockets):
            ready = watching(zmq.Poller(), sockets).poll(step.left_ms())
            found = first(sockets, ready)
            return found and (found, found.recv_multipart())
        case Send(socket, frames):
            try:
                socket.send_multipart(frames, zmq.NOBLOCK)
            except zmq.Again:
                return False
            return True
        case Pause(seconds):
            time.sleep(seconds)
    return None


def watching(poller: Any, sockets: Sequence[Socket]) -> Any:  # noqa: ANN401 - pyzmq's two are not related by type
    """`poller`, told to look whether any of `sockets` can be read."""
    for socket in sockets:
        poller.register(socket, zmq.POLLIN)
    return poller


def first(sockets: Sequence[Socket], ready: Sequence[tuple[Socket, int]]) -> Socket | None:
    """The first of `sockets` that is among the ready ones."""
    found = dict(ready)
    return next((socket for socket in sockets if socket in found), None)
