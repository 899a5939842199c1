"""What leaves the chain, taken from the wet ring into a file and a checksum."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import soundfile

from ag06d.arena import Arena, HopReader, HostCell
from ag06d.arena.reader import CHANNELS
from ag06d.errors import RecordingError

FRAMES = 1024  # read at a time


class WetSink:
    """Follows the wet ring from position 0; `finish()` takes what is left of an odd length."""

    def __init__(self, arena: Arena, cell: HostCell, output: Path | None) -> None:
        self._arena = arena
        self._cell = cell
        self._reader = HopReader(arena, FRAMES, 0)
        self._digest = hashlib.sha256()
        self._file: Any = None
        if output is not None:
            try:
                self._file = soundfile.SoundFile(
                    output, "w", samplerate=arena.rate, channels=CHANNELS, subtype="FLOAT"
                )
            except (soundfile.SoundFileError, TypeError, OSError) as error:
                raise RecordingError(f"{output}: cannot be written: {error}") from error

    def drain(self, timeout_s: float) -> None:
        """Take all whole hops that are there, waiting `timeout_s` for the first."""
        while self._reader.next(timeout_s) is not None:
            self._take(self._reader.wet)
            self._cell.pointer.position.raw = self._reader.position
            timeout_s = 0

    def finish(self) -> dict[str, Any]:
        """Take the rest, close the file; sha256 of the float32 frames, and how many were lost."""
        self.drain(0)
        rest = self._arena.head - self._reader.position
        if rest:
            tail = HopReader(self._arena, rest, self._reader.position)
            if tail.next(1) is not None:
                self._take(tail.wet)
        self._cell.pointer.position.raw = self._arena.head
        if self._file is not None:
            self._file.close()
        return {"sha256_wet": self._digest.hexdigest(), "lost_frames": self._reader.lost}

    def _take(self, wet: Any) -> None:  # noqa: ANN401 - an array
        self._digest.update(wet)
        if self._file is not None:
            self._file.write(wet)
