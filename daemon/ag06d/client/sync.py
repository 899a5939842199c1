"""The blocking client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import zmq

from ag06d.client.following import FollowedState, Following
from ag06d.client.message import Message
from ag06d.client.mirror import StateChange
from ag06d.client.session import TIMEOUT_S, Requests, Session
from ag06d.client.waiting import run
from ag06d.paths import Sockets
from ag06d.wire import Reply

if TYPE_CHECKING:
    import numpy.typing as npt


class Asking:
    """What can be asked, at the daemon's `control` as at a plugin's door."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def request(  # noqa: PLR0913 - the parts of a request
        self,
        op: str,
        body: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        *,
        arrays: Sequence[npt.NDArray[Any]] = (),
        timeout_s: float | None = None,
        dry_run: bool = False,
    ) -> Reply:
        """Have the daemon carry out `op`.

        Raises RequestError when it says no, DeadlineError (which is one) when it is not done within
        `timeout_s`, NoDaemonError when there is no daemon or it ends meanwhile.
        """
        return run(
            self._requests.request(op, body, buffers, arrays=arrays, timeout_s=timeout_s, dry_run=dry_run)
        )

    def call(self, op: str, **body: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever msgpack can carry
        """The body of the answer to `op`; raises what `request` raises, as does all below."""
        return run(self._requests.call(op, **body))


class Client(Asking):
    """Talks to one daemon, and waits for what it says.

    >>> with Client() as ag06:                                    # doctest: +SKIP
    ...     ag06.set({"chain.a.comp.threshold_db": -30})
    ...     for message in ag06.follow("feature."):
    ...         print(message.position, message.vector)

    `sockets` says which daemon (default: that of the environment). `timeout_s` is the deadline of every
    request that has none of its own. Without a daemon everything raises NoDaemonError at once, or, with
    `wait`, waits until there is one.

    A restart of the daemon ends no follower: it goes on with the next run. A request that was under way
    raises NoDaemonError; the next one goes to the next run.

    A client, its followers and its states belong to the thread that made it; another thread makes its
    own, which costs little.
    """

    def __init__(
        self, sockets: Sockets | None = None, timeout_s: float = TIMEOUT_S, *, wait: bool = False
    ) -> None:
        self._session = Session(zmq.Context(), sockets, timeout_s, wait=wait)
        super().__init__(self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets, those of followers and states too."""
        self._session.close()

    def get(self, path: str = "") -> dict[str, Any]:
        """Path to value of the leaf at `path`, or of all below it."""
        return run(self._session.get(path))

    def set(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Make changes: path to value, to `{"add": number}` or to `{"toggle": True}`; what changed."""
        return run(self._session.set(changes))

    def status(self) -> dict[str, Any]:
        """State of device, audio, hosts and plugins."""
        return run(self._session.call("status"))

    def door(self, plugin: str) -> Door:
        """Where the direct commands of `plugin` are asked for without passing ag06d, which is quicker.

        What is asked there raises RequestError not_ready where the plugin has no door.
        """
        return Door(self._session.door(plugin))

    def follow(self, *topics: str, timeout_s: float | None = None) -> Follower:
        """Messages under any of `topics`, from both channels, as they come; subscribed when this returns.

        Iteration ends after `timeout_s` without a message; None waits for ever.
        """
        return Follower(self._session, topics, timeout_s)

    def state(self) -> State:
        """A copy of the state tree that is kept in step with the daemon's."""
        return State(self._session)


class Door(Asking):
    """What `Client.door` returns: `request` and `call` go to the plugin's own socket, past ag06d.

    Only the plugin's direct commands are answered there. Another run of its host is found by itself; a
    request that was under way raises NoDaemonError. Closed with its client.
    """


class Follower:
    """What `Client.follow` returns: an iterator of messages, which a restart of the daemon does not end."""

    def __init__(self, session: Session, topics: Sequence[str], timeout_s: float | None) -> None:
        self._timeout_s = timeout_s
        self._following = Following(session, topics)
        run(self._following.begin())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the subscription, and iteration with it."""
        self._following.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Message:
        if (message := self.receive(self._timeout_s)) is None:
            raise StopIteration
        return message

    def receive(self, timeout_s: float | None = 0.0) -> Message | None:
        """The next message, or None when there is none within `timeout_s` (None waits for ever)."""
        return run(self._following.receive(timeout_s))


class State(FollowedState):
    """What `Client.state` returns: `state["audio.mute"]` as of the last look, and changes as they come.

    Looking is `refresh`, `changes` or `wait_for`; in between nothing changes. It outlives a restart of the
    daemon: what is different then is a change like any other.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        run(self._begin())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def refresh(self) -> None:
        """Take in what the daemon has said until now."""
        run(self._refresh())

    def changes(self, timeout_s: float | None = None) -> Iterator[StateChange]:
        """Each change as it comes; ends after `timeout_s` without one (None: never)."""
        while (change := run(self._next(timeout_s))) is not None:
            yield change

    def wait_for(self, path: str, wanted: Callable[[Any], object], timeout_s: float | None = None) -> Any:  # noqa: ANN401 - a leaf
        """The value at `path` as soon as `wanted(value)` is true.

        Raises KeyError for a path that is not there, DeadlineError after `timeout_s`.
        """
        return run(self._wait_for(path, wanted, timeout_s))
