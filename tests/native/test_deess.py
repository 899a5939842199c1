"""The de-esser: transparent below its threshold, and what it does above."""

from __future__ import annotations

import numpy as np
import pytest

from .reference import db, deessed, error_db, filtered, rbj, speech

RATES = [44100, 48000, 96000, 192000]
DEESS = {"enabled": 1, "frequency_hz": 6000, "threshold_db": -30, "ratio": 4, "range_db": 12}


def tone(hz: float, peak_db: float, seconds: float, rate: int) -> np.ndarray:
    wave = db(peak_db) * np.sin(2 * np.pi * hz / rate * np.arange(round(seconds * rate)))
    return np.stack([wave, wave], axis=1).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_it_is_the_reference(engine, rate):
    on, signal = engine(rate), speech(rate, 1)
    on.settings.deess = DEESS | {"threshold_db": -40}
    reference = deessed(signal.astype(float), rate, on.settings.deess)
    assert np.abs(reference - signal).max() > 0.2
    assert error_db(on.run(signal), reference) < -120


@pytest.mark.parametrize("rate", RATES)
def test_below_its_threshold_it_is_exactly_transparent(engine, rate):
    on, signal = engine(rate), speech(rate, 0.5)
    on.settings.deess = DEESS
    detector = filtered(rbj("highpass", rate, 6000, np.sqrt(0.5)), signal.astype(float))
    signal *= np.float32(db(-30) / np.abs(detector).max() * 0.999)
    assert np.abs(signal).max() > 0.01
    assert (on.run(signal) == signal).all()


@pytest.mark.parametrize("rate", RATES)
def test_a_vowel_passes_at_any_level(engine, rate):
    on, signal = engine(rate), tone(300, 0, 0.3, rate)
    on.settings.deess = DEESS
    assert (on.run(signal)[rate // 10 :] == signal[rate // 10 :]).all()  # after the detector's onset


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channel", [0, 1])
def test_a_hiss_is_turned_down_in_both_channels_by_what_the_louder_one_needs(engine, rate, channel):
    """Measured at fs/4, where four samples a period show the peak: there is hardly ripple on the gain."""
    on = engine(rate)
    on.settings.deess = DEESS | {"ratio": 2, "range_db": 24, "frequency_hz": 2000}
    signal = tone(rate / 4, -10, 0.5, rate)
    signal[:, 1 - channel] /= 8
    out = on.run(signal)[-rate // 10 :]
    heard = 20 * np.log10(np.abs(out).max(axis=0) / np.abs(signal).max(axis=0))
    assert heard[0] == pytest.approx(heard[1], abs=1e-4)
    assert -10 < heard[0] < -7  # half of 20 dB at the peaks, and a little less for the zeros between


@pytest.mark.parametrize("rate", RATES)
def test_it_turns_down_by_no_more_than_its_range(engine, rate):
    on = engine(rate)
    on.settings.deess = DEESS | {"threshold_db": -60, "ratio": 20, "range_db": 6, "frequency_hz": 2000}
    signal = tone(0.35 * rate, 0, 0.5, rate)
    out = on.run(signal)[-rate // 10 :]
    heard = 20 * np.log10(np.abs(out).max() / np.abs(signal).max())
    assert -6.01 < heard < -5.5
