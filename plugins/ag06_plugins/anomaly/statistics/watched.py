"""What of an extractor's rows is watched: slow and meaningful features, as means over a second of one kind.

The spectrum is watched as its shape, octave bands beside the whole level, so that somebody who comes nearer
to the microphone is not odd; levels themselves are watched with a coarse resolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

OCTAVES: Final = ("63", "125", "250", "500", "1k", "2k", "4k", "8k", "16k")
LEAST_DB: Final = -90.0  # of a level that matters

Row = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Watched:
    """One series.

    column      of the extractor's row, such as `mid.crest_db`
    group       of features that it is of; `group:column` is its name in the store
    unit        of it
    resolution  the least standard deviation that is taken for one, in `unit`: what is finer is no change
    beside      the column that is taken away from it; "" for none
    """

    column: str
    group: str
    unit: str
    resolution: float
    beside: str = ""

    @property
    def feature(self) -> str:
        """Its name in the store."""
        return f"{self.group}:{self.column}"

    @property
    def channel(self) -> str:
        """`left`, `right` or `both`."""
        signal = self.column.partition(".")[0]
        return signal if signal in ("left", "right") else "both"


def _level(column: str, resolution: float, group: str = "level") -> Watched:
    return Watched(column, group, "dB", resolution)


DEFAULT: Final = (
    Watched("short_term_lufs", "meter", "LUFS", 3.0),
    Watched("correlation", "meter", "", 0.05),
    Watched("balance", "meter", "", 0.05),
    _level("left.noise_floor_db", 1.5),
    _level("right.noise_floor_db", 1.5),
    _level("left.hum_50_db", 2.5, "hum"),
    _level("left.hum_60_db", 2.5, "hum"),
    _level("right.hum_50_db", 2.5, "hum"),
    _level("right.hum_60_db", 2.5, "hum"),
    _level("mid.crest_db", 0.7),
    Watched("mid.spectral_centroid", "spectrum", "Hz", 150.0),
    Watched("mid.spectral_flatness", "spectrum", "", 0.02),
    *(Watched(f"mid.octave_db_{band}", "tone", "dB", 1.5, "mid.rms_db") for band in OCTAVES),
)
CLASSED: Final = ("mid.rms_db", "mid.noise_floor_db", "mid.voicing", "mid.spectral_flatness")


class Picked:
    """The watched series out of rows whose columns are called `columns`.

    Those that are not there are left out; raises ValueError when none is left.
    """

    def __init__(self, columns: Sequence[str], watched: Sequence[Watched] = DEFAULT) -> None:
        at = {name: index for index, name in enumerate(columns)}
        signal = "mid" if "mid.rms_db" in at else "left"  # of one channel there is no mid
        named = [_of(series, signal) for series in watched]
        self.watched = tuple(s for s in named if s.column in at and (not s.beside or s.beside in at))
        if not self.watched:
            raise ValueError("none of the columns is watched; see statistics/watched.py for those that are")
        count = len(self.watched)
        with_beside = [index for index, series in enumerate(self.watched) if series.beside]
        self._beside_at = np.array(with_beside, dtype=np.intp)
        columns = [series.column for series in self.watched]
        columns += [self.watched[index].beside for index in with_beside]  # behind them, one array for both
        levels = [series.unit in ("dB", "LUFS") for series in self.watched] + [True] * len(with_beside)
        self._columns = np.array([at[name] for name in columns], dtype=np.intp)
        self._least = np.where(levels, LEAST_DB, -np.inf).astype(np.float32)
        self._values = np.empty(len(columns), dtype=np.float32)
        self._series, self._beside = self._values[:count], self._values[count:]
        wanted = [name.replace("mid.", f"{signal}.") for name in CLASSED]
        self._classed = [at[name] for name in wanted] if all(name in at for name in wanted) else []

    @property
    def resolutions(self) -> npt.NDArray[np.float32]:
        """Of each series."""
        return np.array([series.resolution for series in self.watched], dtype=np.float32)

    def take(self, row: Row) -> Row:
        """(series,) of one row; the next one is in its place."""
        row.take(self._columns, out=self._values, mode="clip")  # of "raise" it would make a copy
        np.maximum(self._values, self._least, out=self._values)
        self._series[self._beside_at] -= self._beside
        return self._series

    def classed(self, row: Row) -> tuple[float, float, float, float] | None:
        """Level, noise floor, voicing and flatness of one row; None when there are none."""
        if not self._classed:
            return None
        rms_db, floor_db, voicing, flatness = (float(row[index]) for index in self._classed)
        return rms_db, floor_db, voicing, flatness


def _of(series: Watched, signal: str) -> Watched:
    """`series` with `signal` where it says `mid`."""
    if signal == "mid":
        return series
    column, beside = (name.replace("mid.", f"{signal}.") for name in (series.column, series.beside))
    return Watched(column, series.group, series.unit, series.resolution, beside)
