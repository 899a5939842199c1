"""Loudness along a recording, by the meter that the callback runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ag06d._native import ffi, lib
from ag06d.arena.meters import reading_document

Curve = npt.NDArray[np.float64]

SLOT_S = 0.01  # of the meter
STEP_SLOTS, MOMENTARY_SLOTS, SHORT_TERM_SLOTS = 10, 40, 300
STEP_S = STEP_SLOTS * SLOT_S


@dataclass(frozen=True, slots=True)
class Loudness:
    """The readings at the end of each whole STEP_S, NaN until their window is full, and of the whole."""

    momentary_lufs: Curve
    short_term_lufs: Curve
    integrated_lufs: float
    peak_db: float

    @classmethod
    def of(cls, frames: npt.NDArray[np.float32], rate: int) -> Loudness:
        """Meter `frames`, (frames, 2), of which there is at least one."""
        meter, levels = ffi.new("ag06_meter *"), ffi.new("ag06_levels *")
        lib.ag06_meter_init(meter, rate)
        step = STEP_SLOTS * int(meter.slot_frames)
        momentary, short_term = np.full((2, len(frames) // step), np.nan)
        document = {}
        for index, start in enumerate(range(0, len(frames), step)):
            part = np.ascontiguousarray(frames[start : start + step], np.float32)
            lib.ag06_meter_run(meter, ffi.from_buffer("float[]", part), ffi.NULL, len(part), levels)
            document = reading_document(meter.readings[0])
            if len(part) == step and meter.age >= MOMENTARY_SLOTS:
                momentary[index] = document["momentary_lufs"]
            if len(part) == step and meter.age >= SHORT_TERM_SLOTS:
                short_term[index] = document["short_term_lufs"]
        return cls(momentary, short_term, document["integrated_lufs"], max(document["max_peak_db"]))
