"""The Context: all that a plugin may ask of its host."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ag06d.plugin.features import Features

Disturber = Callable[[npt.NDArray[np.float32], npt.NDArray[np.float32]], None]


class Clock(Protocol):
    """Time, as the plugin is to see it; a test's clock stands still until it is moved."""

    def monotonic_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC."""

    def wall_s(self) -> float:
        """Seconds since the epoch."""


class Context(Protocol):
    """Given to a plugin's hooks. Every method is for the host's one plugin thread."""

    @property
    def name(self) -> str:
        """The plugin's name."""

    @property
    def config(self) -> Any:  # noqa: ANN401 - the plugin's own model
        """The plugin's configuration, an instance of the model it registered, or a dict without one."""

    @property
    def logger(self) -> logging.Logger:
        """The plugin's logger."""

    @property
    def data_folder(self) -> Path:
        """A folder of the plugin's own, that lasts."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def rate(self) -> int:
        """Frames per second."""

    @property
    def hop(self) -> int:
        """Frames per hop (10 ms)."""

    @property
    def lockstep(self) -> bool:
        """Whether this is a replay: time is the recording's, and nothing of it is to be kept."""

    @property
    def features(self) -> Features:
        """The feature store; what it is asked raises RequestError not_ready where none runs."""

    def state(self, path: str = "") -> Any:  # noqa: ANN401 - a tree or a leaf
        """The daemon's state tree, or what is at `path`, as last heard; KeyError if there is no such path."""

    def publish(
        self,
        topic: str,
        body: Mapping[str, Any] | None = None,
        *arrays: npt.NDArray[Any] | np.ndarray[Any, Any],
        position: int | None = None,
    ) -> bool:
        """Publish on a topic that was registered; never waits.

        `arrays` travel as raw frames. `position` is the sample that the message is about (default:
        the end of the present frame). False when the message had to be dropped.
        """

    def subscribe(self, topic: str, handler: Callable[[str, Mapping[str, Any], list[bytes]], None]) -> None:
        """Have `handler(topic, body, buffers)` called, between two frames, for messages under `topic`."""

    def call(
        self,
        op: str,
        body: Mapping[str, Any] | None = None,
        done: Callable[[str, Mapping[str, Any]], None] | None = None,
        *,
        arrays: Sequence[npt.NDArray[Any]] = (),
    ) -> None:
        """Ask the daemon for an operation, as a client may; `done(status, body)` comes between two frames.

        Where arrays belong to the answer, the body's `arrays` is the list of them.
        """

    def disturb(self, disturber: Disturber | None) -> None:
        """Have `disturber(dry, wet)` change what all plugins of this host are given, from the next frame on.

        For faults that are put in on purpose, to see whether they are found: `dry` is a copy to write into,
        float32 of shape (hop, 2), `wet` is read-only, and what is heard and recorded stays as it is. Such a
        frame is `disturbed`. None ends it, and so does what it raises. RequestError where another plugin does
        it already.
        """
