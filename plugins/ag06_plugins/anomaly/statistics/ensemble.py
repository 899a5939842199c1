"""One chance from those of several detectors, whatever they depend on each other.

The Cauchy combination (Liu and Xie 2020): each chance becomes a Cauchy number, and the tail of their mean is
that of one Cauchy number under almost any dependence. Chances near 1 are cut (Fang et al. 2023), as one of
them would outweigh a small one elsewhere. What is left of an error, calibration by history takes away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.statistics.calibration import Calibration, CalibrationSettings

HIGHEST_P: Final = 0.99
SMALL: Final = -12.0  # logarithm of a chance from which on 1 / (pi p) is its Cauchy number
LEAST: Final = -230.0  # what is less is taken for that: its Cauchy number is 1e99


def combined(log_p: npt.NDArray[np.floating], weights: npt.NDArray[np.float64] | None = None) -> float:
    """Natural logarithm of the chance of all of `log_p`, which are such logarithms; NaN is left out.

    `weights` of the same shape, 0 or more, say how much each counts; NaN if nothing is left.
    """
    logs = np.asarray(log_p, dtype=np.float64).ravel()
    there = logs == logs  # noqa: PLR0124 - not NaN, in the shortest way
    logs = np.maximum(logs[there], LEAST)
    if not len(logs):
        return math.nan
    cauchy = 1 / (np.pi * np.exp(logs))
    usual = logs > SMALL
    cauchy[usual] = np.tan((0.5 - np.minimum(np.exp(logs[usual]), HIGHEST_P)) * np.pi)
    if weights is None:
        mean = float(cauchy.mean())
    else:
        of = weights.ravel()[there]
        mean = float(of @ cauchy / max(of.sum(), 1e-300))
    if mean > 1 / (np.pi * math.exp(SMALL)):
        return -math.log(np.pi * mean)
    return math.log(0.5 - math.atan(mean) / math.pi)


def score_of(log_p: float) -> float:
    """As a score: how many zeros the chance has behind its point, 0 or more."""
    return max(-log_p / math.log(10), 0.0) if log_p == log_p else math.nan  # noqa: PLR0124 - not NaN


class Ensemble:
    """Several detectors of one moment as one, calibrated in its turn.

    names     of the detectors
    weights   of some of them; the rest counts 1
    settings  of the calibration
    """

    def __init__(
        self,
        names: tuple[str, ...],
        weights: Mapping[str, float] | None = None,
        settings: CalibrationSettings | None = None,
    ) -> None:
        if unknown := set(weights or ()) - set(names):
            raise ValueError(f"no detector is called {min(unknown)!r}; there are {', '.join(names)}")
        self.names = names
        self.calibration = Calibration(1, settings)
        self._weights = np.array([(weights or {}).get(name, 1.0) for name in names])

    def push(self, log_p: Mapping[str, float]) -> tuple[float, bool]:
        """The chance of a moment, as a logarithm, and whether it is as small as those of alarms are.

        `log_p` are logarithms of the chances that the detectors tell; one that is missing says nothing.
        """
        logs = np.array([log_p.get(name, math.nan) for name in self.names])
        score = score_of(combined(logs, self._weights))
        found, alarms = self.calibration.push(np.array([score], dtype=np.float32))
        return float(found[0]), bool(alarms[0])
