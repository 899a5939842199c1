"""What is usual at this hour of this weekday: a profile of the week, of slow features.

A visit is one stretch of sound within one hour; its mean is what is learned, and how visits of the same hour
differ. An hour of the week that was visited seldom leans on the same hour of other days, and that on all
(shrinkage to the mean: James and Stein 1961, with a fixed weight). It says nothing before it was there a few
times. Time is wall clock, as local time has it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.statistics.calibration import Calibration, CalibrationSettings
from ag06_plugins.anomaly.statistics.ensemble import combined

HOUR_S: Final = 3600
HOURS: Final = 24
BINS: Final = 7 * HOURS
LEAN: Final = 2.0  # visits that the hour of other days is worth, and all hours to that
FADE: Final = 1 / 12  # what a new visit weighs at least
SPREAD_LEAN: Final = 3.0  # visits that the spread of all is worth
LEAST_ROWS: Final = 300  # seconds of a visit before it is compared, or learned
LEAST_COMPARED: Final = 30  # comparisons before their chances are told
FAR: Final = 4.0  # deviations that an hour must be away besides
MEMORY: Final = 4096.0  # comparisons

Floats = npt.NDArray[np.float64]
Values = npt.NDArray[np.float32]


def hour_of_week(wall_s: float) -> int:
    """0 to 167 from Monday 0 h on, local time, of seconds since 1970."""
    there = time.localtime(wall_s)
    return there.tm_wday * HOURS + there.tm_hour


class SeasonalProfile:
    """The profile of some features.

    resolution  the least deviation of each
    visits      of an hour that are needed to compare with it
    """

    def __init__(self, resolution: Values, visits: int = 3) -> None:
        self._least = np.asarray(resolution, dtype=np.float64) ** 2
        count = len(resolution)
        self._visits_needed = visits
        self._mean = np.zeros((BINS, count))
        self._visits = np.zeros(BINS)
        self._spread = np.zeros(
            (BINS, count)
        )  # sums of squares of what visits differed from what was expected
        self._hour, self._which = -1, -1  # of the week, and since 1970
        self._sum, self._rows = np.zeros(count), 0

    def take(self, values: Values, wall_s: float) -> None:
        """Values of one second, (features,); one that is no number leaves the second out."""
        which = int(wall_s // HOUR_S)
        if which != self._which:
            self._learn()
            self._hour, self._which = hour_of_week(wall_s), which
        if np.isfinite(values).all():
            self._sum += values
            self._rows += 1

    def deviations(self) -> Values:
        """How far this visit is from what is usual at this hour, (features,), in deviations between visits.

        NaN while it is too short, or the hour was not visited often enough.
        """
        if self._hour < 0 or self._rows < LEAST_ROWS or self._visits[self._hour] < self._visits_needed:
            return np.full(len(self._least), np.nan, dtype=np.float32)
        usual, variance = self._expected(self._hour)
        return np.asarray(np.abs(self._sum / self._rows - usual) / np.sqrt(variance), dtype=np.float32)

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """What was learned; the visit that goes on is not."""
        return {"mean": self._mean, "visits": self._visits, "spread": self._spread}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on from a `state`; raises ValueError or KeyError, and takes nothing, when it is none."""
        taken = {name: np.array(state[name], dtype=np.float64) for name in self.state()}
        for name, values in self.state().items():
            if taken[name].shape != values.shape or not np.isfinite(taken[name]).all():
                raise ValueError(
                    f"{name} of shape {taken[name].shape}; it is to be {values.shape}, and finite"
                )
        self._mean, self._visits, self._spread = taken["mean"], taken["visits"], taken["spread"]

    def _expected(self, hour: int) -> tuple[Floats, Floats]:
        """What a visit of an hour is likely to be: mean and variance of each feature."""
        same = np.arange(hour % HOURS, BINS, HOURS)
        overall = _mean_of(self._mean, self._visits, np.zeros(len(self._least)), 0.0)
        day = _mean_of(self._mean[same], self._visits[same], overall, LEAN)
        here = self._visits[hour]
        usual = (here * self._mean[hour] + LEAN * day) / (here + LEAN)
        repeated = np.maximum(self._visits - 1, 0)
        of_all = self._spread.sum(axis=0) / max(repeated.sum(), 1.0)
        variance = (self._spread[hour] + SPREAD_LEAN * of_all) / (repeated[hour] + SPREAD_LEAN)
        return usual, np.maximum(variance, self._least) * (1 + 1 / (here + LEAN))

    def _learn(self) -> None:
        """The visit is over."""
        hour, rows = self._hour, self._rows
        if hour >= 0 and rows >= LEAST_ROWS:
            value = self._sum / rows
            before, away = self._visits[hour], value - self._mean[hour]
            self._mean[hour] += max(1 / (before + 1), FADE) * away
            if before:
                keep = 1.0 if before < 1 / FADE else 1 - FADE
                self._spread[hour] = keep * self._spread[hour] + away**2 * before / (before + 1)
            self._visits[hour] = min(before + 1, 1 / FADE)
        self._sum[:] = 0
        self._rows = 0


class SeasonalDetector:
    """Compares each visit of an hour with what is usual then, every `every_s` seconds of wall clock."""

    def __init__(self, resolution: Values, visits: int, every_s: float) -> None:
        self.profile = SeasonalProfile(resolution, visits)
        self._chances = Calibration(
            len(resolution),
            CalibrationSettings(least_rows=LEAST_COMPARED, memory_rows=MEMORY, step=0, caution=1.0),
        )
        self._every_s, self._compared_s = every_s, -math.inf

    def take(self, values: Values, wall_s: float) -> tuple[float, Values] | None:
        """Values of one second; when a comparison is due, the logarithm of its chance, and deviations.

        The chance is 1 for what is not far away; NaN while nothing can be said.
        """
        self.profile.take(values, wall_s)
        if abs(wall_s - self._compared_s) < self._every_s:
            return None
        self._compared_s = wall_s
        deviations = self.profile.deviations()
        log_p, _ = self._chances.push(deviations)
        chance = combined(log_p)
        far = bool((deviations >= FAR).any())
        return (chance if far or math.isnan(chance) else 0.0), deviations

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """What was learned."""
        chances = {f"chances.{name}": value for name, value in self._chances.state().items()}
        return {**self.profile.state(), **chances}

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on from a `state`, in a new one; raises ValueError or KeyError when it is none."""
        self.profile.restore(state)
        self._chances.restore({name.removeprefix("chances."): value for name, value in state.items()})


def _mean_of(means: Floats, weights: Floats, toward: Floats, lean: float) -> Floats:
    total = weights.sum() + lean
    return np.asarray((weights @ means + lean * toward) / total if total else toward)
