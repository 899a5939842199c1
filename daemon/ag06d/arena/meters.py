"""The meters' readings of dry and wet, as messages and documents tell them.

Loudness after ITU-R BS.1770-5 and EBU Tech 3341, range after EBU Tech 3342. What would be minus
infinity, the loudness of silence, is told as SILENCE_DB.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ag06d._native import ffi, lib
from ag06d.arena.memory import Arena
from ag06d.arena.stats import SILENCE_DB, decibels

STREAMS = ("dry", "wet")
PROGRAMME = (  # what is told of a programme as a whole
    "integrated_lufs",
    "lra_lu",
    "max_momentary_lufs",
    "max_short_term_lufs",
    "true_peak_dbtp",
    "max_peak_db",
)


def _loudness(lufs: float) -> float:
    return round(max(lufs, SILENCE_DB), 2)


def _levels(linear: Iterable[float]) -> list[float]:
    return [round(decibels(level), 2) for level in linear]


def _crest(peak: float, rms: float) -> float:
    return round(decibels(peak / rms), 2) if rms > 0 else 0.0


def reading_document(reading: Any) -> dict[str, Any]:  # noqa: ANN401 - a cffi struct
    """What an `ag06_reading` tells of one stream."""
    return {
        "momentary_lufs": _loudness(reading.momentary_lufs),
        "short_term_lufs": _loudness(reading.short_term_lufs),
        "integrated_lufs": _loudness(reading.integrated_lufs),
        "lra_lu": round(reading.lra_lu, 2),
        "max_momentary_lufs": _loudness(reading.max_momentary_lufs),
        "max_short_term_lufs": _loudness(reading.max_short_term_lufs),
        "true_peak_dbtp": max(_levels(reading.max_true_peak)),
        "max_peak_db": _levels(reading.max_peak),
        "momentary_true_peak_dbtp": _levels(reading.true_peak),
        "momentary_rms_db": _levels(reading.rms),
        "crest_db": [_crest(*both) for both in zip(reading.peak, reading.rms, strict=True)],
        "correlation": round(reading.correlation, 3),
    }


class Meters:
    """What the callback's meters read, both streams at one moment."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._board = ffi.addressof(arena.pointer, "meters")
        self._readings = ffi.new("ag06_readings *")
        self._next = ffi.new("ag06_readings *")
        self._read()

    def _read(self) -> None:
        """Take the newest readings; those before stay when the callback died while writing."""
        if lib.ag06_meter_read(self._board, self._next):
            self._readings, self._next = self._next, self._readings

    def document(self) -> dict[str, Any]:
        """`dry` and `wet`, and `resets`: how many resets are in effect."""
        self._read()
        readings = self._readings
        streams = {name: reading_document(readings.of[index]) for index, name in enumerate(STREAMS)}
        return {**streams, "resets": int(readings.resets)}

    def programme(self) -> dict[str, dict[str, Any]]:
        """What `dry` and `wet` were as a whole, since the reset."""
        document = self.document()
        return {name: {key: document[name][key] for key in PROGRAMME} for name in STREAMS}

    def reset(self) -> int:
        """Have integrated loudness, range and maxima begin afresh; the number that `resets` will echo."""
        return int(lib.ag06_arena_reset_meters(self._arena.pointer))
