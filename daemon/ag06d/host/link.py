"""The host's end of the private socket. What does not fit is dropped and told; only lockstep waits."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator

import zmq

from ag06d.wire import WireError
from ag06d.wire.hostlink import HostMessage, Kind

log = logging.getLogger(__name__)

EVENTS, READABLE = int(zmq.EVENTS), int(zmq.POLLIN)  # pyzmq's own enums are slow
QUEUE = 4096  # messages that may wait for ag06d


class Link:
    """A DEALER connected to ag06d. A message may wait `patience_s` for room, 0 not at all."""

    def __init__(self, address: str, name: str, patience_s: float = 0.0) -> None:
        self.context = zmq.Context()
        self._socket = self.context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IDENTITY, name.encode())
        self._socket.setsockopt(zmq.LINGER, 200)
        self._socket.setsockopt(zmq.SNDHWM, QUEUE)
        self._socket.setsockopt(zmq.RCVHWM, QUEUE)
        self._socket.setsockopt(zmq.SNDTIMEO, round(1000 * patience_s))
        self._socket.connect(address)
        self._owner = threading.get_ident()
        self.dropped = 0
        self._untold: Counter[str] = Counter()  # what was dropped, by topic, until ag06d knows

    def send(self, message: HostMessage) -> bool:
        """Send, or drop and count; raises RuntimeError in any thread but the plugins'."""
        if threading.get_ident() != self._owner:
            raise RuntimeError("the Context is for the thread that runs processors; hand over by a queue")
        # First what was dropped, or ag06d could not tell where in a topic's sequence it is missing.
        if self.tell_dropped() and self._sent(message):
            return True
        self.dropped += 1
        self._untold[str(message.header["topic"]) if message.kind is Kind.PUBLISH else ""] += 1
        return False

    def tell_dropped(self) -> bool:
        """Let ag06d know of what was dropped; whether there is nothing left to tell."""
        if self._untold and self._sent(HostMessage(Kind.DROPPED, {}, dict(self._untold))):
            self._untold.clear()
        return not self._untold

    def _sent(self, message: HostMessage) -> bool:
        try:
            self._socket.send_multipart(message.encode())
        except zmq.Again:
            return False
        return True

    def file(self) -> int:
        """What can be read when ag06d has sent something."""
        return int(self._socket.getsockopt(zmq.FD))

    def quiet(self) -> bool:
        """Whether nothing is there, so that its file wakes who sleeps on it as soon as something is."""
        return not int(self._socket.getsockopt(EVENTS)) & READABLE

    def received(self) -> Iterator[HostMessage]:
        """All messages that are there."""
        while int(self._socket.getsockopt(EVENTS)) & READABLE:  # cheaper than a receive that fails
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                message = HostMessage.decode(frames)
            except WireError as error:
                log.warning("ag06d sent a message that is not right: %s", error)
            else:
                yield message

    def close(self) -> None:
        """Send what is queued, within the linger time, and close."""
        self._socket.close()
        self.context.term()
