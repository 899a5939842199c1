"""The gate: threshold, hysteresis, hold, range, ratio, attack and release."""

from __future__ import annotations

import numpy as np
import pytest

from .reference import db, error_db, gated, speech

RATES = [44100, 48000, 96000, 192000]
FALL_DB_PER_S = 20 / np.log(10) / 10e-3  # of the envelope, e-fold in 10 ms
GATE = {
    "enabled": 1, "threshold_db": -40, "hysteresis_db": 6, "ratio": 20, "range_db": 30, "attack_ms": 2,
    "hold_ms": 50, "release_ms": 20,
}  # fmt: skip


def steady(level_db: float, seconds: float, rate: int) -> np.ndarray:
    return np.full((round(seconds * rate), 2), db(level_db), np.float32)


def gain_db(on, signal: np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.abs(on.run(signal)[:, 0] / signal[:, 0]))


@pytest.mark.parametrize("rate", RATES)
def test_it_is_the_reference(engine, rate):
    on, signal = engine(rate), speech(rate, 1)
    on.settings.gate = GATE | {"threshold_db": -30, "ratio": 4, "hold_ms": 20}
    silence = np.zeros((on.settled, 2))
    reference = gated(np.concatenate([silence, signal]), rate, on.settings.gate)[on.settled :]
    assert np.abs(reference - signal).max() > 0.05
    assert error_db(on.run(signal), reference) < -120


@pytest.mark.parametrize("rate", RATES)
def test_below_the_threshold_the_level_falls_by_the_ratio_to_the_range(engine, rate):
    on = engine(rate)
    on.settings.gate = GATE | {"ratio": 3, "hold_ms": 0, "attack_ms": 1, "release_ms": 5}
    for level in range(-70, -30, 3):
        expected = 0 if level >= -40 else max(2 * (level + 40), -30)
        assert gain_db(on, steady(level, 0.2, rate))[-1] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("rate", RATES)
def test_it_opens_at_the_threshold_and_begins_to_close_below_the_hysteresis(engine, rate):
    on = engine(rate)
    on.settings.gate = GATE | {"hold_ms": 1}
    levels = [-60, -40.1, -39.9, -45.9, -46.1, -39.9]
    heard = gain_db(on, np.concatenate([steady(level, 0.3, rate) for level in levels]))
    ends = [heard[round(0.3 * rate) * (n + 1) - 1] for n in range(len(levels))]
    assert ends == pytest.approx([-30, -1.9, 0, 0, -30, 0], abs=1e-3)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hold_ms", [0, 30, 500])
def test_it_stays_open_for_the_hold_time(engine, rate, hold_ms):
    on = engine(rate)
    on.settings.gate = GATE | {"hold_ms": hold_ms}
    loud = round(0.1 * rate)
    heard = gain_db(on, np.concatenate([steady(-30, 0.1, rate), steady(-80, 1, rate)]))
    first_closing = np.flatnonzero(heard[loud:] < -0.001)[0]
    fall_s = 16 / FALL_DB_PER_S  # from -30 to -46 dB
    assert first_closing == pytest.approx((fall_s + hold_ms / 1000) * rate, abs=3)


@pytest.mark.parametrize("rate", RATES)
def test_attack_and_release_cover_63_percent_of_the_way_in_their_time(engine, rate):
    on = engine(rate)
    on.settings.gate = GATE | {"hold_ms": 0}
    parts = [steady(-80, 0.5, rate), steady(-20, 0.5, rate), steady(-80, 1, rate)]
    heard = gain_db(on, np.concatenate(parts))
    opened = round(0.5 * rate)
    assert heard[opened - 1] == pytest.approx(-30, abs=1e-3)
    assert heard[opened + round(0.002 * rate) - 1] == pytest.approx(-30 * np.exp(-1), abs=0.1)
    # The goal falls steeply to the range, so that the way begins where the hysteresis ends.
    closing = rate + np.flatnonzero(heard[rate:] < -0.001)[0]
    assert heard[closing + round(0.02 * rate) - 1] == pytest.approx(-30 * (1 - np.exp(-1)), abs=0.1)


def test_the_louder_channel_opens_it_for_both(engine):
    on = engine(48000)
    on.settings.gate = GATE
    signal = steady(-20, 0.2, 48000)
    signal[:, 0] *= 1e-4
    assert on.run(signal)[-1] == pytest.approx(signal[-1], rel=1e-5)


def test_open_it_is_exactly_transparent(engine):
    on, signal = engine(48000), np.tile(steady(-20, 0.1, 48000), (4, 1))
    on.settings.gate = GATE | {"attack_ms": 0.1}
    assert (on.run(signal)[-4800:] == signal[-4800:]).all()
