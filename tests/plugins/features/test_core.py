from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

from ag06_plugins.features.core import FEATURES, OCTAVES_HZ, TINY, Extractor, FeatureConfig, Octaves

RATE, HOP = 48000, 480
NAMES = [feature.name for feature in FEATURES]
RATES = [44100, 48000, 96000]


def extract(sound: np.ndarray, rate: int = RATE, hop: int = HOP, **config) -> dict[str, np.ndarray]:
    """Each feature's values, of shape (hops, 2), for `sound` of shape (frames,) or (frames, 2)."""
    stereo = np.repeat(sound[:, None], 2, axis=1) if sound.ndim == 1 else sound
    extractor = Extractor(rate, hop, FeatureConfig(**config))
    starts = range(0, len(stereo) - hop + 1, hop)
    vectors = [extractor.extract(stereo[start : start + hop].astype(np.float32)) for start in starts]
    table = np.array(vectors).reshape(len(vectors), 2, len(FEATURES))
    return {name: table[:, :, index] for index, name in enumerate(NAMES)}


def sine(frequency_hz: float, seconds: float = 0.5, rate: int = RATE, peak: float = 0.5) -> np.ndarray:
    return peak * np.sin(2 * np.pi * frequency_hz * np.arange(round(rate * seconds)) / rate)


def noise(seconds: float = 1.0, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(RATE * seconds))


def settled(values: np.ndarray) -> np.ndarray:
    """Of the hops whose window is full."""
    return values[4096 // HOP + 2 :]


def reference(sound: np.ndarray, hops: int, rate: int, rolloff: float) -> dict[str, np.ndarray]:
    """One channel, hop by hop, each feature by its definition; the past before the sound is silence."""
    window = Extractor(rate, HOP, FeatureConfig()).window
    padded = np.concatenate([np.zeros(window), sound.astype(np.float32).astype(float)])
    hann = signal.get_window("hann", window)
    hertz = np.arange(window // 2 + 1) * rate / window
    rows, before = [], np.zeros(window // 2 + 1)
    for number in range(1, hops + 1):
        end = window + number * HOP
        hop = padded[end - HOP : end]
        magnitude = np.abs(np.fft.fft(hann * padded[end - window : end])[: window // 2 + 1])
        power = magnitude**2
        share = magnitude / magnitude.sum()
        crossings = sum(
            (a >= 0) != (b >= 0) for a, b in zip(padded[end - HOP - 1 : end - 1], hop, strict=True)
        )
        rows.append(
            {
                "rms": np.linalg.norm(hop) / np.sqrt(HOP),
                "peak": max(hop.max(), -hop.min()),
                "zero_crossing_rate": crossings * rate / HOP,
                "spectral_centroid": np.average(hertz, weights=magnitude),
                "spectral_rolloff": hertz[np.searchsorted(np.cumsum(power), rolloff * power.sum())],
                "spectral_flatness": stats.gmean(power + TINY) / (power.mean() + TINY),
                "spectral_flux": np.sqrt((np.clip(share - before, 0, None) ** 2).sum()),
            }
        )
        before = share
    return {name: np.array([row[name] for row in rows]) for name in NAMES}


@given(
    seed=st.integers(0, 2**32 - 1),
    rate=st.sampled_from(RATES),
    rolloff=st.floats(0.05, 0.95),
    colour=st.floats(-0.98, 0.98),
    gain=st.floats(1e-3, 1),
)
@settings(max_examples=20)
def test_every_feature_is_its_definition(seed, rate, rolloff, colour, gain):
    random = np.random.default_rng(seed)
    hops = 8
    white = random.standard_normal((hops * HOP, 2))
    sound = gain * 0.1 * signal.lfilter([1], [1, -colour], white, axis=0)
    found = extract(sound, rate, rolloff=rolloff)
    for channel in range(2):
        expected = reference(sound[:, channel], hops, rate, rolloff)
        for name in NAMES:
            got, wanted = found[name][:, channel], expected[name]
            if name == "spectral_rolloff":  # sums in another order may cross the threshold a bin apart
                assert np.abs(got - wanted).max() <= 1.01 * rate / 2048
            else:
                np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency_hz", [200, 1000, 5000, 12000])
def test_a_sine_has_its_frequency_for_centroid_and_rolloff(rate, frequency_hz):
    found = extract(sine(frequency_hz, rate=rate), rate)
    bin_hz = rate / Extractor(rate, HOP, FeatureConfig()).window
    assert np.abs(settled(found["spectral_centroid"]) - frequency_hz).max() < bin_hz
    assert np.abs(settled(found["spectral_rolloff"]) - frequency_hz).max() <= 2 * bin_hz


@pytest.mark.parametrize("frequency_hz", [100, 440, 997, 8000])
def test_a_sine_crosses_zero_twice_a_period(frequency_hz):
    rate = extract(sine(frequency_hz, 1.0))["zero_crossing_rate"]
    assert rate.mean() == pytest.approx(2 * frequency_hz, rel=0.01)


def test_a_sine_has_peak_and_rms_of_its_amplitude():
    found = extract(sine(1000, peak=0.8))
    np.testing.assert_allclose(found["peak"], 0.8, rtol=1e-6)
    np.testing.assert_allclose(found["rms"], 0.8 / np.sqrt(2), rtol=1e-6)


def test_noise_is_flat_and_a_tone_is_not():
    flat = settled(extract(noise())["spectral_flatness"])
    # The power of Gaussian noise is exponential: its geometric mean is exp(-gamma) of its mean.
    assert flat.mean() == pytest.approx(np.exp(-np.euler_gamma), abs=0.03)
    assert settled(extract(sine(1000))["spectral_flatness"]).max() < 1e-3
    assert settled(extract(noise())["spectral_centroid"]).mean() == pytest.approx(RATE / 4, rel=0.02)


def test_flux_is_nothing_while_a_tone_lasts_and_something_when_it_changes():
    found = extract(np.concatenate([sine(1000), sine(3000)]))["spectral_flux"]
    change = round(0.5 * RATE / HOP)
    assert settled(found[:change]).max() < 1e-6
    assert found[change : change + 4].max() > 0.1
    assert found[change + 8 :].max() < 1e-6


def test_flux_does_not_depend_on_loudness():
    np.testing.assert_allclose(
        extract(noise())["spectral_flux"], extract(0.01 * noise())["spectral_flux"], rtol=1e-4
    )


def test_silence_has_finite_features():
    found = extract(np.zeros(20 * HOP))
    for name in NAMES:
        expected = 1.0 if name == "spectral_flatness" else 0.0
        np.testing.assert_allclose(found[name], expected, atol=1e-9, err_msg=name)


def test_the_channels_know_nothing_of_each_other():
    left, right = noise(seed=1), sine(700, 1.0)
    both = extract(np.stack([left, right], axis=1))
    for name in NAMES:
        np.testing.assert_array_equal(both[name][:, 0], extract(left)[name][:, 0])
        np.testing.assert_array_equal(both[name][:, 1], extract(right)[name][:, 1])


def test_after_a_reset_nothing_of_the_past_is_left():
    used, fresh = (Extractor(RATE, HOP, FeatureConfig()) for _ in range(2))
    hops = np.repeat(noise()[:, None], 2, axis=1).astype(np.float32).reshape(-1, HOP, 2)
    for hop in hops[:10]:
        used.extract(hop)
    used.reset()
    for hop in hops[10:20]:
        np.testing.assert_array_equal(used.extract(hop), fresh.extract(hop))


@pytest.mark.parametrize("rate", [44100, 48000, 88200, 96000, 176400, 192000])
def test_the_window_lasts_about_as_long_at_every_rate(rate):
    seconds = Extractor(rate, rate // 100, FeatureConfig()).window / rate
    assert 0.03 < seconds < 0.06


@pytest.mark.parametrize("rolloff", [0, 1, -0.5, 2, float("nan"), "x"])
def test_a_share_that_is_none_is_refused(rolloff):
    with pytest.raises(ValueError, match="rolloff"):
        FeatureConfig(rolloff=rolloff)


def octaves(sound: np.ndarray, rate: int) -> np.ndarray:
    """The levels at every reading, of shape (readings, 10), of a mono sound."""
    bands, hop = Octaves(rate, streams=1), rate // 100
    stereo = np.repeat(sound[:, None], 2, axis=1).astype(np.float32)
    readings = [bands.take(stereo[start : start + hop]) for start in range(0, len(stereo) - hop + 1, hop)]
    return np.array([reading[:10] for reading in readings if reading is not None])


@pytest.mark.parametrize("rate", RATES)
def test_octaves_of_white_noise_hold_what_octave_filters_of_scipy_let_through(rate):
    noise = 0.1 * np.random.default_rng(1).standard_normal(20 * rate)
    measured = 10 * np.log10(np.mean(10 ** (octaves(noise, rate)[10:] / 10), axis=0))
    exact = 1000 * 10 ** (0.3 * np.arange(-5, 5))
    for level, centre in zip(measured[2:], exact[2:], strict=True):
        edges = (centre / 10**0.15, min(centre * 10**0.15, 0.4999 * rate))
        filtered = signal.sosfilt(signal.butter(12, edges, "band", fs=rate, output="sos"), noise)
        assert level == pytest.approx(10 * np.log10(np.mean(filtered[rate:] ** 2)), abs=0.5), centre


@pytest.mark.parametrize("band", range(10))
def test_a_tone_at_a_centre_stands_in_its_octave_alone(band):
    levels = octaves(sine(1000 * 10 ** (0.3 * (band - 5)), seconds=0.5), RATE)[-1]
    assert levels[band] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.2)
    assert max(np.delete(levels, band)) < levels[band] - (14 if band < 2 else 50)


def test_octaves_above_half_the_rate_and_in_silence_are_silent():
    assert octaves(sine(1000, rate=16000), 16000)[-1][OCTAVES_HZ.index(16000)] == -200
    assert octaves(np.zeros(RATE), RATE).max() == -200
