"""The client for asyncio: the same surface as the blocking one, with `await`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import zmq
import zmq.asyncio

from ag06d.client.following import FollowedState, Following
from ag06d.client.message import Message
from ag06d.client.mirror import StateChange
from ag06d.client.session import TIMEOUT_S, Requests, Session
from ag06d.client.waiting import Pause, Procedure, Receive, Send, Step, first, watching
from ag06d.paths import Sockets
from ag06d.wire import Reply

if TYPE_CHECKING:
    import numpy.typing as npt

T = TypeVar("T")


class AsyncAsking:
    """What can be asked, at the daemon's `control` as at a plugin's door."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def request(  # noqa: PLR0913 - the parts of a request
        self,
        op: str,
        body: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        *,
        arrays: Sequence[npt.NDArray[Any]] = (),
        timeout_s: float | None = None,
        dry_run: bool = False,
    ) -> Reply:
        """Have the daemon carry out `op`; raises RequestError, DeadlineError, NoDaemonError."""
        return await run_async(
            self._requests.request(op, body, buffers, arrays=arrays, timeout_s=timeout_s, dry_run=dry_run)
        )

    async def call(self, op: str, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever msgpack can carry
        """The body of the answer to `op`."""
        return await run_async(self._requests.call(op, **body))


class AsyncClient(AsyncAsking):
    """Talks to one daemon from an event loop; what `Client` has, and what its methods raise.

    >>> async with AsyncClient() as ag06:                          # doctest: +SKIP
    ...     await ag06.set({"chain.a.comp.threshold_db": -30})
    ...     async for message in ag06.follow("feature."):
    ...         print(message.position, message.vector)

    Any number of tasks may ask at the same time; a follower or a state is read by one task at a time.
    A client belongs to the event loop in which it is used first. Cancelling a request does not tell the
    daemon, which may still carry it out.
    """

    def __init__(
        self, sockets: Sockets | None = None, timeout_s: float = TIMEOUT_S, *, wait: bool = False
    ) -> None:
        self._session = Session(zmq.asyncio.Context(), sockets, timeout_s, wait=wait)
        super().__init__(self._session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets, those of followers and states too."""
        self._session.close()

    async def get(self, path: str = "") -> dict[str, Any]:
        """Path to value of the leaf at `path`, or of all below it."""
        return await run_async(self._session.get(path))

    async def set(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Make changes: path to value, to `{"add": number}` or to `{"toggle": True}`; what changed."""
        return await run_async(self._session.set(changes))

    async def status(self) -> dict[str, Any]:
        """State of device, audio, hosts and plugins."""
        return await run_async(self._session.call("status"))

    def door(self, plugin: str) -> AsyncDoor:
        """Where the direct commands of `plugin` are asked for without passing ag06d, which is quicker.

        What is asked there raises RequestError not_ready where the plugin has no door.
        """
        return AsyncDoor(self._session.door(plugin))

    def follow(self, *topics: str, timeout_s: float | None = None) -> AsyncFollower:
        """Messages under any of `topics`, as they come; subscribed once entered, or else first iterated.

        Iteration ends after `timeout_s` without a message; None waits for ever.
        """
        return AsyncFollower(self._session, topics, timeout_s)

    def state(self) -> AsyncState:
        """A copy of the state tree that is kept in step with the daemon's; known once entered."""
        return AsyncState(self._session)


class AsyncDoor(AsyncAsking):
    """What `AsyncClient.door` returns: `request` and `call` go to the plugin's own socket, past ag06d.

    Only the plugin's direct commands are answered there. Another run of its host is found by itself; a
    request that was under way raises NoDaemonError. Closed with its client.
    """


class AsyncFollower:
    """What `AsyncClient.follow` returns: an iterator of messages, which no restart of the daemon ends."""

    def __init__(self, session: Session, topics: Sequence[str], timeout_s: float | None) -> None:
        self._timeout_s = timeout_s
        self._following = Following(session, topics)

    async def __aenter__(self) -> Self:
        await run_async(self._following.begin())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the subscription, and iteration with it."""
        self._following.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        if (message := await self.receive(self._timeout_s)) is None:
            raise StopAsyncIteration
        return message

    async def receive(self, timeout_s: float | None = 0.0) -> Message | None:
        """The next message, or None when there is none within `timeout_s` (None waits for ever)."""
        return await run_async(self._following.receive(timeout_s))


class AsyncState(FollowedState):
    """What `AsyncClient.state` returns: `state["audio.mute"]` as of the last look, and changes as they come.

    Enter it first, with `async with`. Looking is `refresh`, `changes` or `wait_for`.
    """

    async def __aenter__(self) -> Self:
        await run_async(self._begin())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def refresh(self) -> None:
        """Take in what the daemon has said until now."""
        await run_async(self._refresh())

    async def changes(self, timeout_s: float | None = None) -> AsyncIterator[StateChange]:
        """Each change as it comes; ends after `timeout_s` without one (None: never)."""
        while (change := await run_async(self._next(timeout_s))) is not None:
            yield change

    async def wait_for(
        self, path: str, wanted: Callable[[Any], object], timeout_s: float | None = None
    ) -> Any:  # noqa: ANN401 - a leaf
        """The value at `path` as soon as `wanted(value)` is true.

        Raises KeyError for a path that is not there, DeadlineError after `timeout_s`.
        """
        return await run_async(self._wait_for(path, wanted, timeout_s))


async def run_async(procedure: Procedure[T]) -> T:
    """What `procedure` returns; other tasks go on meanwhile. Cancelled, it ends the procedure too."""
    result: Any = None
    try:
        while True:
            try:
                step = procedure.send(result)
            except StopIteration as end:
                returned: T = end.value
                return returned
            result = await _do_async(step)
    finally:
        procedure.close()


async def _do_async(step: Step) -> object:
    match step:
        case Receive(sockets):
            ready = await watching(zmq.asyncio.Poller(), sockets).poll(step.left_ms())
            socket = first(sockets, ready)
            received: Any = socket and socket.recv_multipart()  # a future: this is one of zmq.asyncio's
            return socket and (socket, await received)
        case Send(socket, frames):
            sent: Any = socket.send_multipart(frames, zmq.NOBLOCK)
            try:
                await sent
            except zmq.Again:
                return False
            return True
        case Pause(seconds):
            await asyncio.sleep(seconds)
    return None
