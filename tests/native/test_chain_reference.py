"""The chain against float64 references written from the literature, not from the C."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import sosfilt

RATES = [44100, 48000, 96000, 192000]
BUTTERWORTH = {12: [1 / np.sqrt(2)], 24: [0.5 / np.cos(np.pi / 8), 0.5 / np.cos(3 * np.pi / 8)]}


def rbj(kind: str, rate: int, frequency_hz: float, q: float, gain_db: float = 0) -> np.ndarray:
    """A second-order section by the Audio EQ Cookbook."""
    w = 2 * np.pi * frequency_hz / rate
    cos, alpha, a = np.cos(w), np.sin(w) / (2 * q), 10 ** (gain_db / 40)
    root = 2 * np.sqrt(a) * alpha
    b, c = {
        "highpass": ([(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]),
        "peak": (
            [1 + alpha * a, -2 * cos, 1 - alpha * a],
            [1 + alpha / a, -2 * cos, 1 - alpha / a],
        ),
        "low": (
            [
                a * ((a + 1) - (a - 1) * cos + root),
                2 * a * ((a - 1) - (a + 1) * cos),
                a * ((a + 1) - (a - 1) * cos - root),
            ],
            [(a + 1) + (a - 1) * cos + root, -2 * ((a - 1) + (a + 1) * cos), (a + 1) + (a - 1) * cos - root],
        ),
        "high": (
            [
                a * ((a + 1) + (a - 1) * cos + root),
                -2 * a * ((a - 1) + (a + 1) * cos),
                a * ((a + 1) + (a - 1) * cos - root),
            ],
            [(a + 1) - (a - 1) * cos + root, 2 * ((a - 1) - (a + 1) * cos), (a + 1) - (a - 1) * cos - root],
        ),
    }[kind]
    return np.array([*b, *c]) / c[0]


def db(gain_db: float) -> float:
    return 10 ** (gain_db / 20)


def error_db(ours: np.ndarray, reference: np.ndarray) -> float:
    """Largest difference, relative to the reference's peak."""
    return 20 * np.log10(np.abs(ours - reference).max() / np.abs(reference).max() + 1e-30)


def compress(frames: np.ndarray, rate: int, comp) -> np.ndarray:
    """Giannoulis, Massberg and Reiss 2012: gain computer (4), smooth branching detector (17)."""
    level = 20 * np.log10(np.maximum(np.abs(frames).max(axis=1), 1e-10))
    over = level - comp.threshold_db
    slope = 1 / comp.ratio - 1
    wanted = np.select(
        [2 * over < -comp.knee_db, 2 * np.abs(over) <= comp.knee_db],
        [0, slope * (over + comp.knee_db / 2) ** 2 / (2 * comp.knee_db)],
        slope * over,
    )
    attack, release = (np.exp(-1e3 / (ms * rate)) for ms in (comp.attack_ms, comp.release_ms))
    gain_db, state = np.empty_like(wanted), 0.0
    for n, goal in enumerate(wanted):
        keep = attack if goal < state else release
        state = keep * state + (1 - keep) * goal
        gain_db[n] = state
    return frames * 10 ** ((gain_db + comp.makeup_db) / 20)[:, None]


def limit(frames: np.ndarray, rate: int, limiter, lookahead: int) -> np.ndarray:
    """The gain needed, its minimum over lookahead + 1 frames, released, its mean over lookahead."""
    ceiling = db(limiter.ceiling_db)
    padded = np.concatenate([frames, np.zeros((lookahead, 2))])
    needed = ceiling / np.maximum(np.abs(padded).max(axis=1), ceiling)
    ahead = np.concatenate([np.ones(lookahead), needed])
    least = np.lib.stride_tricks.sliding_window_view(ahead, lookahead + 1).min(axis=1)
    keep = np.exp(-1e3 / (limiter.release_ms * rate))
    held, state = np.empty_like(least), 1.0
    for n, value in enumerate(least):
        state = min(value, 1 - (1 - state) * keep)
        held[n] = state
    rested = np.concatenate([np.ones(lookahead - 1), held])
    mean = np.convolve(rested, np.ones(lookahead) / lookahead, "valid")
    return frames * mean[lookahead:, None]


def noise(frames: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, 2)).astype(np.float32)


def speech(rate: int, seconds: float) -> np.ndarray:
    """Like speech: syllables of coloured noise and voice, with silence between, louder and softer."""
    rng = np.random.default_rng(2)
    time = np.arange(round(rate * seconds)) / rate
    loudness = 10 ** rng.uniform(-1.5, 0, 8)[(time * 3.1).astype(int) % 8]
    syllable = loudness * np.clip(np.sin(2 * np.pi * 3.1 * time), 0, 1) ** 0.5
    voice = sum(np.sin(2 * np.pi * 131 * k * time + k) / k for k in range(1, 20))
    breath = sosfilt([rbj("high", rate, 2500, 0.7, 18)], rng.normal(0, 0.03, len(time)))
    mono = syllable * (0.3 * voice + breath)
    mono *= 0.8 / np.abs(mono).max()
    return np.stack([mono, 0.6 * np.roll(mono, 9)], axis=1).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("slope_db", [12, 24])
@pytest.mark.parametrize("frequency_hz", [10, 20, 80, 400])
def test_the_highpass_is_a_butterworth(engine, rate, slope_db, frequency_hz):
    on, signal = engine(rate), noise(rate // 4)
    on.settings.highpass = {"enabled": 1, "slope_db": slope_db, "frequency_hz": frequency_hz}
    sos = [rbj("highpass", rate, frequency_hz, q) for q in BUTTERWORTH[slope_db]]
    assert error_db(on.run(signal), sosfilt(sos, signal.astype(float), axis=0)) < -120


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
    sos = [rbj(band.rstrip("12"), rate, **settings)]
    assert error_db(on.run(signal), sosfilt(sos, signal.astype(float), axis=0)) < -120


@pytest.mark.parametrize("rate", RATES)
def test_the_compressors_static_curve_has_threshold_ratio_and_a_soft_knee(engine, rate):
    on = engine(rate)
    on.settings.comp = {
        "enabled": 1, "threshold_db": -20, "ratio": 4, "knee_db": 10, "attack_ms": 0.5, "release_ms": 0.5,
        "makeup_db": 3,
    }  # fmt: skip
    levels = np.arange(-45.0, 0.1, 1.0)
    for level in levels:
        steady = np.full((rate // 50, 2), db(level), np.float32)
        out_db = 20 * np.log10(on.run(steady)[-1, 0]) - 3
        over = level + 20
        knee = -0.75 * (over + 5) ** 2 / 20 if abs(over) < 5 else min(0, -0.75 * over)
        assert out_db == pytest.approx(level + knee, abs=1e-4)


@pytest.mark.parametrize("rate", RATES)
def test_attack_and_release_cover_63_percent_of_a_step_in_their_time(engine, rate):
    on = engine(rate)
    attack, release = 10, 40
    on.settings.comp = {
        "enabled": 1, "threshold_db": -30, "ratio": 2, "knee_db": 1, "attack_ms": attack,
        "release_ms": release, "makeup_db": 0,
    }  # fmt: skip
    step = np.concatenate([np.full((rate // 4, 2), db(-10)), np.full((rate // 2, 2), db(-40))])
    gain_db = 20 * np.log10(on.run(step.astype(np.float32))[:, 0] / step[:, 0])
    assert gain_db[rate // 4 - 1] == pytest.approx(-10, abs=1e-3)
    assert gain_db[round(attack * rate / 1000) - 1] == pytest.approx(-10 * (1 - np.exp(-1)), abs=0.02)
    released = rate // 4 + round(release * rate / 1000) - 1
    assert gain_db[released] == pytest.approx(-10 * np.exp(-1), abs=0.02)


@pytest.mark.parametrize("rate", RATES)
def test_the_limiter_has_the_gain_of_the_reference(engine, rate):
    on, signal = engine(rate), 4 * speech(rate, 0.5)
    on.settings.limiter = {"enabled": 1, "ceiling_db": -6, "release_ms": 20}
    reference = limit(signal.astype(float), rate, on.settings.limiter, on.latency)
    assert np.abs(signal).max() > 3
    assert db(-6.1) < np.abs(reference).max() <= db(-6) * (1 + 1e-12)
    assert error_db(on.run(signal), reference) < -120


@pytest.mark.parametrize("rate", RATES)
def test_a_peak_within_the_ceiling_passes_untouched(engine, rate):
    on, signal = engine(rate), noise(rate // 10)
    on.settings.limiter = {"enabled": 1, "ceiling_db": -6, "release_ms": 20}
    assert (on.run(signal) == signal).all()


@pytest.mark.parametrize("rate", RATES)
def test_the_whole_chain_is_the_reference_on_something_like_speech(engine, rate):
    on, signal = engine(rate), speech(rate, 1.0)
    on.settings.trim.gain_db = 6
    on.settings.highpass = {"enabled": 1, "slope_db": 24, "frequency_hz": 80}
    on.settings.eq.low = {"enabled": 1, "frequency_hz": 150, "gain_db": 3, "q": 0.7071}
    on.settings.eq.peak1 = {"enabled": 1, "frequency_hz": 350, "gain_db": -5, "q": 1.2}
    on.settings.eq.peak2 = {"enabled": 1, "frequency_hz": 3200, "gain_db": 4, "q": 0.9}
    on.settings.eq.high = {"enabled": 1, "frequency_hz": 9000, "gain_db": 3, "q": 0.7071}
    on.settings.comp = {
        "enabled": 1, "threshold_db": -22, "ratio": 3.5, "knee_db": 8, "attack_ms": 6, "release_ms": 90,
        "makeup_db": 8,
    }  # fmt: skip
    on.settings.limiter = {"enabled": 1, "ceiling_db": -3, "release_ms": 50}
    on.settings.level.gain_db = -2

    sos = [rbj("highpass", rate, 80, q) for q in BUTTERWORTH[24]] + [
        rbj("low", rate, 150, 0.7071, 3),
        rbj("peak", rate, 350, 1.2, -5),
        rbj("peak", rate, 3200, 0.9, 4),
        rbj("high", rate, 9000, 0.7071, 3),
    ]
    frames = sosfilt(sos, db(6) * signal.astype(float), axis=0)
    compressed = compress(frames, rate, on.settings.comp)
    limited = limit(compressed, rate, on.settings.limiter, on.latency)
    assert np.abs(compressed - frames).max() > 0.1  # both are at work
    assert np.abs(limited - compressed).max() > 0.1
    assert error_db(on.run(signal), db(-2) * limited) < -120
