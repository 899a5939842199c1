"""High-pass and equaliser against scipy's filters with the Audio EQ Cookbook's coefficients."""

from __future__ import annotations

import pytest

from .reference import error_db, filtered, highpass, noise, rbj

RATES = [44100, 48000, 96000, 192000]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("slope_db", [12, 24])
@pytest.mark.parametrize("frequency_hz", [10, 20, 80, 400])
def test_the_highpass_is_a_butterworth(engine, rate, slope_db, frequency_hz):
    on, signal = engine(rate), noise(rate // 4)
    on.settings.highpass = {"enabled": 1, "slope_db": slope_db, "frequency_hz": frequency_hz}
    assert error_db(on.run(signal), highpass(signal.astype(float), rate, on.settings.highpass)) < -120


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("band", "settings"),
    [
        ("low", {"frequency_hz": 40, "gain_db": 9, "q": 0.7071}),
        ("low", {"frequency_hz": 250, "gain_db": -12, "q": 0.5}),
        ("peak1", {"frequency_hz": 30, "gain_db": -12, "q": 8}),
        ("peak1", {"frequency_hz": 400, "gain_db": 6, "q": 1.4}),
        ("peak2", {"frequency_hz": 3000, "gain_db": -9, "q": 0.7}),
        ("peak2", {"frequency_hz": 18000, "gain_db": 12, "q": 4}),
        ("high", {"frequency_hz": 8000, "gain_db": 6, "q": 0.7071}),
        ("high", {"frequency_hz": 2000, "gain_db": -15, "q": 0.9}),
    ],
)
def test_each_eq_band_is_the_cookbooks(engine, rate, band, settings):
    on, signal = engine(rate), noise(rate // 4)
    setattr(on.settings.eq, band, {"enabled": 1, **settings})
    section = rbj(band.rstrip("12"), rate, **settings)
    assert error_db(on.run(signal), filtered(section, signal.astype(float))) < -120


def test_a_band_that_is_switched_off_changes_no_bit(engine):
    on, signal = engine(48000), noise(4800)
    for band in ("low", "peak1", "peak2", "high"):
        setattr(on.settings.eq, band, {"enabled": 0, "frequency_hz": 1000, "gain_db": 12, "q": 2})
    on.settings.highpass = {"enabled": 0, "slope_db": 24, "frequency_hz": 400}
    assert (on.run(signal) == signal).all()
