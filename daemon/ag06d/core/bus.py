"""The public sockets: `control` answers requests, `events` and `stream` publish.

Nothing here waits for a client: what a slow subscriber does not take is dropped at its high-water
mark, and shows as a gap in the topic's sequence numbers, or, when nothing follows, in the heartbeat's.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import zmq
import zmq.asyncio

from ag06d._native import lib
from ag06d.core.config import BusConfig
from ag06d.core.limits import Limits
from ag06d.core.turns import Turns, charged
from ag06d.door import Door, allow_all_files, bind, connections_max
from ag06d.errors import RequestError
from ag06d.paths import Sockets
from ag06d.wire import ERROR_CODES, Message, Reply, Request, WireError
from ag06d.wire.messages import Stamp

Channel = Literal["events", "stream"]
Handler = Callable[[Request], Awaitable[Reply]]

CHANNELS: tuple[Channel, ...] = ("events", "stream")
HIGH_WATER = {"events": 10_000, "stream": 64}
REQUESTS_HIGH_WATER = 64  # of one client that wait to be read; then it is itself that waits
REPLIES_HIGH_WATER = 64  # that one client has not taken; further ones are dropped
SUBSCRIPTIONS_A_TURN = 256
FRAME_BYTES_MAX = 2 << 20  # a larger one costs its sender the connection
SUBSCRIPTION_BYTES_MAX = 4096  # likewise, of a subscriber, who has nothing longer to say
IN_FLIGHT_MAX = 256  # requests being worked on, of all clients
ROUND_MAX = 1024  # requests that are read before some are worked on
TURN_S = 0.004  # likewise, of this thread's time that is worked on requests before more are read
LAST_TOLD = 200  # topics whose newest message a heartbeat tells the number of
BUSY = {
    "rate": "this client asks too much at once",
    "in_flight": "this client has too many requests that wait or are being worked on",
    "size": "this client has too much that waits",
    "all": f"{IN_FLIGHT_MAX} requests are being worked on",
}
WELCOME = "welcome."
HEARTBEAT = "heartbeat."
LINGER_MS = 100

log = logging.getLogger(__name__)


class Bus:
    """The daemon's end of the three public sockets."""

    def __init__(
        self, sockets: Sockets, position: Callable[[], int], config: BusConfig | None = None
    ) -> None:
        """Bind; `position` tells the sample position that messages are stamped with."""
        settings = config or BusConfig()
        self.boot = uuid.uuid4().hex[:12]
        self._requests = 0
        self._refused: Counter[str] = Counter()
        self._dropped = 0
        self._limits = Limits(
            per_s=settings.client_requests_per_s,
            burst=settings.client_burst,
            in_flight=settings.client_in_flight,
        )
        self._turns = Turns()
        self._round: set[bytes] = set()  # who has been read since the last one that came a second time
        self._position = position
        self._next: dict[Channel, dict[str, int]] = {channel: {} for channel in CHANNELS}
        self._observers: list[Callable[[Message], None]] = []
        self._retold: dict[str, Callable[[], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._context = zmq.asyncio.Context()
        self._routers: list[zmq.asyncio.Socket] = []
        self._private: list[Path] = []  # their files
        self._publishers: dict[Channel, zmq.Socket[bytes]] = {}
        self._doors: dict[str, Door] = {}
        self._missed: set[str] = set()  # doors whose file somebody has removed
        addresses = {"control": sockets.control, "events": sockets.events, "stream": sockets.stream}
        most = connections_max(settings.client_connections, allow_all_files(), len(addresses))
        self._control = self._context.socket(zmq.ROUTER)
        self._control.setsockopt(zmq.SNDHWM, REPLIES_HIGH_WATER)
        self._control.setsockopt(zmq.RCVHWM, REQUESTS_HIGH_WATER)
        self._control.setsockopt(zmq.ROUTER_MANDATORY, 1)  # say so when a reply cannot be delivered
        self._open("control", self._control, addresses["control"], most)
        plain = zmq.Context(self._context)  # the same context, for sockets that never wait
        for channel in CHANNELS:
            publisher = plain.socket(zmq.XPUB)
            publisher.setsockopt(zmq.SNDHWM, HIGH_WATER[channel])
            publisher.setsockopt(zmq.XPUB_VERBOSE, 1)
            self._open(channel, publisher, addresses[channel], most)
            self._publishers[channel] = publisher

    def _open(self, name: str, socket: zmq.Socket[Any], address: str, most: int) -> None:
        self._doors[name] = Door(self._context, socket, address, most)
        bind(socket, address, FRAME_BYTES_MAX if name == "control" else SUBSCRIPTION_BYTES_MAX)
        self._doors[name].bound()

    def account(self) -> dict[str, Any]:
        """The `bus` part of `status`."""
        return {
            "requests": self._requests,
            "refused": dict(self._refused),
            "limited": dict(self._limits.limited),
            "dropped": self._dropped,
            "clients": {name: len(door) for name, door in self._doors.items()},
            "turned_away": sum(door.turned_away for door in self._doors.values()),
        }

    def router(self, address: str) -> zmq.asyncio.Socket:
        """A further ROUTER of this context, bound to `address`; closed with the bus."""
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a dead peer's connection may live on in what it forked
        bind(socket, address, FRAME_BYTES_MAX)
        self._routers.append(socket)
        self._private.append(Path(address.removeprefix("ipc://")))
        return socket

    def observe(self, observer: Callable[[Message], None]) -> None:
        """Have `observer` see every message that is published."""
        self._observers.append(observer)

    def retell(self, topic: str, tell: Callable[[], None]) -> None:
        """Have `tell` publish again what is known under `topic` when somebody subscribes to it on events."""
        self._retold[topic] = tell

    def skip(self, channel: Channel, topic: str, messages: int) -> None:
        """Let it be seen in the topic's sequence that `messages` were lost before they came here."""
        topic = topic.rstrip(".") + "."
        numbers = self._next[channel]
        numbers[topic] = numbers.pop(topic, 0) + messages

    def last(self, channel: Channel) -> dict[str, int]:
        """The newest sequence number of each topic, of those that were published last."""
        told = islice(reversed(self._next[channel].items()), LAST_TOLD)
        return {topic: number - 1 for topic, number in told if topic not in (WELCOME, HEARTBEAT)}

    def publish(  # noqa: PLR0913 - the parts of a message
        self,
        channel: Channel,
        topic: str,
        body: Mapping[str, Any],
        buffers: Sequence[bytes] = (),
        *,
        source: str = "ag06d",
        position: int | None = None,
        mono_ns: int | None = None,
    ) -> None:
        """Publish `body` under `topic`; never waits."""
        topic = topic.rstrip(".") + "."
        sequence = self._next[channel].pop(topic, 0)  # and in again, so that the newest stand last
        self._next[channel][topic] = sequence + 1
        stamp = Stamp(
            boot=self.boot,
            seq=sequence,
            t=time.time(),
            mono=lib.ag06_now_ns() if mono_ns is None else mono_ns,
            pos=self._position() if position is None else position,
            src=source,
        )
        message = Message(topic, stamp.header(), dict(body), buffers)
        self._publishers[channel].send_multipart(message.encode())  # XPUB drops rather than waits
        for observer in self._observers:
            observer(message)

    async def serve(self, handler: Handler) -> None:
        """Answer requests, each in its own task, until cancelled."""
        doors = [asyncio.create_task(watch(door)) for door in self._doors.values()]
        try:
            while True:
                await asyncio.sleep(0)  # receiving what is there already gives nobody else a turn
                if not self._turns:
                    self._round = {self._take(await self._control.recv_multipart())}
                self._read_round()
                await self._serve_turn(handler)
        finally:
            for door in doors:
                door.cancel()

    def _read_round(self) -> None:
        """Read one request of each client that has sent some.

        libzmq gives one of each in turn: when a client comes a second time, everybody has been read.
        """
        for _ in range(ROUND_MAX):
            # Not past asyncio, as in HostLink; with NOBLOCK the future is done already.
            received: Any = self._control.recv_multipart(zmq.NOBLOCK)
            if received.exception() is not None:  # nothing is there
                self._round.clear()
                return
            identity = self._take(received.result())
            if identity in self._round:
                self._round = {identity}
                return
            self._round.add(identity)

    def _take(self, frames: list[bytes]) -> bytes:
        """Have a request wait for its turn, or refuse it; whose it is."""
        self._requests += 1
        identity = frames[0]
        limit = self._limits.exceeded(identity)
        if not limit and not self._turns.put(identity, frames):
            limit = self._limits.count("size")
        if limit:
            began = time.thread_time()
            self._refuse(frames, limit)
            self._turns.charge(identity, time.thread_time() - began)
        else:
            self._limits.begin(identity)
        return identity

    def _refuse(self, frames: list[bytes], limit: str) -> None:
        """Answer `busy`, if what came is a request so far as that tells its id; else it is dropped."""
        route, content = self._split(frames)
        try:
            request_id = Request.read_id(content)
        except WireError:
            self._refused["malformed"] += 1
            self._dropped += 1
            return
        busy = RequestError("busy", BUSY[limit], "ask again later")
        self._send(route, self._counted(Reply.failed(request_id, busy)).encode())

    async def _serve_turn(self, handler: Handler) -> None:
        """Begin requests, of whoever has used the least time first, until they took `TURN_S`."""
        until = time.thread_time() + TURN_S
        while self._turns and time.thread_time() < until:
            frames = self._turns.next()
            identity = frames[0]
            if len(self._tasks) < IN_FLIGHT_MAX:
                task = asyncio.create_task(self._work(frames, handler))
                self._tasks.add(task)
                task.add_done_callback(partial(self._ended, identity))
            else:
                self._limits.end(identity)
                self._refuse(frames, self._limits.count("all"))
            await asyncio.sleep(0)  # its first step, and everybody else's

    def _ended(self, identity: bytes, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._limits.end(identity)

    @staticmethod
    def _split(frames: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The route back (a REQ's empty delimiter with it) and the message."""
        cut = 2 if len(frames) > 1 and not frames[1] else 1
        return frames[:cut], frames[cut:]

    async def _work(self, frames: list[bytes], handler: Handler) -> None:
        await charged(self._answer(frames, handler), partial(self._turns.charge, frames[0]))

    async def _answer(self, frames: list[bytes], handler: Handler) -> None:
        route, content = self._split(frames)
        try:
            request = Request.decode(content)
        except WireError as error:
            self._refused["malformed"] += 1
            re = error.request_id if isinstance(error.request_id, int | str | bytes) else None
            self._send(route, Reply.failed(re, RequestError("bad_request", str(error))).encode())
            return
        try:
            reply = await handler(request)
            answer = reply.encode()
        except RequestError as error:
            reply = Reply.failed(request.id, error)
            answer = reply.encode()
        except Exception:
            log.exception("operation %s failed", request.op)
            failed = RequestError(
                "internal", f"{request.op[:100]}: the daemon failed at it", "its log says why"
            )
            reply = Reply.failed(request.id, failed)
            answer = reply.encode()
        self._counted(reply)
        self._send(route, answer)

    def _counted(self, reply: Reply) -> Reply:
        if reply.status == "error":
            code = reply.body.get("code")
            self._refused[code if code in ERROR_CODES else "internal"] += 1
        return reply

    def _send(self, route: list[bytes], frames: list[bytes]) -> None:
        # Not past asyncio, as in HostLink; with NOBLOCK the future is done already.
        sent: Any = self._control.send_multipart([*route, *frames], zmq.NOBLOCK)
        if sent.exception() is not None:  # the client is gone, or does not take its replies
            self._dropped += 1

    async def greet(self, period_s: float = 0.02) -> None:
        """Answer subscriptions, until cancelled.

        One that covers `welcome.` gets a welcome; one that covers what is retold, all of that, a turn
        later, so that a client which waits for its welcome first misses none of it.
        """
        due: list[Callable[[], None]] = []
        while True:
            for channel, publisher in self._publishers.items():
                asked = self._subscriptions(publisher)
                if any(WELCOME.encode().startswith(prefix) for prefix in asked):
                    self.publish(channel, WELCOME, {"channel": channel, "last": self.last(channel)})
                if channel == "events":
                    for tell in due:
                        tell()
                    due = [tell for topic, tell in self._retold.items() if touches(asked, topic.encode())]
            await asyncio.sleep(period_s)

    @staticmethod
    def _subscriptions(publisher: zmq.Socket[bytes]) -> list[bytes]:
        """The prefixes that were subscribed to since the last turn; what is more waits for the next one."""
        asked = []
        for _ in range(SUBSCRIPTIONS_A_TURN):
            try:
                frame = publisher.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            if frame[:1] == b"\x01":
                asked.append(frame[1:])
        return asked

    async def heartbeat(self, content: Callable[[], Mapping[str, Any]], period_s: float = 1.0) -> None:
        """Publish `content()` on both channels every second, until cancelled."""
        while True:
            self._look_at_doors()
            for channel in CHANNELS:
                self.publish(channel, HEARTBEAT, {**content(), "last": self.last(channel)})
            await asyncio.sleep(period_s)

    def _look_at_doors(self) -> None:
        for name, door in self._doors.items():
            if name not in self._missed and not door.stands():
                self._missed.add(name)
                log.error(
                    "%s: the socket was removed, and nobody new finds this daemon there: start it again",
                    door.path,
                )

    def close(self) -> None:
        """Close the sockets and remove their files; what is queued has a moment to go out."""
        for door in self._doors.values():
            door.close()
        for path in self._private:
            path.unlink(missing_ok=True)
        for socket in (self._control, *self._routers, *self._publishers.values()):
            socket.close(linger=LINGER_MS)
        self._context.term()


def touches(prefixes: Sequence[bytes], topic: bytes) -> bool:
    """Whether a subscription to any of `prefixes` covers `topic` or something below it."""
    return any(topic.startswith(prefix) or prefix.startswith(topic) for prefix in prefixes)


async def watch(door: Door) -> None:
    """Have `door` know who comes and goes, until cancelled."""
    while True:
        await asyncio.sleep(0)  # receiving what is there already gives nobody else a turn
        door.heard(await door.monitor.recv_multipart())
