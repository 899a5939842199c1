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
    """Follows the wet ring from position 0; `finish()` takes what is left of an odd length.

    The file is written beside `output` and takes its name at the end, so that a replay that fails
    spoils nothing, not even a recording that is to be replaced by itself.
    """

    def __init__(self, arena: Arena, cell: HostCell, output: Path | None) -> None:
        self._arena = arena
        self._cell = cell
        self._reader = HopReader(arena, FRAMES, 0)
        self._digest = hashlib.sha256()
        self._file: Any = None
        self._output, self._part = output, Path()
        if output is not None:
            self._open(output)

    def _open(self, output: Path) -> None:
        if output.suffix.lower() != ".wav":
            raise RecordingError(f"{output}: what leaves the chain is written as float WAV; name a .wav file")
        self._part = output.with_name(f".{output.name}.part")
        try:
            self._file = soundfile.SoundFile(
                self._part,
                "w",
                samplerate=self._arena.rate,
                channels=CHANNELS,
                subtype="FLOAT",
                format="WAV",
            )
        except (soundfile.SoundFileError, OSError) as error:
            raise RecordingError(f"{output}: cannot be written: {error}") from error

    def abandon(self) -> None:
        """Leave no file."""
        if self._file is not None:
            self._file.close()
            self._part.unlink()

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
        if self._output is not None:
            self._file.close()
            self._part.replace(self._output)
        return {"sha256_wet": self._digest.hexdigest(), "lost_frames": self._reader.lost}

    def _take(self, wet: Any) -> None:  # noqa: ANN401 - an array
        self._digest.update(wet)
        if self._file is not None:
            self._file.write(wet)
