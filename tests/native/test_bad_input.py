"""Input that no studio wants: what is no sound leaves no trace, what is one goes as soon as settings let it.

No sound is what no converter delivers: not a number, infinite, or above +24 dBFS. It is counted and replaced
by silence, with the millisecond after it, so that nothing has to recover from it. A full-scale square is
sound: compressor, limiter and de-esser let go of it in the time that is theirs, and 50 ms is all the rest
of the chain may add.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ag06d.arena.parameters import CHAIN, to_settings

from .conftest import Engine
from .reference import DEESS_RELEASE_MS, annex_2_peak, db, noise
from .test_every_setting import anything

RATES = [44100, 48000, 96000, 192000]
LIMIT = 16  # +24 dBFS
ANY_SETTINGS = st.fixed_dictionaries({parameter.path: anything(parameter) for parameter in CHAIN})
NO_SOUNDS = [np.nan, np.inf, -np.inf, 1e38, -1e38, 16.01, -17]


def spoilt(rng: np.random.Generator, count: int) -> np.ndarray:
    """Noise (count, 2), in bursts spoilt by what is no sound, by subnormals and by random bytes."""
    frames = noise(count, int(rng.integers(1 << 30)), peak=float(10 ** rng.uniform(-3, 1)))
    kinds = rng.integers(0, 4, -(-count // 500)).repeat(500)[:count, None]
    some = rng.random((count, 2)) < 0.3
    random_bytes = rng.integers(0, 1 << 32, (count, 2), np.uint32).view(np.float32)
    frames = np.where(some & (kinds == 1), rng.choice(np.float32(NO_SOUNDS), (count, 2)), frames)
    frames = np.where(some & (kinds == 2), np.float32(1e-40), frames)
    return np.where(kinds == 3, random_bytes, frames).astype(np.float32)


def distrusted(frames: np.ndarray, rate: int) -> np.ndarray:
    """Which frames, and of those that follow, are silenced: what is no sound, and a millisecond after it."""
    bad = ~(np.abs(frames) <= LIMIT).all(axis=1)
    return np.convolve(bad, np.ones(rate // 1000 + 1)) > 0.5


def run(rate: int, values: dict[str, object], frames: np.ndarray) -> tuple[np.ndarray, int]:
    """What comes out, and how many frames were counted as bad."""
    on = Engine(rate)
    on.settings = to_settings(values)
    out = on.run(frames)
    if on.settings.limiter.enabled:
        ceiling = db(on.settings.limiter.ceiling_db + on.settings.level.gain_db + 1e-4)
        assert all(annex_2_peak(channel) <= ceiling for channel in out.T.astype(float))
    return out, on.stats.bad_input_frames.raw


@settings(max_examples=60)
@given(rate=st.sampled_from(RATES), values=ANY_SETTINGS, seed=st.integers(0, 1 << 30))
def test_what_is_no_sound_is_silence_and_leaves_no_trace_at_any_setting(rate, values, seed):
    frames = spoilt(np.random.default_rng(seed), rate // 8)
    silenced = distrusted(frames, rate)
    is_normal = np.abs(frames) >= np.finfo(np.float32).tiny
    out, counted = run(rate, values, frames)
    expected, none = run(
        rate, values, np.where(is_normal & ~silenced[: len(frames), None], frames, np.float32(0))
    )
    assert np.isfinite(out).all()
    assert (out == expected).all()
    assert (counted, none) == (silenced.sum(), 0)


@pytest.mark.parametrize("rate", RATES)
def test_of_random_bytes_nothing_is_left_50_ms_later(rate):
    """Of the half of them that look like sound too."""
    rng = np.random.default_rng(rate)
    garbage = rng.integers(0, 1 << 32, (rate // 10, 2), np.uint32).view(np.float32)
    time = np.arange(rate // 5) / rate
    after = np.repeat(0.1 * np.sin(2 * np.pi * 1000 * time)[:, None], 2, axis=1).astype(np.float32)
    values = {"comp.enabled": True, "comp.threshold_db": -30.0, "comp.release_ms": 2000.0}
    out, _ = run(rate, values, np.concatenate([garbage, after]))
    clean, _ = run(rate, values, np.concatenate([np.zeros_like(garbage), after]))
    late = len(garbage) + rate // 20
    assert np.abs(out[late:] - clean[late:]).max() < 1e-3


COUNT = 9600
EXTREMES = {
    "full-scale square": np.where(np.arange(COUNT) // 100 % 2, 1.0, -1.0),
    "DC": np.ones(COUNT),
    "Nyquist": np.where(np.arange(COUNT) % 2, 1.0, -1.0),
    "the loudest there is": np.where(np.arange(COUNT) // 37 % 2, LIMIT, -LIMIT),
    "one impulse": np.where(np.arange(COUNT) == COUNT - 1, LIMIT, 0.0),
}
# Filters that ring for no longer than 50 ms, every stage at work on tone and extreme alike.
AT_WORK = {
    "highpass.enabled": True, "highpass.frequency_hz": 100.0,
    "gate.enabled": True, "gate.threshold_db": -40.0, "gate.hold_ms": 0.0,
    "eq.peak1.enabled": True, "eq.peak1.gain_db": 6.0,
    "comp.enabled": True, "comp.threshold_db": -30.0, "comp.ratio": 8.0, "comp.makeup_db": 12.0,
    "limiter.enabled": True, "limiter.ceiling_db": -12.0,
}  # fmt: skip


def peaks(frames: np.ndarray) -> np.ndarray:
    """Of every millisecond at 48 kHz, which is a period of the tone."""
    return np.abs(frames).reshape(-1, 48 * 2).max(axis=1)


@pytest.mark.parametrize("release_ms", [5.0, 60.0, 500.0])
@pytest.mark.parametrize("name", EXTREMES)
def test_an_extreme_sound_is_forgotten_in_50_ms_and_the_releases(name, release_ms):
    """After it the output is on its way to what a tone alone gives, no slower than by its releases."""
    rate = 48000
    releases = {"comp.release_ms": release_ms, "limiter.release_ms": release_ms}
    others = {"deess.enabled": release_ms >= DEESS_RELEASE_MS}
    before = np.repeat(EXTREMES[name][:, None], 2, axis=1)
    time = np.arange(round((0.05 + 8e-3 * release_ms) * rate)) / rate
    tone = np.repeat(0.1 * np.sin(2 * np.pi * 1000 * time)[:, None], 2, axis=1)
    values = AT_WORK | releases | others
    out, counted = run(rate, values, np.concatenate([before, tone]))
    clean, _ = run(rate, values, np.concatenate([0 * before, tone]))
    assert counted == 0
    short_db = np.abs(20 * np.log10(peaks(out[COUNT:]) / peaks(clean[COUNT:])))
    for times in (1, 2, 4, 8):  # in dB the gains go back as exp(-t)
        assert short_db[round(50 + times * release_ms) - 1] <= short_db[49] * np.exp(-times) + 0.1
