"""Following the rings, hop by hop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ag06d._native import ffi, lib
from ag06d.arena.memory import Arena

CHANNELS: int = lib.AG06_CHANNELS


class Hop(NamedTuple):
    """What came with a hop; the sound itself is in the reader's `dry` and `wet`.

    `reduction_db` is the largest of gate, de-esser, compressor and limiter in the slot that is heard.
    """

    position: int
    mono_ns: int
    lost: int
    gap_frames: int
    flags: int
    switches: int
    reduction_db: tuple[float, float, float, float]


class HopReader:
    """Reads dry and wet in step, `hop_frames` at a time, into two arrays that stay the same.

    `dry` and `wet` are float32 of shape (hop_frames, 2) and read-only; each `next()` fills them anew.
    """

    def __init__(self, arena: Arena, hop_frames: int, position: int) -> None:
        self._arena = arena
        self._reader: Any = ffi.new("ag06_reader *")
        self._hop: Any = ffi.new("ag06_hop *")
        lib.ag06_reader_init(self._reader, arena.pointer, hop_frames, position)
        self.hop_frames = hop_frames
        self.dry, self._dry = self._sound(hop_frames)
        self.wet, self._wet = self._sound(hop_frames)

    @staticmethod
    def _sound(frames: int) -> tuple[npt.NDArray[np.float32], Any]:
        array = np.zeros((frames, CHANNELS), dtype=np.float32)
        pointer = ffi.cast("float *", ffi.from_buffer(array))
        array.flags.writeable = False
        return array, pointer

    @property
    def position(self) -> int:
        """The next frame to be read."""
        return int(self._reader.cursor)

    @property
    def lost(self) -> int:
        """Frames lost so far."""
        return int(self._reader.lost)

    def watch(self, files: Sequence[int]) -> None:
        """Have `next` return as soon as one of these file descriptors can be read; raises ValueError."""
        if not lib.ag06_reader_watch(self._reader, list(files), len(files)):
            raise ValueError(f"{len(files)} files; at most {lib.AG06_WATCHED_MAX} can be watched")

    def next(self, timeout_s: float) -> Hop | None:
        """Wait for the next hop, asleep and without the GIL; None when it did not come in time.

        None too when a file that is watched can be read.
        """
        hop = self._hop
        status = lib.ag06_reader_next(self._reader, self._dry, self._wet, hop, int(timeout_s * 1e9))
        if status != lib.AG06_READ_OK:
            return None
        reduction = hop.reduction
        reduction_db = (reduction.gate, reduction.deess, reduction.comp, reduction.limiter)
        return Hop(hop.position, hop.mono_ns, hop.lost, hop.gap_frames, hop.flags, hop.switches, reduction_db)
