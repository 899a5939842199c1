"""A whole daemon in lockstep on a sound: the real processes, as fast as they go, the same each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from ag06d.core.config import AudioConfig, Config, HostConfig, PluginConfig, PresetConfig
from ag06d.core.replay import run
from ag06d.testing.context import RATE
from ag06d.wire import Message


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay.

    messages  everything that was published, the daemon's own messages too, in order
    status    as `ag06ctl --json status` was at the end, before the plugins were stopped
    result    as `ag06d replay --json` prints it
    """

    messages: list[Message]
    status: dict[str, Any]
    result: dict[str, Any]

    def of(self, topic: str) -> list[Message]:
        """The messages on `topic` and below it."""
        return [message for message in self.messages if message.topic.startswith(topic.rstrip(".") + ".")]


class Replayer:
    """Runs daemons whose state is below `folder`, without any configuration of the machine's or user's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self,
        sound: npt.NDArray[Any] | Path,
        *plugins: str | Path,
        config: Mapping[str, Mapping[str, Any]] | None = None,
        rate: int = RATE,
        preset: str = "flat",
    ) -> Replayed:
        """Run `sound` through the chain of `preset`, past `plugins` in one host.

        `sound` is a recording, or an array of shape (frames,) or (frames, 2), full scale 1, at `rate`.
        A plugin is named, if it is installed, or the path of its one file; those that are files have to
        be in one folder. `config` has each plugin's section by its name. Raises RecordingError.
        """
        folders = {path.absolute().parent for path in plugins if isinstance(path, Path)}
        if len(folders) > 1:
            raise ValueError(f"plugins in more than one folder: {', '.join(map(str, sorted(folders)))}")
        recording = sound if isinstance(sound, Path) else self._write(sound, rate)
        names = tuple(path.stem if isinstance(path, Path) else path for path in plugins)
        settings = Config(
            audio=AudioConfig.model_validate({"rate": rate}),
            preset=PresetConfig(start=preset),
            plugin=PluginConfig(folder=str(next(iter(folders), self._folder / "plugins"))),
            hosts={"live": HostConfig(plugins=names)},
            plugins={name: dict(section) for name, section in (config or {}).items()},
        )
        messages: list[Message] = []
        result, status = run(settings, recording, self._folder / "state", heard=messages.append)
        return Replayed(messages, status, result)

    def _write(self, sound: npt.NDArray[Any], rate: int) -> Path:
        path = self._folder / "ag06_replay.wav"
        soundfile.write(path, np.asarray(sound, np.float32), rate, subtype="FLOAT")
        return path
