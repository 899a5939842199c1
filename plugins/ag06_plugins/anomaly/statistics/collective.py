"""Runs that are odd as a whole although none of their rows is.

When a feature leans to one side for long, it was moved, however little. What is looked at is the mean of its
deviations over a run, in deviations of such means; of all features the largest, and how likely one as large
is. What a single row adds is bounded, so that it is no run by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.statistics.calibration import Calibration, CalibrationSettings, Scores

DEVIATION_MOST: Final = 6.0  # that one row adds
SPREAD_LEAST: Final = 0.2  # of the means of runs: what is less is luck
LEAST_RUNS: Final = 10  # one after the other, before anything is said


class Runs:
    """The oddity of the last rows of some series, over each of `windows` (in rows, rising)."""

    def __init__(self, series: int, windows: Sequence[int], settings: CalibrationSettings) -> None:
        self.windows = tuple(windows)
        self.calibrations = [Calibration(1, _of_runs(settings, window)) for window in windows]
        self.means = np.zeros((len(windows), series), dtype=np.float32)
        self._squares = np.ones((len(windows), series))  # mean squares of the means
        self._ring = np.zeros((max(windows), series), dtype=np.float32)
        self._memory = settings.memory_rows
        self._rows = self._since = 0

    def reset(self) -> None:
        """Rows were lost: a run begins afresh."""
        self._ring[:] = self.means[:] = 0
        self._since = 0

    def items(self) -> Iterator[tuple[int, Calibration]]:
        """Each window with its calibration."""
        return zip(self.windows, self.calibrations, strict=True)

    def push(self, deviations: Scores) -> list[float]:
        """Take in a row's deviations, (series,); logarithms of the chances of the runs that end with it.

        NaN for what is not full yet, or cannot be told yet.
        """
        self._ring[self._since % len(self._ring)] = np.clip(deviations, -DEVIATION_MOST, DEVIATION_MOST)
        self._since += 1
        self._rows += 1
        found = []
        for index, (window, calibration) in enumerate(self.items()):
            if self._since < window:
                found.append(float("nan"))
                continue
            at = np.arange(self._since - window, self._since) % len(self._ring)
            means = self.means[index] = self._ring[at].mean(axis=0)
            squares = self._squares[index]
            score = float((np.abs(means) / np.maximum(np.sqrt(squares), SPREAD_LEAST)).max())
            squares += (means**2 - squares) / min(self._rows, self._memory)
            log_p, _ = calibration.push(np.array([score], dtype=np.float32))
            found.append(float(log_p[0]))
        return found

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """What was learned, but for runs that go on."""
        found: dict[str, npt.NDArray[np.generic]] = {"squares": self._squares, "rows": np.array([self._rows])}
        for window, calibration in self.items():
            found |= {f"{window}.{name}": value for name, value in calibration.state().items()}
        return found

    def restore(self, state: dict[str, npt.NDArray[np.generic]]) -> None:
        """Go on from a `state`, in a new one; raises ValueError or KeyError when it is none."""
        squares = np.array(state["squares"], dtype=np.float64)
        if squares.shape != self._squares.shape or not np.isfinite(squares).all():
            raise ValueError(f"squares of shape {squares.shape}; they are to be {self._squares.shape}")
        for window, calibration in self.items():
            length = len(f"{window}.")
            calibration.restore(
                {name[length:]: state[name] for name in state if name.startswith(f"{window}.")}
            )
        self._squares, self._rows = squares, int(np.ravel(state["rows"])[0])


def _of_runs(settings: CalibrationSettings, window: int) -> CalibrationSettings:
    least = max(settings.least_rows, LEAST_RUNS * window)
    return replace(settings, dependence=settings.dependence * window, least_rows=least)
