"""Statistics of every feature over the last seconds, by native/, hop by hop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06d._native import ffi, lib
from ag06d.features.catalogue import SIGNALS, elements, scale

STATISTICS: Final = ("mean", "std", "min", "max", "p05", "p50", "p95")
WINDOWS_S: Final = (1, 10, 60)
HOPS_PER_S: Final = 100
ROW, VALUES = ffi.typeof("float[]"), ffi.typeof("ag06_sliding_values[]")
BINS: Final = int(lib.AG06_SLIDING_BINS)

Array = npt.NDArray[np.float32]


def statistic_names(fields: Iterable[str]) -> tuple[str, ...]:
    """Names of what `read` has of `fields`, flat and in its order, such as `left.rms_db.mean`."""
    return tuple(f"{field}.{statistic}" for field in fields for statistic in STATISTICS)


class Sliding:
    """Mean, deviation, least, most and percentiles of each element of rows, over the last seconds.

    scales     (low, high) of each element, of which percentiles are told to a 1024th; those of the rows
               of an Extractor for two channels at `rate` if none are given
    windows_s  how long, in seconds of a hundred rows, rising; at most 8, at most 655 s
    rate       frames per second

    Mean and deviation are summed up from the rows of the window in double precision, whatever came before;
    the deviation is that of the population. Least and most are exact. A percentile is that of its rank
    (numpy's method "inverted_cdf") to one bin; what lies outside of the scale counts as its nearest end. NaN
    and infinity are left out; what had no value has NaN. A row costs the same however long the windows are.
    Raises ValueError for anything else.
    """

    def __init__(
        self,
        scales: Sequence[tuple[float, float]] | None = None,
        windows_s: Sequence[float] = WINDOWS_S,
        rate: int = 48000,
    ) -> None:
        if scales is None:
            scales = [scale(feature, rate) for _, feature in elements(SIGNALS)]
        low, high = np.array(scales, dtype=np.float32).reshape(-1, 2).T.copy()
        lengths = [round(window_s * HOPS_PER_S) for window_s in windows_s]
        made = lib.ag06_sliding_new(
            len(low), ffi.from_buffer(ROW, low), ffi.from_buffer(ROW, high), len(lengths), lengths
        )
        if not made:
            raise ValueError(
                f"statistics of {len(low)} elements over {', '.join(f'{s:g}' for s in windows_s)} s: scales "
                "are pairs of low and high, windows rise, are 0.01 to 655 s long, and at most 8"
            )
        self._sliding = ffi.gc(made, lib.ag06_sliding_free)
        self._series = len(low)
        self._indices = {length: index for index, length in enumerate(lengths)}

    def reset(self) -> None:
        """Forget all rows."""
        lib.ag06_sliding_reset(self._sliding)

    def push(self, rows: Array) -> None:
        """Take in a row of shape (elements,), or several of shape (rows, elements)."""
        values = self._checked(rows)
        lib.ag06_sliding_push(self._sliding, ffi.from_buffer(ROW, values), values.size // self._series)

    def read(self, window_s: float, out: Array | None = None) -> Array:
        """(elements, 7), in the order of STATISTICS, of the rows of the last `window_s` seconds that came.

        Written to `out`, contiguous float32 of that shape, if it is given. Raises KeyError for a window that
        was not asked for.
        """
        index = self._indices[round(window_s * HOPS_PER_S)]
        shape = (self._series, len(STATISTICS))
        values = np.empty(shape, dtype=np.float32) if out is None else out
        if values.shape != shape or values.dtype != np.float32:
            raise ValueError(
                f"statistics into {values.dtype} of shape {values.shape}; it is to be float32 {shape}"
            )
        lib.ag06_sliding_read(self._sliding, index, ffi.from_buffer(VALUES, values, require_writable=True))
        return values

    def extract(self, rows: Array, every: int) -> Array:
        """Push rows of shape (rows, elements); what `read` gives after each `every`-th since the last reset.

        Returns (readings, windows, elements, 7): of a recording, in pieces or not, the bits of a stream.
        """
        values = self._checked(rows)
        if every < 1:
            raise ValueError(f"statistics after every {every} rows; that is to be at least 1")
        count = values.size // self._series
        found = np.empty(
            (count // every + 1, len(self._indices), self._series, len(STATISTICS)), dtype=np.float32
        )
        readings = lib.ag06_sliding_extract(
            self._sliding, ffi.from_buffer(ROW, values), count, every, ffi.from_buffer(VALUES, found)
        )
        return found[:readings]

    def _checked(self, rows: Array) -> Array:
        values = np.ascontiguousarray(rows, dtype=np.float32)
        if values.ndim not in (1, 2) or values.shape[-1] != self._series:
            raise ValueError(
                f"rows of shape {values.shape}; a row is to be ({self._series},), "
                f"several (rows, {self._series})"
            )
        return values
