"""One context's detectors and the forest, second by second."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ag06_plugins.anomaly.statistics.baseline import DETECTORS_OF_ROWS, LEAST_CALIBRATED, Baseline, Verdict
from ag06_plugins.anomaly.statistics.evidence import evidence_of
from ag06_plugins.anomaly.statistics.settings import StatisticsSettings
from ag06_plugins.anomaly.statistics.watched import DEFAULT
from ag06d.anomaly import IsolationForest

SERIES = len(DEFAULT)
SETTINGS = StatisticsSettings(window_s=300)
STRICT = np.zeros(len(DETECTORS_OF_ROWS), dtype=np.float32)


def ordinary(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (rows, SERIES)).astype(np.float32)


def judged(baseline: Baseline, row: np.ndarray, forest: IsolationForest | None, lenience=STRICT) -> Verdict:
    steps = baseline.judge(row, lenience, forest)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


@pytest.fixture(scope="module")
def forest() -> IsolationForest:
    return IsolationForest.fit(ordinary(2000))


def known(forest: IsolationForest | None, rows: int = 1500) -> Baseline:
    baseline = Baseline(np.full(SERIES, 0.01, np.float32), SETTINGS)
    for row in ordinary(rows, seed=1):
        judged(baseline, row, forest)
    return baseline


def test_the_chance_that_the_forest_tells_is_that_of_its_scores_until_now(forest):
    baseline = known(forest)
    told = [judged(baseline, row, forest).forest for row in ordinary(1000, seed=2)]
    assert np.mean(np.array(told) <= math.log(0.05)) == pytest.approx(0.05, abs=0.02)


def test_many_series_a_little_away_at_once_are_odd_to_the_forest_alone_and_it_is_named(forest):
    row = np.full(SERIES, 2.2, np.float32)
    alone, together = judged(known(None), row, None), judged(known(forest), row, forest)
    assert np.exp(np.nanmin(together.series)) > 1e-3
    assert together.forest < math.log(1e-4)
    assert together.row < alone.row - math.log(2)
    assert together.is_by_forest
    assert not alone.is_by_forest
    assert evidence_of("point", ("", "speech"), row, together, DEFAULT).details["by"] == "forest"
    assert evidence_of("point", ("", "speech"), row, alone, DEFAULT).details["by"] != "forest"


def test_what_one_series_shows_best_is_not_said_to_be_by_the_forest(forest):
    row = ordinary(1, seed=3)[0]
    row[4] = 12
    verdict = judged(known(forest), row, forest)
    assert not verdict.is_by_forest
    assert evidence_of("point", ("", "speech"), row, verdict, DEFAULT).feature == DEFAULT[4].feature


def test_a_second_with_a_value_that_is_no_number_has_no_chance_by_the_forest_and_the_rest_is_judged(forest):
    baseline, row = known(forest), ordinary(1, seed=3)[0]
    row[0] = np.nan
    verdict = judged(baseline, row, forest)
    assert math.isnan(verdict.forest)
    assert not math.isnan(verdict.row)
    assert not verdict.is_by_forest


def test_nothing_is_said_by_a_forest_before_enough_of_its_scores_are_known(forest):
    baseline = known(None, rows=400)
    told = [judged(baseline, row, forest).forest for row in ordinary(LEAST_CALIBRATED + 50, seed=4)]
    assert np.isnan(told[:LEAST_CALIBRATED]).all()
    assert np.isfinite(told[-1])


def test_what_scores_of_the_forest_mean_is_saved_and_restored(forest):
    before, after = known(forest), Baseline(np.full(SERIES, 0.01, np.float32), SETTINGS)
    after.restore(before.state())
    row = np.full(SERIES, 2.0, np.float32)
    assert judged(after, row, forest).forest == pytest.approx(judged(before, row, forest).forest, abs=0.05)


def test_wrong_alarms_make_the_forest_ask_for_more(forest):
    lenience = STRICT.copy()
    lenience[DETECTORS_OF_ROWS.index("forest")] = math.log(100)
    row = np.full(SERIES, 2.2, np.float32)
    strict, lenient = judged(known(forest), row, forest), judged(known(forest), row, forest, lenience)
    assert lenient.forest == pytest.approx(strict.forest + math.log(100))
    assert lenient.row > strict.row
