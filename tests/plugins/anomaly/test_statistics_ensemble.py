from __future__ import annotations

import math

import numpy as np
import pytest

from ag06_plugins.anomaly.statistics.calibration import CalibrationSettings
from ag06_plugins.anomaly.statistics.collective import Runs
from ag06_plugins.anomaly.statistics.ensemble import Ensemble, combined, score_of


def uniform(generator, correlation: float, rows: int = 20_000, detectors: int = 8) -> np.ndarray:
    """Chances of no anomaly, of detectors that depend on each other."""
    common = generator.normal(0, 1, (rows, 1))
    own = generator.normal(0, 1, (rows, detectors))
    z = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    return np.array([[math.erfc(value / math.sqrt(2)) / 2 for value in row] for row in z])


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.95])
def test_combined_chances_hold_whatever_detectors_depend_on_each_other(correlation):
    p = uniform(np.random.default_rng(1), correlation)
    found = np.exp([combined(np.log(row)) for row in p])
    assert np.mean(found <= 0.01) == pytest.approx(0.01, rel=0.25)


def test_one_small_chance_among_many_large_ones_is_kept_in_proportion():
    for p in (1e-3, 1e-8, 1e-60):
        logs = np.log(np.array([p, *[0.6] * 9]))
        assert combined(logs) == pytest.approx(math.log(10 * p), abs=0.05)
    assert combined(np.full(5, -1e6)) < -200
    assert combined(np.array([math.log(1e-6), *[0.0] * 9])) == pytest.approx(math.log(1e-5), abs=0.1)


def test_what_says_nothing_is_left_out_and_weights_count():
    assert combined(np.log([1e-4, np.nan])) == pytest.approx(math.log(1e-4), abs=1e-3)
    assert math.isnan(combined(np.array([np.nan])))
    assert math.isnan(score_of(math.nan))
    assert combined(np.log([1e-4, 0.5]), np.array([1.0, 0.0])) == pytest.approx(math.log(1e-4), abs=1e-3)


def test_an_ensemble_is_calibrated_in_its_turn():
    generator = np.random.default_rng(2)
    made = Ensemble(("a", "b"), settings=CalibrationSettings(rate=0.02))
    raised = 0
    for at in range(20_000):
        p = generator.random(2) ** 2  # smaller than chances should be
        _, alarm = made.push({"a": math.log(p[0]), "b": math.log(p[1])})
        raised += alarm * (at >= 5000)
    assert raised / 15_000 == pytest.approx(0.02, rel=0.2)
    assert made.push({"a": -40.0})[1]
    with pytest.raises(ValueError, match="'c'"):
        Ensemble(("a", "b"), {"c": 1.0})


def usual_runs(generator) -> Runs:
    runs = Runs(12, (10, 60), CalibrationSettings(least_rows=200, step=0))
    for _ in range(6000):
        found = runs.push(generator.normal(0, 1, 12).astype(np.float32))
    assert min(found) > math.log(1e-4)
    return runs


def test_a_run_is_odd_as_a_whole_although_no_row_of_it_is():
    generator = np.random.default_rng(3)
    runs = usual_runs(generator)
    lean = np.where(np.arange(12) == 4, 1.5, 0)
    for _ in range(60):
        odd = runs.push((generator.normal(0, 1, 12) + lean).astype(np.float32))
    assert odd[1] < math.log(1e-5)
    assert np.abs(runs.means[1]).argmax() == 4
    assert runs.means[1][4] == pytest.approx(1.5, abs=0.5)


def test_a_single_row_however_odd_is_no_run():
    runs = usual_runs(np.random.default_rng(4))
    assert min(runs.push(np.full(12, 1e20, np.float32))) > math.log(1e-5)


def test_a_run_begins_afresh_after_a_gap():
    generator = np.random.default_rng(5)
    runs = usual_runs(generator)
    for _ in range(40):
        runs.push(np.full(12, 3, np.float32))
    runs.reset()
    for _ in range(9):
        assert np.isnan(runs.push(np.zeros(12, np.float32))).all()
    short, long = runs.push(np.zeros(12, np.float32))
    assert short == 0
    assert math.isnan(long)
