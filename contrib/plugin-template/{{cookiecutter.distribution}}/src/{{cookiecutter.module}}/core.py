"""The largest peak of each window: no daemon here, so that it can be tested and used alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class PeakHold:
    """Takes sound hop by hop; `window` frames make a result."""

    def __init__(self, window: int) -> None:
        self._window = window
        self.reset()

    def reset(self) -> None:
        """Begin the window afresh: what comes next does not join what came."""
        self._frames, self._peak = 0, 0.0

    def add(self, sound: npt.NDArray[np.float32]) -> float | None:
        """Take float32 of shape (frames, channels), full scale 1; the peak when a window is full."""
        self._peak = max(self._peak, float(np.abs(sound).max()))
        self._frames += len(sound)
        if self._frames < self._window:
            return None
        peak = self._peak
        self.reset()
        return peak
