"""A pytest plugin for authors of plugins: a fake clock, a frame factory, a context that records.

Installed with ag06d and found by pytest by itself. A test asks for the fixtures `ag06_context` and
`ag06_frames`, registers its plugin's processors with the one and feeds them from the other::

    def test_counts(ag06_context, ag06_frames):
        processor, = ag06_processors(ag06_context)
        for frame in ag06_frames.tone(440, seconds=1):
            processor.process(frame)
        assert ag06_context.published[-1].topic == "count"
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ag06d.plugin import Frame

RATE = 48000
HOP = 480

MessageHandler = Callable[[str, Mapping[str, Any], list[bytes]], None]
ReplyHandler = Callable[[str, Mapping[str, Any]], None]


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
    """What a plugin published."""

    topic: str
    body: dict[str, Any]
    arrays: tuple[npt.NDArray[Any], ...]
    position: int | None


@dataclass(slots=True)
class RecordingContext:
    """A Context that carries nothing out and remembers everything."""

    data_folder: Path
    name: str = "test"
    config: Any = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)
    rate: int = RATE
    hop: int = HOP
    tree: dict[str, Any] = field(default_factory=dict)
    published: list[Published] = field(default_factory=list)
    subscribed: dict[str, MessageHandler] = field(default_factory=dict)
    called: list[tuple[str, dict[str, Any], ReplyHandler | None]] = field(default_factory=list)
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("plugin.test"))

    def state(self, path: str = "") -> Any:  # noqa: ANN401 - a tree or a leaf
        """What is at `path` of `tree`."""
        value: Any = self.tree
        for part in path.split(".") if path else ():
            value = value[part]
        return value

    def publish(
        self,
        topic: str,
        body: Mapping[str, Any] | None = None,
        *arrays: npt.NDArray[Any],
        position: int | None = None,
    ) -> bool:
        """Remember a message; arrays are copied."""
        copies = tuple(np.array(array) for array in arrays)
        self.published.append(Published(topic, dict(body or {}), copies, position))
        return True

    def subscribe(self, topic: str, handler: MessageHandler) -> None:
        """Remember a subscription; the test calls the handler."""
        self.subscribed[topic] = handler

    def call(self, op: str, body: Mapping[str, Any] | None = None, done: ReplyHandler | None = None) -> None:
        """Remember a call; the test answers it."""
        self.called.append((op, dict(body or {}), done))


@dataclass(slots=True)
class FrameFactory:
    """Frames of any sound, one after the other in position and time."""

    rate: int = RATE
    hop: int = HOP
    position: int = 0

    def of(self, sound: npt.NDArray[np.float32]) -> Iterator[Frame]:
        """Whole hops of `sound`, of shape (frames,) or (frames, 2), wet equal to dry."""
        stereo = np.repeat(sound[:, None], 2, axis=1) if sound.ndim == 1 else sound
        for start in range(0, len(stereo) - self.hop + 1, self.hop):
            hop = np.ascontiguousarray(stereo[start : start + self.hop], dtype=np.float32)
            hop.flags.writeable = False
            end_ns = round((self.position + self.hop) * 1e9 / self.rate)
            yield Frame(dry=hop, wet=hop, position=self.position, mono_ns=end_ns, rate=self.rate)
            self.position += self.hop

    def silence(self, seconds: float) -> Iterator[Frame]:
        """Exact zeros."""
        return self.of(np.zeros(round(seconds * self.rate), dtype=np.float32))

    def tone(self, frequency_hz: float, seconds: float, peak: float = 0.5) -> Iterator[Frame]:
        """A sine."""
        n = np.arange(round(seconds * self.rate))
        return self.of((peak * np.sin(2 * np.pi * frequency_hz * n / self.rate)).astype(np.float32))

    def noise(self, seconds: float, rms: float = 0.1, seed: int = 0) -> Iterator[Frame]:
        """Gaussian white noise, the same on both channels, repeatable by its seed."""
        generator = np.random.default_rng(seed)
        return self.of((rms * generator.standard_normal(round(seconds * self.rate))).astype(np.float32))


@pytest.fixture
def ag06_context(tmp_path: Path) -> RecordingContext:
    """A context at 48 kHz whose data folder is the test's own."""
    return RecordingContext(tmp_path)


@pytest.fixture
def ag06_frames() -> FrameFactory:
    """Frames at 48 kHz from position 0."""
    return FrameFactory()
