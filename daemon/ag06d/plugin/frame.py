"""A frame: one hop of sound, as every processor is given it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt


class Reduction(NamedTuple):
    """By how many dB each stage turns down, 0 or more."""

    gate: float
    deess: float
    comp: float
    limiter: float


NO_REDUCTION: Final = Reduction(0.0, 0.0, 0.0, 0.0)


@dataclass(slots=True)
class Frame:
    """One hop of dry and wet sound.

    `dry` and `wet` are float32 of shape (hop, 2), full scale 1.0, read-only, and valid until
    `process` returns: copy what you keep. Wet at a position is what left the mixer when dry at
    that position came in, so it is `latency` frames behind it.

    position     of the first sample, in frames since the daemon started
    mono_ns      CLOCK_MONOTONIC at which the last sample arrived
    rate         frames per second
    lost         frames lost just before this one because the host was too slow
    gap_frames   frames that never arrived, by the clock (device away), in or just before this one
    bad_input    the input held NaN, infinity or more than +24 dBFS, which were silenced
    disturbed    a plugin of this host put a fault into `dry` on purpose, see `Context.disturb`
    reduction_db the largest that each stage of the slot that is heard turned down by; 0 in bypass
    """

    dry: npt.NDArray[np.float32]
    wet: npt.NDArray[np.float32]
    position: int
    mono_ns: int
    rate: int
    lost: int = 0
    gap_frames: int = 0
    bad_input: bool = False
    disturbed: bool = False
    reduction_db: Reduction = NO_REDUCTION
