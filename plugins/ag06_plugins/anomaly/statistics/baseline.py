"""What is usual of one kind of sound under one preset, and how odd a second of it is."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.statistics.calibration import Calibration, CalibrationSettings, Scores
from ag06_plugins.anomaly.statistics.collective import Runs
from ag06_plugins.anomaly.statistics.ensemble import combined, score_of
from ag06_plugins.anomaly.statistics.settings import StatisticsSettings
from ag06d.anomaly import SERIES_DETECTORS, IsolationForest, SeriesDetectors, SeriesSettings

DETECTORS_OF_ROWS: Final = (*SERIES_DETECTORS, "forest")
LEAST_SHARE: Final = 5  # a series is scored from this part of its window on
LEAST_CALIBRATED: Final = 100  # seconds before chances are told
FOREST_LOWEST, FOREST_SCALE = 0.3, 100.0  # no row scores less; a calibration tells parts of that apart
# As much as one series, all detectors of it: on the speech that was tried the forest found nothing that the
# series had not found.
FOREST_WEIGHT: Final = float(len(SERIES_DETECTORS))
ROW_DEPENDENCE: Final = 5.0  # seconds of sound that say no more together than one that stands alone

State = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of a second: natural logarithms of chances, and what they are of.

    row         the chance of the second itself
    runs        of each of the runs that end with it
    series      (series, 4), of each detector of each series
    forest      of what the isolation forest says of it; NaN if it says nothing
    usual       (series, 4), as SeriesDetectors.usual tells, before the second was learned
    deviations  (series,), how far it is from the mean, in standard deviations; 0 where nothing is known
    lean        likewise, the mean of the shortest run
    """

    row: float
    runs: tuple[float, ...]
    series: Scores
    forest: float
    usual: Scores
    deviations: Scores
    lean: Scores

    @property
    def is_by_forest(self) -> bool:
        """Whether what the forest says counts for more than what any other detector says of any series."""
        least = float(np.nanmin(self.series, initial=0.0))
        return self.forest - math.log(FOREST_WEIGHT) < least


class Baseline:
    """The detectors of all series, what their scores mean, and both together."""

    def __init__(self, resolutions: npt.NDArray[np.float32], settings: StatisticsSettings) -> None:
        self.rows = 0
        window = settings.window_s
        least = max(window // LEAST_SHARE, 2)
        self.detectors = SeriesDetectors(
            resolutions, SeriesSettings(window=window, least=least, patience=max(window // 10, 1))
        )
        each = CalibrationSettings(
            rate=settings.rate,
            memory_rows=settings.memory_s,
            least_rows=LEAST_CALIBRATED,
            step=0,
            dependence=ROW_DEPENDENCE,
        )
        whole = replace(each, caution=settings.caution)
        self._shape = (len(resolutions), len(SERIES_DETECTORS))
        self._each = Calibration(len(resolutions) * len(SERIES_DETECTORS), each)
        self._forest = Calibration(1, each)
        self._chances = np.full(len(resolutions) * len(SERIES_DETECTORS) + 1, np.nan)  # the forest's is last
        self._weights = np.ones_like(self._chances)
        self._weights[-1] = FOREST_WEIGHT
        self._whole = Calibration(1, whole)
        self._runs = Runs(len(resolutions), settings.runs_s, replace(whole, dependence=1.0))

    def judge(
        self, row: Scores, lenience: Scores, forest: IsolationForest | None = None
    ) -> Generator[None, None, Verdict]:
        """How odd a second is, (series,); then it is learned. It yields after each part of the work.

        `lenience` is of each of DETECTORS_OF_ROWS: the logarithm of the factor by which a chance is to be
        smaller.
        """
        usual = self.detectors.usual()
        with np.errstate(invalid="ignore"):
            deviations = np.nan_to_num((row - usual[:, 0]) / usual[:, 1])
        scores = self.detectors.push(row).ravel()
        yield
        log_p = self._each.log_p(scores)
        yield
        self._each.learn(scores)
        yield
        by_forest = min(self._by_forest(row, forest) + float(lenience[-1]), 0.0)
        yield
        series = np.minimum(log_p.reshape(self._shape) + lenience[:-1], 0)
        self._chances[:-1], self._chances[-1] = series.ravel(), by_forest
        score = score_of(combined(self._chances, self._weights))
        found, _ = self._whole.push(np.array([score], dtype=np.float32))
        whole = float(found[0])
        yield
        runs = tuple(self._runs.push(deviations))
        self.rows += 1
        yield
        return Verdict(whole, runs, series, by_forest, usual, deviations, self._runs.means[0].copy())

    def _by_forest(self, row: Scores, forest: IsolationForest | None) -> float:
        """The logarithm of the chance of the forest's score; NaN without a forest, and of a row with NaN."""
        if forest is None:
            return math.nan
        odd = FOREST_SCALE * max(forest.score_one(row) - FOREST_LOWEST, 0)
        found, _ = self._forest.push(np.array([odd], dtype=np.float32))
        return float(found[0])

    def gap(self) -> None:
        """Sound was lost."""
        self.detectors.gap()
        self._runs.reset()

    def state(self) -> State:
        """All that was learned, but for runs that go on."""
        found: State = {"window": self.detectors.window(), "rows": np.array([self.rows])}
        for name, part in self._parts().items():
            found |= {f"{name}.{key}": value for key, value in part.state().items()}
        return found

    def restore(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on from a `state`, in a new one; raises ValueError or KeyError when it is none."""
        window = np.asarray(state["window"], dtype=np.float32)
        if window.ndim != 2 or window.shape[1] != self._shape[0]:  # noqa: PLR2004 - rows and series
            raise ValueError(f"a window of shape {window.shape}; it is to be (rows, {self._shape[0]})")
        for name, part in self._parts().items():
            length = len(name) + 1
            part.restore({key[length:]: state[key] for key in state if key.startswith(f"{name}.")})
        for row in window[-self.detectors.settings.window :]:
            self.detectors.learn_one(row)
        self.rows = int(np.asarray(state["rows"]).ravel()[0])

    def _parts(self) -> dict[str, Calibration | Runs]:
        return {"each": self._each, "forest": self._forest, "whole": self._whole, "runs": self._runs}


def is_at_most(log_p: float, rate: float, factor: float = 1.0) -> bool:
    """Whether a chance is as small as `rate`, or by `factor` smaller; not if it is NaN."""
    return log_p <= math.log(rate / factor)
