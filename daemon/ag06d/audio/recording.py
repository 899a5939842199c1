"""A recording as an audio device: decoded whole, then played by a C thread through the same callback."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ag06d._native import ffi, lib
from ag06d.arena import HostCell
from ag06d.audio.devices import CHANNELS
from ag06d.audio.stream import Engine
from ag06d.errors import RecordingError


def load_recording(path: Path, rate: int) -> npt.NDArray[np.float32]:
    """All of a wav, flac or ogg file at `rate`: float32 of shape (frames, 2), mono on both channels.

    Of more than two channels the first two are taken. Raises RecordingError.
    """
    try:
        sound, file_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise RecordingError(f"{path}: cannot be read as a recording: {error}") from error
    stereo = np.repeat(sound, CHANNELS, axis=1) if sound.shape[1] == 1 else sound[:, :CHANNELS]
    if file_rate != rate:
        stereo = soxr.resample(stereo, file_rate, rate, quality="VHQ")
    if len(stereo) == 0:  # perhaps only now, when it was shorter than one frame
        raise RecordingError(f"{path}: the recording is empty")
    return np.ascontiguousarray(stereo, dtype=np.float32)


class RecordingDevice:
    """Plays a recording from construction on; free-running by the clock, or in lockstep with `readers`."""

    def __init__(  # noqa: PLR0913 - the settings of a device
        self,
        path: Path,
        engine: Engine,
        block: int,
        *,
        loop: bool,
        lockstep: bool = False,
        readers: Sequence[HostCell] = (),
    ) -> None:
        """Load and start; raises RecordingError."""
        self.path = path
        self._sound = load_recording(path, engine.arena.rate)
        self._keep = (engine, readers)
        device: Any = ffi.new("ag06_recording *")
        device.engine = engine.pointer
        device.frames = ffi.cast("float *", ffi.from_buffer(self._sound))
        device.frame_count = len(self._sound)
        device.rate = engine.arena.rate
        device.block = block
        device.loop = loop
        device.lockstep = lockstep
        device.cell_count = len(readers)
        for index, cell in enumerate(readers):
            device.cells[index] = cell.pointer
        self._device = device
        if error := lib.ag06_recording_start(device):
            raise RecordingError(f"{path}: the clock thread does not start: {os.strerror(error)}")

    @property
    def frame_count(self) -> int:
        """Frames of the recording at the device's rate."""
        return len(self._sound)

    @property
    def active(self) -> bool:
        """Whether the clock thread plays."""
        return not self._device.ended.raw

    def document(self) -> dict[str, Any]:
        """What `status` tells of the device."""
        return {"name": f"recording:{self.path.name}", "api": "recording", "path": str(self.path)}

    def stop(self) -> None:
        """Stop the clock thread."""
        lib.ag06_recording_stop(self._device)
