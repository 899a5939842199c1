"""Scores of a table's rows by the statistical detectors; what is usual is learned of another table first.

A score is how many zeros the chance of a row has behind its point, as high as -log10 p: the chances of its
columns, calibrated by that table, are combined into one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.statistics.calibration import Calibration, CalibrationSettings
from ag06_plugins.anomaly.statistics.ensemble import combined, score_of
from ag06d.anomaly import SERIES_DETECTORS, SeriesDetectors, SeriesSettings

WINDOW: Final = 600
LEAST: Final = 60
CALIBRATED: Final = 200  # rows before chances are told, if there are so many
FINEST: Final = 1e-6  # of a column's largest magnitude: deviations below it are none

Table = npt.NDArray[np.float32]  # (rows, columns)
Numbers = npt.NDArray[np.floating[Any]]  # likewise
Scores = npt.NDArray[np.float64]  # (rows,)
Scorer = Callable[[Numbers, Numbers, int], Scores]


def scorer(detector: str, doc: str) -> Scorer:
    """A function of train, rows and seed, to a score of each of the rows by one detector; `doc` says which.

    NaN where a row has no number, or nothing but such.
    """
    which = [SERIES_DETECTORS.index(detector)]

    def score(train: Numbers, rows: Numbers, seed: int) -> Scores:
        del seed  # nothing is random here
        log_p = chances(train, rows)[..., which]
        return np.array([score_of(combined(of_row)) for of_row in log_p])

    score.__doc__ = doc
    return score


def chances(train: Numbers, rows: Numbers) -> Table:
    """Logarithms of the chances of all values, (rows, columns, 4), in the order of SERIES_DETECTORS."""
    usual = np.asarray(train, dtype=np.float32)
    window = int(np.clip(len(usual) // 2, 8, WINDOW))
    settings = SeriesSettings(window=window, least=max(2, min(LEAST, window // 4)), patience=window)
    made = SeriesDetectors(_resolutions(usual), settings)
    count = made.series * len(SERIES_DETECTORS)
    calibration = Calibration(count, CalibrationSettings(least_rows=min(CALIBRATED, len(usual) // 4), step=0))
    for scores in made.score(usual):
        calibration.learn(scores.ravel())
    calibration.refresh()
    scored = made.score(np.asarray(rows, dtype=np.float32))
    found = np.empty_like(scored)
    for index, scores in enumerate(scored):
        log_p, _ = calibration.push(scores.ravel())
        found[index] = log_p.reshape(scores.shape)
    return found


def with_others(own: Table, *others: Scores) -> Scores:
    """Scores of rows by their `chances`, and by scores of other detectors that are -log10 p themselves."""
    found = []
    for index, of_row in enumerate(own):
        statistical = combined(of_row)
        logs = [statistical, *(-float(other[index]) * np.log(10) for other in others)]
        found.append(score_of(combined(np.array(logs))))
    return np.array(found)


def ranked(train: Scores, rows: Scores) -> Scores:
    """Scores of any detector as -log10 p: of the share of `train`'s that are as high."""
    sorted_train = np.sort(train[np.isfinite(train)])
    beyond = len(sorted_train) - np.searchsorted(sorted_train, rows, side="left")
    log10_p = np.log10((beyond + 1) / (len(sorted_train) + 1))
    return np.asarray(np.where(np.isfinite(rows), -log10_p, np.nan))


def _resolutions(train: Table) -> Table:
    """Of each column; a constant one of nothing but 0 has the finest."""
    with np.errstate(invalid="ignore"):
        largest = np.max(np.abs(np.where(np.isfinite(train), train, 0)), axis=0, initial=0)
    return np.asarray(np.clip(largest * FINEST, 1e-12, 1e20), dtype=np.float32)
