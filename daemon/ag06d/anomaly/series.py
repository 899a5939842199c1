"""The series of native/, for arrays: how odd each value of a row is beside the last rows of its series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06d._native import ffi, lib

SERIES_DETECTORS: Final = ("zscore", "modified_zscore", "ewma", "cusum")  # in the order of the scores
FLOATS: Final = ffi.typeof("float[]")
FLOAT_BYTES: Final = 4
Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SeriesSettings:
    """How rows are compared with those before them.

    window    rows that are compared with, 2 to 65534
    least     values of a series before it is scored, 2 to `window`
    patience  rows in a row beyond `limit` on the same side, after which a series begins afresh
    limit     deviations, beyond which a value is not learned; above 1
    weight    of the newest residual in the exponentially weighted mean, above 0 and at most 1
    slack     deviations that the cumulative sums forgive each row, below `limit`
    """

    window: int = 600
    least: int = 60
    patience: int = 60
    limit: float = 4.0
    weight: float = 0.2
    slack: float = 0.5


@dataclass(frozen=True, slots=True)
class SeriesCounts:
    """Rows, values that were `left_out` for NaN or infinite, `shifts` after which a series began afresh."""

    rows: int
    left_out: int
    shifts: int


class SeriesDetectors:
    """z-score, modified z-score, EWMA chart and CUSUM of every series, in one call for a row.

    resolution  the least standard deviation of each series, in its unit: what is finer is no change; or one
                for all of `series`
    settings    how rows are compared

    Scores are float32 of shape (series, 4), in the order of SERIES_DETECTORS, in standard deviations: higher
    is odder. They are NaN until a series has had `least` values, and where the value is NaN, infinite, or
    beyond 1e30. ag06_series.h has the definitions and their sources. Raises ValueError for anything else.
    """

    def __init__(
        self,
        resolution: float | Sequence[float] | npt.NDArray[np.float32],
        settings: SeriesSettings | None = None,
        *,
        series: int | None = None,
    ) -> None:
        self.settings = settings or SeriesSettings()
        given = np.asarray(resolution, dtype=np.float32)
        least = np.full(series, given) if series is not None and not given.ndim else np.ravel(given)
        made = lib.ag06_series_new(
            len(least), ffi.from_buffer(FLOATS, np.ascontiguousarray(least)), [asdict(self.settings)]
        )
        if not made:
            raise ValueError(
                f"detectors of {len(least)} series with {self.settings}: resolutions are at least 1e-30; "
                "2 <= least <= window < 65535, patience >= 1, limit > 1, 0 < weight <= 1, 0 <= slack < limit"
            )
        self._series = ffi.gc(made, lib.ag06_series_free)
        self.series = len(least)
        self._row = np.empty(self.series, dtype=np.float32)
        self._row_at = ffi.from_buffer(FLOATS, self._row)

    def score_one(self, row: Array) -> Array:
        """Scores (series, 4) of a row of shape (series,), which is not learned."""
        scores = np.empty((self.series, len(SERIES_DETECTORS)), dtype=np.float32)
        self._take(row)
        lib.ag06_series_score(self._series, self._row_at, ffi.from_buffer(FLOATS, scores))
        return scores

    def learn_one(self, row: Array) -> None:
        """Learn a row of shape (series,); but of it no value beyond `limit`."""
        self._take(row)
        lib.ag06_series_learn(self._series, self._row_at)

    def push(self, row: Array) -> Array:
        """`score_one`, then `learn_one`, for less than both."""
        scores = np.empty((self.series, len(SERIES_DETECTORS)), dtype=np.float32)
        self._take(row)
        lib.ag06_series_push(self._series, self._row_at, 1, ffi.from_buffer(FLOATS, scores))
        return scores

    def score(self, rows: Array) -> Array:
        """`push` of each of `rows`, of shape (rows, series): scores of shape (rows, series, 4)."""
        values = np.ascontiguousarray(rows, dtype=np.float32)
        if values.ndim != 2 or values.shape[1] != self.series:  # noqa: PLR2004 - rows and series
            raise ValueError(f"rows of shape {values.shape}; they are to be (rows, {self.series})")
        scores = np.empty((*values.shape, len(SERIES_DETECTORS)), dtype=np.float32)
        lib.ag06_series_push(
            self._series, ffi.from_buffer(FLOATS, values), len(values), ffi.from_buffer(FLOATS, scores)
        )
        return scores

    def gap(self) -> None:
        """Rows were lost: what runs on from row to row begins afresh, what is usual stays."""
        lib.ag06_series_gap(self._series)

    def reset(self) -> None:
        """Forget all rows."""
        lib.ag06_series_reset(self._series)

    @property
    def counts(self) -> SeriesCounts:
        """What was taken in since the last reset."""
        counts = ffi.new("ag06_series_counts *")
        lib.ag06_series_count(self._series, counts)
        return SeriesCounts(counts.rows, counts.left_out, counts.shifts)

    def usual(self) -> Array:
        """(series, 4): mean, standard deviation, median, and median absolute deviation as a standard one.

        NaN while a series has fewer than `least` values.
        """
        usual = np.empty((self.series, 4), dtype=np.float32)
        lib.ag06_series_usual(self._series, ffi.from_buffer(FLOATS, usual))
        return usual

    def window(self) -> Array:
        """The last rows as they were learned, (rows, series), the oldest first: NaN where there was none.

        Learning them in that order brings another one to where this one is, but for what runs on from row
        to row, which is soon the same.
        """
        rows = np.empty((self.settings.window, self.series), dtype=np.float32)
        count = lib.ag06_series_window(self._series, ffi.from_buffer(FLOATS, rows))
        return rows[:count]

    def _take(self, row: Array) -> None:
        if np.shape(row) != self._row.shape:
            raise ValueError(f"a row of shape {np.shape(row)}; it is to be {self._row.shape}")
        self._row[:] = row
