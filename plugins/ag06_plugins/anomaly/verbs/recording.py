"""A sound file as the daemon would hear it, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr

from ag06d.anomaly.faults import STEREO, Array
from ag06d.errors import RecordingError

RATES: Final = (8000, 192_000)  # that a meter takes; any other is brought to
USUAL_RATE: Final = 48_000
BLOCK_S: Final = 10


class Recording:
    """A wav, flac, ogg, mp3 or other sound file.

    channels  which are left and right, counted from 1; by default the first two, or the only one for both

    `rate` is what its sound is told at, `file_rate` and `file_channels` are what it has. Raises
    RecordingError for what cannot be read, and for a channel that it does not have.
    """

    def __init__(self, path: Path, channels: Sequence[int] = ()) -> None:
        self.path = path
        try:
            self._file = soundfile.SoundFile(path)
        except (soundfile.SoundFileError, OSError) as error:
            raise RecordingError(f"{path}: cannot be read as a recording: {error}") from error
        self.file_rate, self.file_channels = int(self._file.samplerate), int(self._file.channels)
        self.rate = self.file_rate if RATES[0] <= self.file_rate <= RATES[1] else USUAL_RATE
        self.seconds = int(self._file.frames) / self.file_rate
        chosen = list(channels) or [1, min(STEREO, self.file_channels)]
        if not 1 <= min(chosen) <= max(chosen) <= self.file_channels:
            has = "one channel" if self.file_channels == 1 else f"{self.file_channels} channels"
            raise RecordingError(f"{path} has {has}, counted from 1")
        self.channels = (chosen * STEREO)[:STEREO]

    def blocks(self, hop: int) -> Iterator[Array]:
        """All of it in blocks of whole hops of `hop` frames but for the last, float32 of shape (frames, 2).

        Raises RecordingError where it is damaged.
        """
        left = np.empty((0, STEREO), dtype=np.float32)
        for part in self._parts():
            left = np.concatenate([left, part])
            whole = len(left) // hop * hop
            yield np.ascontiguousarray(left[:whole])
            left = left[whole:]
        yield left

    def _parts(self) -> Iterator[Array]:
        resample: Any = None
        if self.rate != self.file_rate:
            resample = soxr.ResampleStream(self.file_rate, self.rate, STEREO, dtype="float32", quality="VHQ")
        columns = [channel - 1 for channel in self.channels]
        try:
            for block in self._file.blocks(BLOCK_S * self.file_rate, dtype="float32", always_2d=True):
                sound = block[:, columns]
                yield sound if resample is None else resample.resample_chunk(np.ascontiguousarray(sound))
        except (soundfile.SoundFileError, OSError) as error:
            raise RecordingError(f"{self.path}: is damaged: {error}") from error
        if resample is not None:
            yield resample.resample_chunk(np.empty((0, STEREO), dtype=np.float32), last=True)
