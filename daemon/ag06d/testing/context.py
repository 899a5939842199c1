"""A Context that records, a clock that stands still, and a plugin registered with them."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ag06d.errors import RefusedError
from ag06d.host.context import HostContext, MessageHandler, ReplyHandler, Shared
from ag06d.host.desk import content
from ag06d.host.registration import register
from ag06d.plugin import Frame
from ag06d.plugin.registration import Answered, Steps
from ag06d.testing.features import FakeFeatures
from ag06d.wire import OWN_TOPICS, pack, unpack, unpack_arrays
from ag06d.wire.hostlink import HostMessage, Kind

RATE = 48000
HOP = 480
ANSWER_S = 10.0


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still until it is moved."""

    now_ns: int = 1_000_000_000
    epoch_s: float = 1_700_000_000.0

    def monotonic_ns(self) -> int:
        """The time that was set."""
        return self.now_ns

    def wall_s(self) -> float:
        """The time that was set."""
        return self.epoch_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * 1e9)
        self.epoch_s += seconds


@dataclass(frozen=True, slots=True)
class Published:
    """What a plugin published, as a client would receive it; `position` in frames."""

    topic: str
    body: dict[str, Any]
    arrays: tuple[npt.NDArray[Any], ...]
    position: int


class RecordingContext(HostContext):
    """The Context that a host gives, but that it carries nothing out and remembers everything.

    It refuses what the real one refuses: a topic that was not registered, a body that msgpack cannot
    carry, a message that is too large.

    tree        what `state` tells, nested
    published   messages, in order
    subscribed  topic to handler; the test calls it
    called      (op, body, done) of each call; the test answers it
    feature_store  what `features` is: set what it tells, look at what was pushed
    """

    def __init__(self, data_folder: Path, name: str = "test", rate: int = RATE, hop: int = HOP) -> None:
        self.feature_store = FakeFeatures()
        super().__init__(name, Shared(self, rate, hop, self.feature_store), data_folder)
        self.clock: FakeClock = FakeClock()
        self.tree: dict[str, Any] = {}
        self.published: list[Published] = []
        self.subscribed: dict[str, MessageHandler] = {}
        self.called: list[tuple[str, dict[str, Any], ReplyHandler | None]] = []

    def send(self, message: HostMessage) -> bool:
        """Remember what a host would send."""
        if message.kind is Kind.PUBLISH:
            body = unpack(pack(message.body))
            arrays = tuple(
                np.array(array) for array in unpack_arrays(body.pop("arrays", []), message.buffers)
            )
            header = message.header
            self.published.append(Published(header["topic"], body, tuple(arrays), header["pos"]))
        return True

    def state(self, path: str = "") -> Any:  # noqa: ANN401 - a tree or a leaf
        """What is at `path` of `tree`."""
        value: Any = self.tree
        for part in path.split(".") if path else ():
            value = value[part]
        return value

    def subscribe(self, topic: str, handler: MessageHandler) -> None:
        """Remember a subscription."""
        super().subscribe(topic, handler)
        self.subscribed[topic] = handler

    def call(
        self,
        op: str,
        body: Mapping[str, Any] | None = None,
        done: ReplyHandler | None = None,
        *,
        arrays: Sequence[Any] = (),
    ) -> None:
        """Remember a call; arrays are in its body."""
        super().call(op, body, done, arrays=arrays)
        carried = {"arrays": list(arrays)} if arrays else {}
        self.called.append((op, dict(body or {}) | carried, done))

    def at(self, frame: Frame) -> None:
        """Be at the end of `frame`, as far as what is published says so."""
        self._shared.position = frame.position + len(frame.dry)
        self._shared.mono_ns = frame.mono_ns


class LoadedPlugin:
    """A plugin whose hooks were called, in the order in which a host calls them."""

    def __init__(self, plugin: object, context: RecordingContext, config: Mapping[str, Any]) -> None:
        """Raises what makes a host refuse it."""
        self.context = context
        registration = register(plugin, context, config)
        for name in registration.topics:
            if f"{name}.".startswith(OWN_TOPICS):
                raise RefusedError(f"the topic {name} is the daemon's own; begin it with the plugin's name")
        self.topics = registration.topics
        self.commands = registration.commands
        self.processors = registration.processors

    @property
    def published(self) -> list[Published]:
        """All that it published, in order."""
        return self.context.published

    def feed(self, frames: Iterable[Frame]) -> None:
        """Give each of `frames` to each processor; what one raises is raised."""
        for frame in frames:
            self.context.at(frame)
            for processor in self.processors:
                processor.process(frame)

    def command(self, name: str, /, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - of the wire
        """Ask one of its commands; raises what it raises, TimeoutError when it never answers.

        `arrays` among the arguments are numpy arrays, as are those of the answer.
        """
        answered = self.commands[name].handler(arguments)
        if isinstance(answered, Generator):
            answered = self._patiently(answered)
        body, buffers = content(answered, name)
        return body | ({"arrays": unpack_arrays(body["arrays"], buffers)} if buffers else {})

    def tick(self) -> None:
        """Tick each processor that can be."""
        for processor in self.processors:
            if hasattr(processor, "tick"):
                processor.tick()

    def close(self) -> None:
        """End each processor that can be ended, as a host does."""
        for processor in self.processors:
            if hasattr(processor, "close"):
                processor.close()

    @staticmethod
    def _patiently(steps: Steps) -> Answered:
        until = time.monotonic() + ANSWER_S
        while True:
            try:
                next(steps)
            except StopIteration as end:
                answered: Answered = end.value
                return answered
            if time.monotonic() > until:
                steps.close()
                raise TimeoutError(f"no answer within {ANSWER_S:g} s")
            time.sleep(0.001)
