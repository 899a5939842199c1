from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ag06_plugins.anomaly.statistics.calibration import Calibration, CalibrationSettings
from ag06d.anomaly import SERIES_DETECTORS, SeriesDetectors

TRAIN, HELD, SERIES = 12_000, 12_000, 8


def student(generator, shape):
    return generator.standard_t(3, shape), np.sqrt(3)


def autocorrelated(generator, shape):
    rows = generator.normal(0, 1, shape)
    rows[0] /= np.sqrt(1 - 0.81)
    for at in range(1, len(rows)):
        rows[at] += 0.9 * rows[at - 1]
    return rows, 1 / np.sqrt(1 - 0.81)


def drifting(generator, shape):
    walk = np.cumsum(generator.normal(0, 0.01, shape), axis=0)
    return generator.normal(0, 1, shape) + walk + np.linspace(0, 20, shape[0])[:, None], 1.0


KINDS = {
    "gaussian": lambda generator, shape: (generator.normal(0, 1, shape), 1.0),
    "student": student,
    "autocorrelated": autocorrelated,
    "drifting": drifting,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_rate_of_one_per_cent_holds_on_held_back_rows_and_six_sigma_are_found(kind):
    generator = np.random.default_rng(list(KINDS).index(kind))
    values, sigma = KINDS[kind](generator, (TRAIN + HELD, SERIES))
    rows = values.astype(np.float32)
    detectors = SeriesDetectors(1e-3, series=SERIES)
    calibration = Calibration(SERIES * len(SERIES_DETECTORS), CalibrationSettings(rate=0.01))
    raised, found = [], []
    for at, row in enumerate(rows):
        if at >= TRAIN and at % 16 == 0:
            middle = detectors.usual()[:, 2]  # a value that is 6 sigma away from it, on either side
            spike = (middle + np.where(generator.random(SERIES) < 0.5, -6, 6) * sigma).astype(np.float32)
            found.append(calibration.is_alarm(calibration.log_p(detectors.score_one(spike).ravel())))
        _, alarms = calibration.push(detectors.push(row).ravel())
        if at >= TRAIN:
            raised.append(alarms)
    rates = np.mean(raised, axis=0).reshape(SERIES, -1)
    assert (rates.mean(axis=0) > 0.0075).all()
    assert (rates.mean(axis=0) < 0.0125).all()
    assert (rates > 0.005).all()
    assert (rates < 0.015).all()
    assert (np.mean(found, axis=0).reshape(SERIES, -1).mean(axis=0) >= 0.995).all()


def learned(scores: np.ndarray, **given: float) -> Calibration:
    made = Calibration(scores.shape[1], CalibrationSettings(**{"step": 0, **given}))
    for row in scores.astype(np.float32):
        made.learn(row)
    made.refresh()
    return made


def test_chances_are_those_of_the_distribution_into_the_tail_that_was_never_seen():
    generator = np.random.default_rng(0)
    exponential, heavy = generator.exponential(1, (20_000, 6)), np.abs(generator.standard_t(3, (20_000, 6)))
    made = learned(np.concatenate([exponential, heavy], axis=1), memory_rows=1e9)
    for score, factor in ((1.0, 1.1), (3.0, 1.1), (6.0, 1.3), (14.0, 3.0)):  # the last one in a million
        p = made.p(np.full(12, score, np.float32))[:6]
        assert np.exp(-score) / factor < np.exp(np.log(p).mean()) < np.exp(-score) * factor
    t3_beyond = {4.0: 0.02801, 10.0: 2.128e-3, 60.0: 1.0183e-5}  # two-sided, of Student's t with 3 df
    for score, wanted in t3_beyond.items():
        p = made.p(np.full(12, score, np.float32))[6:]
        assert 0.5 * wanted < np.exp(np.log(p).mean()) < 2 * wanted


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 2.0**20, width=32), min_size=1, max_size=30),
    st.integers(1, 20),
    st.lists(st.floats(0, 2.0**99, width=32), min_size=2, max_size=30),
)
def test_a_chance_falls_as_scores_rise_and_is_never_nothing(pattern, repeats, asked):
    made = learned(np.array(pattern * repeats)[:, None], least_rows=1)
    p = made.p(np.sort(np.array(asked, np.float32))[:, None])[:, 0]
    assert (np.diff(p) <= 0).all()
    assert (p > 0).all()
    assert (p <= 1).all()


def test_a_threshold_is_the_score_whose_chance_is_the_rate():
    made = learned(np.random.default_rng(0).exponential(1, (5000, 3)))
    for rate in (0.3, 0.01, 1e-5):
        thresholds = made.threshold(rate)
        np.testing.assert_allclose(made.p(thresholds.astype(np.float32)), rate, rtol=0.02)
    assert (made.threshold(0.01) < made.threshold(0.001)).all()


def test_nothing_is_said_before_enough_was_seen_or_of_no_number():
    made = Calibration(2, CalibrationSettings(least_rows=50))
    for row in np.random.default_rng(0).exponential(1, (200, 2)).astype(np.float32):
        row[1] = np.nan
        made.push(row)
    assert made.p(np.array([3, 3], np.float32))[0] < 1
    assert np.isnan(made.log_p(np.array([np.nan, 3], np.float32))).all()
    assert np.isnan(made.threshold()[1])
    assert not made.is_alarm(made.log_p(np.array([np.nan, 3], np.float32))).any()
    assert list(made.seen) == [200, 0]


def test_what_is_old_fades():
    generator = np.random.default_rng(0)
    made = learned(
        np.concatenate([generator.exponential(10, (3000, 1)), generator.exponential(1, (3000, 1))]),
        memory_rows=500.0,
    )
    assert made.threshold(0.01)[0] < 8
    assert learned(generator.exponential(10, (3000, 1))).threshold(0.01)[0] > 30


def test_the_rate_holds_although_scores_become_ten_times_as_large():
    generator = np.random.default_rng(0)
    made = Calibration(4, CalibrationSettings(rate=0.01))
    frozen = Calibration(4, CalibrationSettings(rate=0.01, step=0))
    counted = {made: 0.0, frozen: 0.0}
    for at in range(24_000):
        row = (generator.exponential(1, 4) * 10 ** (at / 24_000)).astype(np.float32)
        for calibration in counted:
            counted[calibration] += calibration.push(row)[1].sum() / 4 / 24_000
    assert 0.005 < counted[made] < 0.015
    assert counted[frozen] > 0.015


def test_a_state_goes_on_where_it_was_and_what_is_none_is_refused_whole():
    scores = np.random.default_rng(0).exponential(1, (3000, 2)).astype(np.float32)
    one, two = (Calibration(2, CalibrationSettings(rate=0.01)) for _ in range(2))
    for row in scores:
        one.push(row)
    two.restore(one.state())
    np.testing.assert_allclose(one.threshold(), two.threshold(), rtol=1e-4)
    before = two.threshold()
    state = one.state()
    for wrong in (
        {"seen": np.array([1.0])},
        {"histograms": np.full_like(state["histograms"], np.nan)},
        {"histograms": -state["histograms"] - 1},
    ):
        with pytest.raises(ValueError, match=r"they are to be|are to be counts"):
            two.restore({**state, **wrong})
    with pytest.raises(KeyError):
        two.restore({})
    np.testing.assert_array_equal(before, two.threshold())
