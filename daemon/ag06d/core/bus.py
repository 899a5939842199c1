"""The public sockets: `control` answers requests, `events` and `stream` publish.

Nothing here waits for a client: what a slow subscriber does not take is dropped at its high-water
mark, and shows as a gap in the topic's sequence numbers.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import resource
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import zmq
import zmq.asyncio

from ag06d._native import lib
from ag06d.errors import DaemonRunningError, RequestError
from ag06d.paths import Sockets
from ag06d.wire import Message, Reply, Request, WireError
from ag06d.wire.messages import Stamp

Channel = Literal["events", "stream"]
Handler = Callable[[Request], Awaitable[Reply]]

HIGH_WATER = {"events": 10_000, "stream": 64}
CONTROL_HIGH_WATER = 1000
SUBSCRIPTIONS_A_TURN = 256
FRAME_BYTES_MAX = 2 << 20  # a larger one costs its sender the connection
IN_FLIGHT_MAX = 256  # requests being worked on
WELCOME = "welcome."
HEARTBEAT = "heartbeat."
MODE = 0o770
LINGER_MS = 100

log = logging.getLogger(__name__)


class SocketFolder:
    """The runtime folder, held by one daemon at a time."""

    def __init__(self, sockets: Sockets) -> None:
        """Make the folder if need be and lock it; raises DaemonRunningError naming who holds it."""
        sockets.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        if sockets.folder.stat().st_uid != os.getuid():
            raise DaemonRunningError(
                f"{sockets.folder} belongs to another user; set AG06D_RUNTIME_DIR to a folder of your own"
            )
        self._file = sockets.lock.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise DaemonRunningError(
                f"a daemon with pid {holder} holds the sockets in {sockets.folder}; "
                "stop it, or set AG06D_RUNTIME_DIR to run another beside it"
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let another daemon have it."""
        self._file.truncate(0)
        self._file.close()


class Bus:
    """The daemon's end of the three public sockets."""

    def __init__(self, sockets: Sockets, position: Callable[[], int]) -> None:
        """Bind; `position` tells the sample position that messages are stamped with."""
        self.boot = uuid.uuid4().hex[:12]
        self.refused = 0  # requests that could not be decoded
        self._position = position
        self._sequence: Counter[tuple[Channel, str]] = Counter()
        self._observers: list[Callable[[Message], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        allow_all_files()
        self._context = zmq.asyncio.Context()
        self._control = self._context.socket(zmq.ROUTER)
        self._control.setsockopt(zmq.SNDHWM, CONTROL_HIGH_WATER)
        self._control.setsockopt(zmq.RCVHWM, CONTROL_HIGH_WATER)
        self._routers: list[zmq.asyncio.Socket] = []
        self._publishers: dict[str, zmq.Socket[bytes]] = {}
        bind(self._control, sockets.control)
        plain = zmq.Context(self._context)  # the same context, for sockets that never wait
        for channel, address in (("events", sockets.events), ("stream", sockets.stream)):
            publisher = plain.socket(zmq.XPUB)
            publisher.setsockopt(zmq.SNDHWM, HIGH_WATER[channel])
            publisher.setsockopt(zmq.XPUB_VERBOSE, 1)
            bind(publisher, address)
            self._publishers[channel] = publisher

    def router(self, address: str) -> zmq.asyncio.Socket:
        """A further ROUTER of this context, bound to `address`; closed with the bus."""
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a dead peer's connection may live on in what it forked
        bind(socket, address)
        self._routers.append(socket)
        return socket

    def observe(self, observer: Callable[[Message], None]) -> None:
        """Have `observer` see every message that is published."""
        self._observers.append(observer)

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
        sequence = self._sequence[channel, topic]  # heartbeats go out on both, and neither may show gaps
        self._sequence[channel, topic] += 1
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
        while True:
            await asyncio.sleep(0)  # receiving what is there already gives nobody else a turn
            frames = await self._control.recv_multipart()
            route, content = self._split(frames)
            try:
                request = Request.decode(content)
            except WireError as error:
                self.refused += 1
                re = error.request_id if isinstance(error.request_id, int | str | bytes) else None
                await self._answer(route, Reply.failed(re, RequestError("bad_request", str(error))))
                continue
            if len(self._tasks) >= IN_FLIGHT_MAX:
                busy = RequestError(
                    "busy", f"{IN_FLIGHT_MAX} requests are being worked on", "ask again later"
                )
                await self._answer(route, Reply.failed(request.id, busy))
                continue
            task = asyncio.create_task(self._work(route, request, handler))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _split(frames: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The route back (a REQ's empty delimiter with it) and the message."""
        cut = 2 if len(frames) > 1 and not frames[1] else 1
        return frames[:cut], frames[cut:]

    async def _work(self, route: list[bytes], request: Request, handler: Handler) -> None:
        try:
            frames = (await handler(request)).encode()
        except RequestError as error:
            frames = Reply.failed(request.id, error).encode()
        except Exception as error:
            log.exception("operation %s failed", request.op)
            what = f"{type(error).__name__}: {error}".encode(errors="backslashreplace").decode()
            frames = Reply.failed(request.id, RequestError("internal", what)).encode()
        await self._control.send_multipart([*route, *frames])

    async def _answer(self, route: list[bytes], reply: Reply) -> None:
        await self._control.send_multipart([*route, *reply.encode()])

    async def greet(self, period_s: float = 0.02) -> None:
        """Answer every subscription that covers `welcome.` with a welcome, until cancelled."""
        while True:
            for channel, publisher in self._publishers.items():
                if self._wants_welcome(publisher):
                    self.publish("events" if channel == "events" else "stream", WELCOME, {"channel": channel})
            await asyncio.sleep(period_s)

    @staticmethod
    def _wants_welcome(publisher: zmq.Socket[bytes]) -> bool:
        wanted = False
        for _ in range(SUBSCRIPTIONS_A_TURN):
            try:
                frame = publisher.recv(zmq.NOBLOCK)
            except zmq.Again:
                break
            wanted |= frame[:1] == b"\x01" and WELCOME.encode().startswith(frame[1:])
        return wanted

    async def heartbeat(self, content: Callable[[], Mapping[str, Any]], period_s: float = 1.0) -> None:
        """Publish `content()` on both channels every second, until cancelled."""
        while True:
            for channel in ("events", "stream"):
                self.publish("events" if channel == "events" else "stream", HEARTBEAT, content())
            await asyncio.sleep(period_s)

    def close(self) -> None:
        """Close the sockets; what is queued has a moment to go out."""
        for socket in (self._control, *self._routers, *self._publishers.values()):
            socket.close(linger=LINGER_MS)
        self._context.term()


def allow_all_files() -> None:
    """Let this process have as many files open as it may.

    A client's connection that finds none left makes libzmq abort the process; the usual soft limit of
    1024 is within the reach of one client that forgets to close.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def bind(socket: zmq.Socket[Any], address: str) -> None:
    """Bind to an ipc address that only the user and the group may use."""
    socket.setsockopt(zmq.MAXMSGSIZE, FRAME_BYTES_MAX)
    before = os.umask(0o777 & ~MODE)
    try:
        socket.bind(address)
    finally:
        os.umask(before)
    Path(address.removeprefix("ipc://")).chmod(MODE)
