"""What a person can check of something unusual: which features, how they are, and how they usually are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ag06_plugins.anomaly.statistics.baseline import Verdict
from ag06_plugins.anomaly.statistics.watched import Watched
from ag06d.anomaly import SERIES_DETECTORS

SHOWN: Final = 3  # features

Values = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The feature that shows it best, its channel, how many deviations it is away, and all details."""

    feature: str
    channel: str
    deviations: float
    details: Mapping[str, float | str]


def evidence_of(
    anomaly: str, key: tuple[str, str], row: Values, verdict: Verdict, watched: Sequence[Watched]
) -> Evidence:
    """Of a second `row` of `watched`, whose `key` is the preset and what is heard.

    `anomaly` is point, shown by the features whose values are the least likely, or collective: by those that
    were away the farthest on average. The forest does not tell features apart: they are those away the
    farthest.
    """
    chances = np.nan_to_num(verdict.series, nan=0.0)
    away = np.abs(verdict.deviations if anomaly == "point" else verdict.lean)
    by_forest = anomaly == "point" and verdict.is_by_forest
    by_chance = anomaly == "point" and not by_forest
    order = np.argsort(chances.min(axis=1) if by_chance else -away, kind="stable")[:SHOWN]
    best = int(order[0])
    details: dict[str, float | str] = {
        "anomaly": anomaly,
        "heard": key[1],
        "context": key[0],
        "by": "forest" if by_forest else SERIES_DETECTORS[int(chances[best].argmin())],
        "deviations": round(float(away[best]), 1),
    }
    for index in order:
        unit, (mean, deviation) = watched[index].unit, verdict.usual[index, :2]
        usual = f"{_told(mean, unit)} +- {_told(deviation, unit)}"
        details[_name(watched[index])] = f"{_told(row[index], unit)}; usual {usual}"
    return Evidence(watched[best].feature, watched[best].channel, float(away.max()), details)


def season_evidence(watched: Sequence[Watched], values: Values, deviations: Values) -> Evidence:
    """Of an hour that is not like this hour of other weeks."""
    best = int(np.nan_to_num(deviations).argmax()) if len(deviations) else 0
    series = watched[best]
    details: dict[str, float | str] = {"anomaly": "seasonal"}
    away = float(np.nan_to_num(deviations[best]))
    details |= {"deviations": round(away, 1), series.column: _told(values[best], series.unit)}
    return Evidence(series.feature, series.channel, away, details)


def _name(series: Watched) -> str:
    return f"{series.column} beside {series.beside}" if series.beside else series.column


def _told(value: float, unit: str) -> str:
    if math.isnan(value):
        return "unknown"
    return f"{value:.3g} {unit}".strip()
