"""The fault meter of native/, for arrays: the same measures hop by hop and over a whole recording."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06d._native import ffi, lib

STEREO: Final = 2
CHANNELS: Final = ("left", "right")
FLOATS, HOPS = ffi.typeof("float[]"), ffi.typeof("ag06_hop_faults[]")
Array = npt.NDArray[np.float32]


def _names(struct: Any) -> Iterator[str]:  # noqa: ANN401 - cffi has no types of its own
    """The measures of a hop in the order in which C lays them out, such as `left.clip_run_frames`."""
    for part, field in struct.fields:
        kind = field.type
        if kind.kind == "array":
            yield from (f"{channel}.{name}" for channel in CHANNELS for name, _ in kind.item.fields)
        else:
            yield from (f"{part}.{name}" for name, _ in kind.fields)


MEASURES: Final = tuple(_names(ffi.typeof("ag06_hop_faults")))
"""Every measure: `left.NAME`, `right.NAME`, and `PART.NAME` for those of both; docs are in ag06_faults.h."""


class FaultMeter:
    """Measures of what may be wrong with a stream of one or two channels, at every hop of 10 ms.

    rate      frames per second, 8000 to 192000
    channels  1 or 2; of one, what is of `right` and of the `pair` is 0

    Raises ValueError for anything else. A row's elements are `MEASURES`.
    """

    def __init__(self, rate: int, channels: int = STEREO) -> None:
        made = lib.ag06_faults_new(rate, channels) if channels in (1, STEREO) else ffi.NULL
        if not made:
            raise ValueError(
                f"faults of {channels} channels at {rate} Hz: channels is 1 or 2, rate 8000 to 192000"
            )
        self._faults = ffi.gc(made, lib.ag06_faults_free)
        self._channels = channels
        self.hop = round(rate / 100)

    def aim(self, target_lufs: float) -> None:
        """Have `level.over_target_lu` and `level.under_target_lu` be of this loudness; else of -20 LUFS."""
        lib.ag06_faults_aim(self._faults, target_lufs)

    def reset(self) -> None:
        """Forget the past, as after frames were lost."""
        lib.ag06_faults_reset(self._faults)

    def take(self, dry: Array, wet: Array | None = None) -> Array:
        """Measures of every whole hop of `dry`; what is left over at its end is not looked at.

        `dry`, and `wet` if it is known, are float32 of shape (frames, channels), full scale 1. Returns
        float32 of shape (hops, len(MEASURES)).
        """
        frames = self._checked(dry)
        hops = len(frames) // self.hop
        rows = np.empty((hops, len(MEASURES)), dtype=np.float32)
        beside = ffi.NULL
        if wet is not None:
            played = self._checked(wet)
            if played.shape != frames.shape:
                raise ValueError(f"wet of shape {played.shape}; dry is of shape {frames.shape}")
            beside = ffi.from_buffer(FLOATS, played)
        lib.ag06_faults_take(
            self._faults, ffi.from_buffer(FLOATS, frames), beside, hops, ffi.from_buffer(HOPS, rows)
        )
        return rows

    def _checked(self, sound: Array) -> Array:
        frames = np.ascontiguousarray(sound, dtype=np.float32)
        if frames.shape[1:] != (self._channels,):
            raise ValueError(f"sound of shape {frames.shape}; it is to be (frames, {self._channels})")
        return frames
