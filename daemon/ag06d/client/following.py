"""What both clients do to follow topics and the state tree."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from ag06d.client.message import Message
from ag06d.client.mirror import Mirror, StateChange
from ag06d.client.session import Session
from ag06d.client.subscription import CHANNELS, Channel, Subscription
from ag06d.client.waiting import Procedure, Socket, receive
from ag06d.errors import Ag06Error, DeadlineError, NoDaemonError

STATE_TOPICS: Final = ("state.", "heartbeat.")  # a heartbeat tells the revision: a last change lost shows


class Following:
    """A subscription to topics on some channels; a restart of the daemon does not end it."""

    def __init__(
        self, session: Session, topics: Sequence[str], channels: Sequence[Channel] = CHANNELS
    ) -> None:
        self._session, self._channels = session, channels
        self._subscription = Subscription(topics)
        self._sockets: dict[Socket, Channel] = {}
        self._turns: list[Socket] = []
        self._begun = False

    def __del__(self) -> None:
        self.close()

    def begin(self) -> Procedure[None]:
        """Subscribe; in effect when this returns."""
        self._begun = True
        for channel in self._channels:
            self._sockets[(yield from self._session.subscribe(channel, self._subscription))] = channel
        self._turns = list(self._sockets)

    def close(self) -> None:
        """End it: nothing more is received."""
        for socket in self._sockets:
            socket.close(linger=0)
        self._sockets.clear()
        self._turns.clear()

    def receive(self, timeout_s: float | None) -> Procedure[Message | None]:
        """The next message; None when there is none within `timeout_s`, or when closed."""
        if not self._begun:
            yield from self.begin()
        until = _until(timeout_s)
        while self._turns:
            heard = yield from receive(self._turns, until)
            if heard is None:
                return None
            self._turns.reverse()  # so that a flood on one channel does not hide the other
            message = self._subscription.take(self._sockets[heard[0]], heard[1])
            if message is not None:
                return (yield from self._named(message))
        return None

    def _named(self, message: Message) -> Procedure[Message]:
        """With its fields' names, which are asked for once for each topic and run of the daemon."""
        schemas = self._subscription.schemas
        if schemas.lacks(message):
            with suppress(Ag06Error):  # one that has gone again: the next message asks again
                description = yield from self._session.call("describe")
                schemas.learn(description["topics"])
                schemas.settle(message.topic)
        return schemas.name(message)


class FollowedState(Mirror):
    """A mirror of the state tree, and how it is brought up to date."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._following = Following(session, STATE_TOPICS, ("events",))

    def close(self) -> None:
        """Follow the daemon no longer; what is known stays."""
        self._following.close()

    def _begin(self) -> Procedure[None]:
        yield from self._following.begin()
        self.begin((yield from self._session.call("snapshot")))

    def _next(self, timeout_s: float | None) -> Procedure[StateChange | None]:
        until = _until(timeout_s)
        while (message := (yield from self._following.receive(_left(until)))) is not None:
            change = self.take(message)
            if self.stale:
                with suppress(NoDaemonError, DeadlineError):  # the next heartbeat tries again
                    change = self.begin((yield from self._session.call("snapshot")))
            if change is not None:
                return change
        return None

    def _refresh(self) -> Procedure[None]:
        while (yield from self._next(0.0)) is not None:
            pass

    def _wait_for(
        self, path: str, wanted: Callable[[Any], object], timeout_s: float | None
    ) -> Procedure[Any]:
        until = _until(timeout_s)
        yield from self._refresh()
        while not wanted(value := self[path]):
            if (yield from self._next(_left(until))) is None:
                raise DeadlineError(f"{path} is still {value!r}", answered=False)
        return value


def _until(timeout_s: float | None) -> float | None:
    return None if timeout_s is None else time.monotonic() + timeout_s


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())
