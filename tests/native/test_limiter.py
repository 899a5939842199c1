"""The limiter: its gain, and when it has none."""

from __future__ import annotations

import numpy as np
import pytest

from .reference import db, error_db, latency, limited, noise, speech, true_peaks

RATES = [44100, 48000, 88200, 96000, 176400, 192000]


@pytest.mark.parametrize("rate", RATES)
def test_the_delay_is_the_lookahead_and_the_reach_of_the_estimate(engine, rate):
    on, impulse = engine(rate), np.zeros((1000, 2), np.float32)
    impulse[0] = 0.5
    assert on.latency == latency(rate)
    assert (on.run(impulse) == impulse).all()  # the delay taken away, nothing moved


@pytest.mark.parametrize("rate", RATES)
def test_it_has_the_gain_of_the_reference(engine, rate):
    on, signal = engine(rate), 4 * speech(rate, 0.5)
    on.settings.limiter = {"enabled": 1, "ceiling_db": -6, "release_ms": 20}
    reference = limited(signal.astype(float), rate, on.settings.limiter)
    assert np.abs(signal).max() > 3
    assert db(-6.7) < np.abs(reference).max() <= db(-6.5) * (1 + 1e-12)
    assert error_db(on.run(signal), reference) < -120


@pytest.mark.parametrize("rate", RATES)
def test_a_peak_within_the_ceiling_passes_untouched(engine, rate):
    """White noise of this peak has true peaks below twice that."""
    on, signal = engine(rate), noise(rate // 10, peak=0.24)
    on.settings.limiter = {"enabled": 1, "ceiling_db": -6, "release_ms": 20}
    assert (on.run(signal) == signal).all()


@pytest.mark.parametrize("rate", RATES)
def test_release_lets_go_of_63_percent_in_its_time(engine, rate):
    on = engine(rate)
    on.settings.limiter = {"enabled": 1, "ceiling_db": -11.5, "release_ms": 30}
    steady = np.full((rate, 2), 0.1, np.float32)
    steady[: rate // 2] = 1
    gain = on.run(steady)[:, 0] / steady[:, 0]
    assert gain[rate // 3] == pytest.approx(db(-12) / true_peaks(np.ones((99, 2)))[50], rel=1e-4)
    on_its_way = rate // 2 + 3 * on.latency  # the loud part has left the look-ahead and its mean
    later = on_its_way + round(0.03 * rate)
    assert (1 - gain[later]) / (1 - gain[on_its_way]) == pytest.approx(np.exp(-1), rel=1e-3)


def test_the_louder_channel_turns_both_down_alike(engine):
    on, signal = engine(48000), 4 * speech(48000, 0.5)
    on.settings.limiter = {"enabled": 1, "ceiling_db": -6, "release_ms": 20}
    signal[:, 0] = signal[:, 1] / 16
    out = on.run(signal)
    assert np.abs(out[:, 0] * 16 - out[:, 1]).max() < 1e-6
