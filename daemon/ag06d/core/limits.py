"""What one client may ask of `control`: so much a second, and so much at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

SWEEP = 1024  # clients that are remembered before the first look for those that can be forgotten


@dataclass(slots=True)
class _Client:
    """`tokens` that it has left, as of `counted_s`, and requests that wait or are being worked on."""

    tokens: float
    counted_s: float
    in_flight: int = 0


class Limits:
    """A bucket of tokens for each client, which a request takes one from, and its requests in flight.

    A client is a connection, by the identity that its ROUTER knows it by. One that has not asked for a
    while has a full bucket, as if it were new, and is forgotten.
    """

    def __init__(
        self,
        *,
        per_s: float,
        burst: int,
        in_flight: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limited: Counter[str] = Counter()
        self._per_s, self._burst = per_s, burst
        self._in_flight = in_flight
        self._clock = clock
        self._clients: dict[bytes, _Client] = {}
        self._sweep_at = SWEEP

    def __len__(self) -> int:
        return len(self._clients)

    def exceeded(self, identity: bytes) -> str:
        """Take a token; which limit this request is beyond, `rate` or `in_flight`, or none."""
        client = self._known(identity)
        if client.tokens < 1:
            return self.count("rate")
        client.tokens -= 1
        return self.count("in_flight") if client.in_flight >= self._in_flight else ""

    def count(self, limit: str) -> str:
        """A request was beyond `limit`, whoever found it so; that limit."""
        self.limited[limit] += 1
        return limit

    def begin(self, identity: bytes) -> None:
        """A request of this client waits for its turn, or is being worked on."""
        self._known(identity).in_flight += 1

    def end(self, identity: bytes) -> None:
        """And no longer."""
        self._known(identity).in_flight -= 1

    def _known(self, identity: bytes) -> _Client:
        now = self._clock()
        client = self._clients.get(identity)
        if client is None:
            self._forget(now)
            client = self._clients[identity] = _Client(self._burst, now)
        client.tokens = self._tokens(client, now)
        client.counted_s = now
        return client

    def _tokens(self, client: _Client, now: float) -> float:
        return min(client.tokens + (now - client.counted_s) * self._per_s, self._burst)

    def _forget(self, now: float) -> None:
        """Once their number has doubled, so that it costs each newcomer the same."""
        if len(self._clients) < self._sweep_at:
            return
        self._clients = {
            identity: client
            for identity, client in self._clients.items()
            if client.in_flight or self._tokens(client, now) < self._burst
        }
        self._sweep_at = max(SWEEP, 2 * len(self._clients))
