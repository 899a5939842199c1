"""Whose request is next: that of the client which has used the least of the event loop's time.

Start-time fair queueing (Goyal, Vin and Cheng 1996): each client has a clock of its own, which runs on
by what its requests cost, and the one that is furthest behind is served. A client that was quiet begins
at the time of those who are being served, with none saved up; so one that asks seldom is next, however
much others ask.
"""

from __future__ import annotations

import heapq
import time
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

SWEEP = 1024  # clients that are remembered before the first look for those that can be forgotten
WAITING_BYTES_MAX = 1 << 20  # of one client's requests, where it has more than one that waits

T = TypeVar("T")


@dataclass(slots=True)
class _Client:
    """`clock_s` runs with the time that it used; `waiting` are its requests, of `size` bytes together."""

    clock_s: float
    waiting: deque[list[bytes]] = field(default_factory=deque)
    size: int = 0


class Turns:
    """Requests that were read and wait for their turn, by client."""

    def __init__(self) -> None:
        self._clients: dict[bytes, _Client] = {}
        self._queue: list[tuple[float, bytes]] = []  # one entry for each client that has something waiting
        self._now_s = self._latest_s = 0.0  # of who was served last; the latest that any clock shows
        self._sweep_at = SWEEP

    def __bool__(self) -> bool:
        return bool(self._queue)

    def __len__(self) -> int:
        """Clients that are remembered."""
        return len(self._clients)

    def put(self, identity: bytes, frames: list[bytes]) -> bool:
        """Have a request wait; false, and it does not, where this client has too much that waits."""
        client = self._known(identity)
        size = sum(map(len, frames))
        if client.waiting and client.size + size > WAITING_BYTES_MAX:
            return False
        if not self._queue:  # nobody had to wait for anybody: nothing is owed
            self._now_s = self._latest_s
        if not client.waiting:
            client.clock_s = max(client.clock_s, self._now_s)
            heapq.heappush(self._queue, (client.clock_s, identity))
        client.waiting.append(frames)
        client.size += size
        return True

    def next(self) -> list[bytes]:
        """Whose turn it is; raises IndexError when nothing waits."""
        clock_s, identity = heapq.heappop(self._queue)
        client = self._clients[identity]
        while client.clock_s > clock_s:  # charged since it was put there
            clock_s, identity = heapq.heappushpop(self._queue, (client.clock_s, identity))
            client = self._clients[identity]
        self._now_s = clock_s
        frames = client.waiting.popleft()
        client.size -= sum(map(len, frames))
        if client.waiting:
            heapq.heappush(self._queue, (clock_s, identity))
        return frames

    def charge(self, identity: bytes, seconds: float) -> None:
        """This client used so much of the loop's time."""
        client = self._known(identity)
        client.clock_s += seconds
        self._latest_s = max(self._latest_s, client.clock_s)

    def _known(self, identity: bytes) -> _Client:
        client = self._clients.get(identity)
        if client is None:
            self._forget()
            client = self._clients[identity] = _Client(self._now_s)
        return client

    def _forget(self) -> None:
        """Those who would begin like anybody else, once their number has doubled."""
        if len(self._clients) < self._sweep_at:
            return
        self._clients = {
            identity: client
            for identity, client in self._clients.items()
            if client.waiting or client.clock_s > self._now_s
        }
        self._sweep_at = max(SWEEP, 2 * len(self._clients))


@types.coroutine
def charged(work: Coroutine[Any, Any, T], charge: Callable[[float], None]) -> Generator[Any, Any, T]:
    """What `work` returns; `charge` is told what each of its steps took, in s of this thread's time.

    Of this thread's time, because a client has no part in what else the machine does meanwhile.
    """
    error: BaseException | None = None
    while True:
        began = time.thread_time()
        try:
            awaited = work.send(None) if error is None else work.throw(error)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            charge(time.thread_time() - began)
        error = None
        try:
            yield awaited
        except BaseException as thrown:  # noqa: BLE001 - such as a cancellation, which is for `work`
            error = thrown
