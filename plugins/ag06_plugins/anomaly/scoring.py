"""Detectors for tables of any origin: what is learnt from some rows, and how odd others are then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.statistics.tables import chances, ranked, scorer, with_others
from ag06d.anomaly import IsolationForest

Rows = npt.NDArray[np.float64]  # (n, columns), in the order of time where there is one
Scores = npt.NDArray[np.float64]  # (n,), higher is more anomalous
Detector = Callable[[Rows, Rows, int], Scores]  # train, rows and a seed; every value is finite


BY_SERIES: Final = {
    "zscore": "How many deviations a value is from the mean of those before it.",
    "modified_zscore": "The same with median and median absolute deviation, which outliers do not move.",
    "cusum": "What deviations to one side come to, one row after the other (Page, 1954): small shifts.",
    "ewma": "A moving average that forgets, against its control limits (Roberts, 1959): slow drifts.",
}


def forest(train: Rows, rows: Rows, seed: int) -> Scores:
    """Isolation forest: how easily random cuts set a row apart, whatever its columns are; 0.5 is average."""
    return IsolationForest.fit(train, seed=seed).score(rows)


def ensemble(train: Rows, rows: Rows, seed: int) -> Scores:
    """All statistical detectors and the forest, as one chance."""
    grown = IsolationForest.fit(train, seed=seed)
    return with_others(chances(train, rows), ranked(grown.score(train), grown.score(rows)))


DETECTORS: Final[dict[str, Detector]] = {
    "forest": forest,
    **{name: scorer(name, doc) for name, doc in BY_SERIES.items()},
    "ensemble": ensemble,
}


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores (n,), NaN of a row that had none, and how many rows were left out for not being finite."""

    scores: Scores
    left_out_rows: int
    left_out_train: int


def described(detectors: Mapping[str, Detector] = DETECTORS) -> dict[str, str]:
    """What each detector is: the first line of its docstring."""
    return {name: (detect.__doc__ or "").partition("\n")[0] for name, detect in detectors.items()}


def score(detect: Detector, train: Rows, rows: Rows, seed: int) -> Scored:
    """Scores of `rows` by a detector that learns from `train`; rows that are not finite are left out of both.

    Raises ValueError when no row of `train` is left.
    """
    good_train, good = finite(train), finite(rows)
    if not good_train.any():
        raise ValueError(f"none of {len(train)} rows to learn from is finite")
    scores = np.full(len(rows), np.nan)
    if good.any():
        scores[good] = detect(train[good_train], rows[good], seed)
    return Scored(scores, int(np.count_nonzero(~good)), int(np.count_nonzero(~good_train)))


def finite(rows: Rows) -> npt.NDArray[np.bool_]:
    """Which rows have no value that is NaN or infinite, (n,)."""
    return np.asarray(np.isfinite(rows).all(axis=1))
