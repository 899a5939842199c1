from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ag06d.anomaly import SERIES_DETECTORS, SeriesDetectors, SeriesSettings

GAUSSIAN = 1.4826
VALUES = st.one_of(
    st.floats(-50, 50, width=32), st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf, 1e30, 3e38, 1e-40])
)


class Naive:
    """The definitions of ag06_series.h for one series, the whole window looked at for each row."""

    def __init__(self, resolution: float, of: SeriesSettings) -> None:
        self.resolution, self.of = resolution, of
        self.begin()

    def begin(self) -> None:
        self.window = [np.nan] * self.of.window
        self.power, self.product = 16 / self.of.window, 0.0
        self.follows = self.drift = self.before = self.ewma = self.above = self.below = 0.0
        self.beyond, self.skipped = 0, False

    def usual(self):
        there = np.array([value for value in self.window if not np.isnan(value)])
        if len(there) < self.of.least:
            return None
        middle = np.sort(there)[(len(there) - 1) // 2]
        away = np.sort(np.abs(there - middle))[(len(there) - 1) // 2]
        return there.mean(), max(there.std(), self.resolution), middle, max(GAUSSIAN * away, self.resolution)

    def push(self, value: float) -> list[float]:
        of, usual = self.of, self.usual()
        self.window.pop(0)
        if not abs(value) <= 1e30:
            self.before *= self.follows
            self.window.append(np.nan)
            return [np.nan] * 4
        if usual is None:
            self.window.append(value)
            return [np.nan] * 4
        mean, deviation, middle, spread = usual
        u = (value - mean) / deviation
        residual = (u - self.follows * self.before) / np.sqrt(1 - self.follows**2) - self.drift
        taken = np.clip(residual, -of.limit, of.limit)
        self.ewma += of.weight * (taken - self.ewma)
        self.above = max(0, self.above + taken - of.slack)
        self.below = max(0, self.below - taken - of.slack)
        scores = [
            abs(u),
            abs(value - middle) / spread,
            max(abs(residual), abs(self.ewma) * np.sqrt((2 - of.weight) / of.weight)),
            max(abs(residual), 0.6 * max(self.above, self.below)),
        ]
        self.above, self.below = min(self.above, 20), min(self.below, 20)
        if abs(residual) > of.limit:
            self.before = u if self.skipped else self.follows * self.before
            self.skipped = True
        else:
            self.skipped = False
            self.drift += residual * 8 / (of.window + 8)
            self.power += (u * u - self.power) / of.window
            self.product += (u * self.before - self.product) / of.window
            self.before = u
            self.follows = float(np.clip(self.product / self.power, -0.98, 0.98))
        side = int(u > of.limit) - int(u < -of.limit)
        self.beyond = self.beyond + side if side * self.beyond > 0 else side
        if not side:
            self.window.append(value)
        elif abs(self.beyond) < of.patience:
            self.window.append(np.nan)
        else:
            self.begin()
            self.window[-1] = value
        return scores


def compare(rows: np.ndarray, of: SeriesSettings, resolution: float = 1e-3) -> None:
    found = SeriesDetectors(resolution, of, series=rows.shape[1]).score(rows)
    for column, scores in zip(rows.T, found.transpose(1, 0, 2), strict=True):
        naive = Naive(resolution, of)
        wanted = np.array([naive.push(float(value)) for value in column])
        assert (np.isnan(scores) == np.isnan(wanted)).all()
        there = ~np.isnan(wanted[:, 0])
        found_there, wanted_there = scores[there], wanted[there]
        exact = [0, 2, 3]
        np.testing.assert_allclose(found_there[:, exact], wanted_there[:, exact], rtol=1e-3, atol=2e-3)
        off = np.abs(found_there[:, 1] - wanted_there[:, 1])
        assert (off <= 0.1 + 0.12 * wanted_there[:, 1]).all()


def test_the_scores_are_those_of_the_definitions():
    generator = np.random.default_rng(3)
    gaussian = generator.normal(5, 2, 900)
    follows = np.zeros(900)
    for at in range(1, 900):
        follows[at] = 0.9 * follows[at - 1] + generator.normal()
    spikes = np.where(np.arange(900) % 50 == 49, 60, generator.normal(0, 1, 900))
    shift = generator.normal(0, 1, 900) + np.where(np.arange(900) > 500, 30, 0)
    holes = np.where(generator.random(900) < 0.3, np.nan, generator.normal(-70, 3, 900))
    rows = np.stack([gaussian, follows, spikes, shift, holes], axis=1).astype(np.float32)
    compare(rows, SeriesSettings(window=200, least=40, patience=25))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(VALUES, min_size=1, max_size=60),
    st.integers(1, 4),
    st.integers(20, 60),
    st.integers(0, 2**32),
)
def test_whatever_comes_scores_are_numbers_or_nan_and_later_rows_are_scored_again(
    pattern, repeats, window, seed
):
    of = SeriesSettings(window=window, least=3, patience=window)
    detectors = SeriesDetectors(1e-3, of, series=1)
    rows = np.array(pattern * repeats, dtype=np.float32)[:, None]
    scores = detectors.score(rows)[:, 0]
    there = np.isfinite(rows[:, 0]) & (np.abs(rows[:, 0]) <= np.float32(1e30))
    assert np.isnan(scores[~there]).all()
    assert ((scores >= 0) & (scores <= 1e30) | np.isnan(scores)).all()
    assert detectors.counts.left_out == (~there).sum()
    usual = np.random.default_rng(seed).normal(0, 1, (6 * window, 1)).astype(np.float32)
    assert np.isfinite(detectors.score(usual)[-window:]).mean() > 0.9


def test_a_row_is_scored_before_it_is_learned_and_not_by_scoring_alone():
    rows = np.random.default_rng(0).normal(0, 1, (500, 4)).astype(np.float32)
    one, two = (SeriesDetectors(1e-3, series=4) for _ in range(2))
    for row in rows:
        scored = one.score_one(row)
        assert (scored == one.score_one(row))[~np.isnan(scored)].all()
        one.learn_one(row)
        np.testing.assert_array_equal(scored, two.push(row))
    np.testing.assert_array_equal(SeriesDetectors(1e-3, series=4).score(rows)[-1], scored)


def test_a_gap_ends_runs_and_keeps_what_is_usual():
    rows = np.random.default_rng(0).normal(0, 1, (800, 1)).astype(np.float32)
    detectors = SeriesDetectors(1e-3, series=1)
    detectors.score(rows)
    for _ in range(10):
        detectors.push(np.array([2.5], np.float32))
    before, usual = detectors.score_one(rows[0]), detectors.usual()
    detectors.gap()
    after = detectors.score_one(rows[0])
    assert (before[0, :2] == after[0, :2]).all()
    assert (after[0, 2:] < before[0, 2:]).all()
    np.testing.assert_array_equal(usual, detectors.usual())
    detectors.reset()
    assert np.isnan(detectors.usual()).all()


def test_a_window_learned_by_another_tells_the_same():
    rows = np.random.default_rng(0).normal(0, 1, (2000, 3)).astype(np.float32)
    rows[::7, 1] = np.nan
    one, two = (SeriesDetectors(1e-3, series=3) for _ in range(2))
    one.score(rows)
    for row in one.window():
        two.learn_one(row)
    np.testing.assert_allclose(one.usual()[:, :2], two.usual()[:, :2], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(one.usual()[:, 2:], two.usual()[:, 2:], atol=0.1)


@pytest.mark.parametrize(
    "wrong", [{"window": 1}, {"least": 601}, {"patience": 0}, {"limit": 1.0}, {"weight": 0.0}, {"slack": 4.0}]
)
def test_settings_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match="detectors of 2 series"):
        SeriesDetectors(1.0, SeriesSettings(**wrong), series=2)


def test_shapes_and_resolutions_that_are_none_are_refused():
    with pytest.raises(ValueError, match="resolutions"):
        SeriesDetectors([1.0, 0.0])
    detectors = SeriesDetectors([1.0, 1.0])
    assert detectors.score(np.zeros((3, 2), np.float32)).shape == (3, 2, len(SERIES_DETECTORS))
    with pytest.raises(ValueError, match=r"a row of shape \(3,\)"):
        detectors.push(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match=r"rows of shape \(2, 3\)"):
        detectors.score(np.zeros((2, 3), np.float32))
