"""The Context that a host gives to each of its plugins."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ag06d._native import lib
from ag06d.host.trace import Trace
from ag06d.plugin import Clock, Disturber, Features, RequestError, Topic
from ag06d.tree import nest
from ag06d.wire import pack, pack_arrays
from ag06d.wire.codec import MESSAGE_MAX, check_content
from ag06d.wire.hostlink import HostMessage, Kind

MessageHandler = Callable[[str, Mapping[str, Any], list[bytes]], None]
ReplyHandler = Callable[[str, Mapping[str, Any]], None]


class SystemClock:
    """The real time."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC."""
        return int(lib.ag06_now_ns())

    def wall_s(self) -> float:
        """Seconds since the epoch."""
        return time.time()


class Outlet(Protocol):
    """Where messages go."""

    def send(self, message: HostMessage) -> bool:
        """Send; false if it had to be dropped."""


class Shared:
    """What all plugins of a host have in common."""

    def __init__(
        self, link: Outlet, rate: int, hop: int, features: Features, *, lockstep: bool = False
    ) -> None:
        self.link = link
        self.features = features
        self.rate = rate
        self.hop = hop
        self.lockstep = lockstep
        self.state: dict[str, Any] = {}  # flat: path to value
        self.position = 0  # end of the present frame
        self.mono_ns = 0
        self.clock = SystemClock()
        self.disturber: tuple[str, Disturber] | None = None  # whose, and what it does to dry sound


class HostContext:
    """See `ag06d.plugin.Context`."""

    def __init__(self, name: str, shared: Shared, data_folder: Path) -> None:
        self.name = name
        self.config: Any = {}
        self.logger = logging.getLogger(f"plugin.{name}")
        self.data_folder = data_folder
        self.clock: Clock = shared.clock
        self.rate = shared.rate
        self.hop = shared.hop
        self.lockstep = shared.lockstep
        self.topics: dict[str, Topic] = {}
        self.subscriptions: list[tuple[str, MessageHandler]] = []
        self.calls: dict[int, ReplyHandler] = {}
        self.trace: Trace | None = None  # while somebody looks
        self._shared = shared
        self._next_call = 0

    @property
    def features(self) -> Features:
        """The store of this host, or the way to that of another."""
        return self._shared.features

    def state(self, path: str = "") -> Any:  # noqa: ANN401 - a tree or a leaf
        """What is at `path` of the state tree."""
        flat = self._shared.state
        if path in flat:
            return flat[path]
        below = {leaf: value for leaf, value in flat.items() if not path or leaf.startswith(f"{path}.")}
        if not below:
            raise KeyError(path)
        return nest({leaf.removeprefix(f"{path}." if path else ""): value for leaf, value in below.items()})

    def publish(
        self,
        topic: str,
        body: Mapping[str, Any] | None = None,
        *arrays: Any,  # noqa: ANN401 - numpy arrays
        position: int | None = None,
    ) -> bool:
        """Publish on one of this plugin's topics."""
        declared = self.topics.get(topic)
        if declared is None:
            there = ", ".join(sorted(self.topics)) or "none"
            raise ValueError(
                f"plugin {self.name} did not register the topic {topic!r}; it registered {there}"
            )
        entries, buffers = pack_arrays(*arrays)
        content = dict(body or {})
        if entries:
            content["arrays"] = entries
        header = {
            "plugin": self.name,
            "topic": topic,
            "channel": declared.channel,
            "pos": self._shared.position if position is None else position,
            "mono": self._shared.mono_ns or self.clock.monotonic_ns(),
        }
        message = HostMessage(Kind.PUBLISH, header, content, buffers)
        size = message.size()
        if size > MESSAGE_MAX[declared.channel]:
            raise ValueError(
                f"{topic}: {size} bytes; at most {MESSAGE_MAX[declared.channel]} "
                f"fit into a message on {declared.channel}"
            )
        sent = self._shared.link.send(message)
        if self.trace is not None:
            self.trace.add("publish", topic=topic, bytes=size, sent=sent)
        return sent

    def subscribe(self, topic: str, handler: MessageHandler) -> None:
        """Have messages under `topic` given to `handler`."""
        self.subscriptions.append((topic.rstrip(".") + ".", handler))
        self._shared.link.send(HostMessage(Kind.SUBSCRIBE, {"topic": topic.rstrip(".") + "."}))

    def call(
        self,
        op: str,
        body: Mapping[str, Any] | None = None,
        done: ReplyHandler | None = None,
        *,
        arrays: Sequence[Any] = (),
    ) -> None:
        """Ask ag06d for an operation."""
        entries, buffers = pack_arrays(*arrays)
        content = dict(body or {}) | ({"arrays": entries} if entries else {})
        check_content((pack(content), *buffers))
        self._next_call += 1
        if done is not None:
            self.calls[self._next_call] = done
        if self.trace is not None:
            self.trace.add("call", op=op)
        header = {"plugin": self.name, "id": self._next_call, "op": op}
        self._shared.link.send(HostMessage(Kind.REQUEST, header, content, buffers))

    def disturb(self, disturber: Disturber | None) -> None:
        """Change what plugins are given, or do so no longer."""
        present = self._shared.disturber
        if present is not None and present[0] != self.name:
            raise RequestError("conflict", f"plugin {present[0]} disturbs the sound at present")
        self._shared.disturber = None if disturber is None else (self.name, disturber)
