"""The last seconds of every measure, so that an alert can show what led to it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

HOPS_PER_S: Final = 100
SECONDS: Final = 12.0
BEFORE_S: Final = 3.0
AFTER_S: Final = 2.0

Row = npt.NDArray[np.float32]


class Trace:
    """A ring of rows of measures, with the position at which each hop began."""

    def __init__(self, columns: int, hop: int) -> None:
        self._hop = hop
        self._rows = np.zeros((round(SECONDS * HOPS_PER_S), columns), dtype=np.float32)
        self._positions = np.full(len(self._rows), -1, dtype=np.int64)
        self._at = 0

    def take(self, row: Row, position: int) -> None:
        """The measures of the hop at `position`."""
        self._rows[self._at] = row
        self._positions[self._at] = position
        self._at = (self._at + 1) % len(self._rows)

    def around(self, column: int, start: int) -> tuple[Row, float]:
        """A measure around `start`, a value each hop, and how many seconds from `start` the first one is."""
        order = np.r_[self._at : len(self._rows), : self._at]
        first, last = start - BEFORE_S * HOPS_PER_S * self._hop, start + AFTER_S * HOPS_PER_S * self._hop
        positions = self._positions[order]
        wanted = order[(positions >= max(first, 0)) & (positions <= last)]
        if not wanted.size:
            return np.empty(0, dtype=np.float32), 0.0
        begins = (int(self._positions[wanted[0]]) - start) / self._hop / HOPS_PER_S
        return self._rows[wanted, column].copy(), begins
