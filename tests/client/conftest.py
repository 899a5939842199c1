"""A daemon that says what it is told to, and both clients behind one face, so that each test is of both."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Self

import pytest
import zmq

from ag06d.client import AsyncClient, Client
from ag06d.paths import Sockets
from ag06d.wire import Message, Reply, Request
from ag06d.wire.messages import Stamp

Answer = Callable[[Request], Sequence[Reply]]


class FakeDaemon:
    """One run of a daemon, on real sockets: answers as `answers` says and numbers what it publishes.

    An op without an answer there gets none. `lose` numbers a message and does not send it.
    """

    def __init__(self, sockets: Sockets, boot: str = "one", plugin: str = "") -> None:
        """With a `plugin`, what is asked at its door instead of at `control`."""
        sockets.folder.mkdir(exist_ok=True)
        self.boot = boot
        self.answers: dict[str, Answer] = {}
        self.asked: list[Request] = []
        self._sequence: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()  # a socket may change hands, but one at a time has it
        self._context = zmq.Context()
        self._control = self._context.socket(zmq.ROUTER)
        self._control.bind(sockets.door(plugin) if plugin else sockets.control)
        channels = () if plugin else ("events", "stream")
        self._publishers = {channel: self._context.socket(zmq.XPUB) for channel in channels}
        for channel, publisher in self._publishers.items():
            publisher.setsockopt(zmq.XPUB_VERBOSE, 1)
            publisher.bind(getattr(sockets, channel))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """As by kill -9: without a word."""
        self._ended.set()
        self._thread.join()
        self._context.destroy(linger=0)

    def answer(self, op: str, **body: Any) -> None:
        """Answer `op` with `body`."""
        self.answers[op] = lambda request: [Reply(request.id, "ok", body)]

    def publish(self, channel: str, topic: str, body: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        with self._lock:
            stamp = Stamp(self.boot, self._sequence[channel, topic], time.time(), 0, 480, "fake")
            self._sequence[channel, topic] += 1
            message = Message(topic, stamp.header(), body, buffers)
            self._publishers[channel].send_multipart(message.encode())

    def lose(self, channel: str, topic: str, number: int = 1) -> None:
        self._sequence[channel, topic] += number

    def _serve(self) -> None:
        while not self._ended.wait(0.002):
            for channel, publisher in self._publishers.items():
                for (frame,) in self._taken(publisher):
                    if frame[:1] == b"\x01" and b"welcome.".startswith(frame[1:]):
                        self.publish(channel, "welcome.", {"channel": channel})
            for route, *frames in self._taken(self._control):
                request = Request.decode(frames)
                self.asked.append(request)
                for reply in self.answers.get(request.op, lambda _: [])(request):
                    with self._lock:
                        self._control.send_multipart([route, *reply.encode()])

    def _taken(self, socket: zmq.Socket) -> list[list[bytes]]:
        taken = []
        with self._lock, suppress(zmq.Again):
            while True:
                taken.append(socket.recv_multipart(zmq.NOBLOCK))
        return taken


class Looped:
    """Something of the asyncio client, every step of which is run to its end."""

    def __init__(self, runner: asyncio.Runner, subject: Any) -> None:
        self._runner, self._subject = runner, subject

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._subject, name)
        return (lambda *a, **k: self._run(attribute(*a, **k))) if callable(attribute) else attribute

    def __getitem__(self, key: str) -> Any:
        return self._subject[key]

    def __enter__(self) -> Self:
        self._run(self._subject.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self._run(self._subject.__aexit__(*error))

    def __iter__(self) -> Iterator[Any]:
        steps = self._subject.__aiter__()
        with suppress(StopAsyncIteration):
            while True:
                yield self._run(anext(steps))

    def _run(self, result: Any) -> Any:
        if asyncio.iscoroutine(result):
            return self._runner.run(self._awaited(result))
        return Looped(self._runner, result) if result is not None else None

    @staticmethod
    async def _awaited(awaitable: Any) -> Any:
        return await awaitable


@pytest.fixture(params=["blocking", "asyncio"])
def connect(request, sockets) -> Iterator[Callable[..., Any]]:
    """Makes a client of `sockets`, of either kind."""
    if request.param == "blocking":
        clients: list[Client] = []

        def make(**options: Any) -> Client:
            clients.append(Client(sockets, **options))
            return clients[-1]

        yield make
        for client in clients:
            client.close()
        return
    with asyncio.Runner() as runner:
        loops: list[Looped] = []

        async def create(**options: Any) -> AsyncClient:
            return AsyncClient(sockets, **options)

        def make_looped(**options: Any) -> Looped:
            loops.append(Looped(runner, runner.run(create(**options))))
            return loops[-1]

        yield make_looped
        for loop in loops:
            loop.close()


@pytest.fixture
def daemon(sockets) -> Iterator[FakeDaemon]:
    """A daemon that is there."""
    with FakeDaemon(sockets) as fake:
        yield fake


@pytest.fixture(scope="session")
def fake() -> type[FakeDaemon]:
    """Starts a daemon: `with fake(sockets, boot) as daemon`."""
    return FakeDaemon
