"""A pytest plugin for authors of plugins: installed with ag06d and found by pytest by itself.

`ag06_load` registers a plugin as its host would, in a context that records; `ag06_frames` makes frames
of any sound; `ag06_replay` runs a sound through a whole daemon in lockstep. For example::

    def test_counts(ag06_load, ag06_frames):
        plugin = ag06_load(count)
        plugin.feed(ag06_frames.tone(440, seconds=1))
        assert plugin.published[-1].topic == "count"
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ag06d.testing.context import FakeClock, LoadedPlugin, Published, RecordingContext
from ag06d.testing.features import FakeFeatures
from ag06d.testing.frames import FrameFactory
from ag06d.testing.replayed import Replayed, Replayer

__all__ = [
    "FakeClock",
    "FakeFeatures",
    "FrameFactory",
    "LoadedPlugin",
    "Published",
    "RecordingContext",
    "Replayed",
    "Replayer",
    "ag06_context",
    "ag06_frames",
    "ag06_load",
    "ag06_replay",
]


@pytest.fixture
def ag06_context(tmp_path: Path) -> RecordingContext:
    """A context at 48 kHz whose data folder is the test's own."""
    return RecordingContext(tmp_path / "data")


@pytest.fixture
def ag06_load(ag06_context: RecordingContext) -> Callable[..., LoadedPlugin]:
    """Registers a plugin: `ag06_load(plugin, key=value, ...)` with its configuration.

    Raises what makes a host refuse it: RefusedError, pydantic.ValidationError, what a hook raises.
    """

    def load(plugin: object, **config: Any) -> LoadedPlugin:  # noqa: ANN401 - the plugin's own model
        return LoadedPlugin(plugin, ag06_context, config)

    return load


@pytest.fixture
def ag06_frames() -> FrameFactory:
    """Frames at 48 kHz from position 0."""
    return FrameFactory()


@pytest.fixture
def ag06_replay(tmp_path: Path) -> Replayer:
    """Runs a sound through a whole daemon: `ag06_replay(sound, "name" or Path("name.py"), ...)`."""
    return Replayer(tmp_path)
