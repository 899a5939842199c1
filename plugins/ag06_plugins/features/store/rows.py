"""Rows against their view: of the right dtype and shape, in range, in order; what is wrong, and where."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.features.store.online import FUTURE_NS
from ag06d.plugin import FeatureView, Rejected, RequestError

REASON_MAX: Final = 200  # characters
NUMBERS: Final = "biuf"  # kinds of numpy dtypes that are numbers

Times = npt.NDArray[np.int64]
Rows = npt.NDArray[Any]


def limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """The least and the largest finite number of a dtype; of an integer one as int."""
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return float(np.finfo(dtype).min), float(np.finfo(dtype).max)


def _within(end: float, bound: float | None, other: float, whole: Callable[[float], int]) -> float:
    """A declared bound, or the dtype's `end` where that is nearer; of integers the `whole` one inside."""
    if bound is None:
        return end
    inside = whole(bound) if isinstance(end, int) else bound
    return sorted((end, inside, other))[1]


class Checker:
    """Checks rows of one view."""

    def __init__(self, view: FeatureView) -> None:
        self.view = view
        self.dtype = np.dtype(view.dtype)
        self.width = len(view.columns)
        least, most = limits(self.dtype)
        low = [_within(least, f.low, most, math.ceil) for f in view.fields for _ in f.columns]
        high = [_within(most, f.high, least, math.floor) for f in view.fields for _ in f.columns]
        self._low, self._high = np.array(low, self.dtype), np.array(high, self.dtype)
        self._most = most
        self._missing = view.nan == "allow" and self.dtype.kind == "f"
        self._increasing = view.order == "increasing"

    def shaped(self, rows: npt.ArrayLike, times_ns: npt.ArrayLike) -> tuple[Rows, Times]:
        """As arrays of shape (n, columns) and (n,); raises RequestError (`bad_request`) if they are none.

        One time alone is that of all rows.
        """
        try:
            values, times = np.asarray(rows), np.asarray(times_ns)
        except (ValueError, TypeError, OverflowError) as error:  # lists of different lengths
            raise RequestError("bad_request", f"{self.view.key}: {error}", "rows of numbers") from None
        if values.ndim == 1:
            values = values[None, :]
        if times.ndim == 0:
            times = np.full(len(values) if values.ndim else 1, times)
        self._check_form(values, times)
        if self.dtype.kind == "i" and values.dtype.kind == "u" and values.size and values.max() > self._most:
            raise RequestError(
                "bad_request", f"{self.view.key}: a number of rows is {values.max()}", f"{self._most} at most"
            )
        if values.dtype != self.dtype:
            with np.errstate(over="ignore", invalid="ignore"):  # what does not fit is out of range then
                values = values.astype(self.dtype)
        return values, times.astype(np.int64, copy=False)

    def _check_form(self, values: Rows, times: Rows) -> None:
        view = self.view
        if values.dtype.kind not in NUMBERS or (self.dtype.kind == "i" and values.dtype.kind == "f"):
            raise RequestError(
                "bad_request", f"{view.key}: rows of dtype {values.dtype}", f"it takes {view.dtype}"
            )
        if values.ndim != 2 or values.shape[1] != self.width:  # noqa: PLR2004 - rows and columns
            wanted = f"(n, {self.width}): {', '.join(view.columns[:8])}" + ("..." if self.width > 8 else "")  # noqa: PLR2004 - to read
            raise RequestError(
                "bad_request", f"{view.key}: rows of shape {values.shape}", f"it takes {wanted}"
            )
        if times.dtype.kind not in "iu" or times.shape != (len(values),):
            raise RequestError(
                "bad_request",
                f"{view.key}: times of dtype {times.dtype} and shape {times.shape} for {len(values)} rows",
                "one int64 a row, nanoseconds since the epoch",
            )

    def check(
        self, rows: Rows, times_ns: Times, newest_ns: int, now_ns: int
    ) -> tuple[npt.NDArray[np.bool_] | None, Sequence[Rejected]]:
        """Which rows are good (None: all), and what is wrong with the others.

        `rows` and `times_ns` are what `shaped` returned; `newest_ns` is the time of the newest row that the
        entity has, which is not held against those that come after the clock was set back.
        """
        inside = (rows >= self._low) & (rows <= self._high)  # NaN is not
        if self._missing:
            inside |= np.isnan(rows)
        timely = times_ns <= now_ns + FUTURE_NS
        timely &= times_ns > 0
        if newest_ns > now_ns + FUTURE_NS:
            newest_ns = 0
        if self._increasing:
            before = np.maximum.accumulate(np.concatenate(([newest_ns], times_ns)))[:-1]
            timely &= times_ns > before
        if inside.all() and timely.all():
            return None, ()
        good = inside.all(axis=1) & timely
        return good, [
            Rejected(int(i), self._reason(rows[i], inside[i], int(times_ns[i]), now_ns))
            for i in np.flatnonzero(~good)
        ]

    def _reason(self, row: Rows, inside: npt.NDArray[np.bool_], time_ns: int, now_ns: int) -> str:
        if not inside.all():
            at = int(np.flatnonzero(~inside)[0])
            column, value = self.view.columns[at], row[at]
            low, high = self._low[at], self._high[at]
            return f"{column} is {value:g}; it is to be {low:g} to {high:g}"[:REASON_MAX]
        if time_ns <= 0:
            return f"time {time_ns} is before 1970; times are nanoseconds since the epoch"
        if time_ns > now_ns + FUTURE_NS:
            return f"time {time_ns} is {(time_ns - now_ns) / 1e9:.1f} s in the future"
        return f"time {time_ns} is not after the row before, and the view's order is increasing"
