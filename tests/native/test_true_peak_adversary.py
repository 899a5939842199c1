"""Signals made to deceive the limiter: by linear programmes, and by a search that is rewarded for excess."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.signal import resample_poly

from .reference import (
    MARGIN_DB,
    REACH,
    annex_2_peak,
    db,
    interpolators,
    limited,
    lookahead,
    resampled_peak,
)

CEILING_DB = -24
TOLERANCE_DB = 1e-4  # single precision
SETTINGS = SimpleNamespace(enabled=1, ceiling_db=CEILING_DB, release_ms=5)
WINDOW = 2 * REACH
FREE = 2 * WINDOW  # frames that a programme chooses
APART = 2000  # frames of silence, in which the gain comes back
BEAT = 600  # frame of the one peak that makes the gain move
ANNEX_2, SINC = interpolators()[:4], interpolators()[4:]
SIXTEENTHS = [resample_poly(np.eye(WINDOW), 16, 1)[16 * (REACH - 1) + step] for step in (2, 4, 6, 8)]


def in_left(mono: np.ndarray) -> np.ndarray:
    """`mono` (frames,) as (frames, 2) float32."""
    return np.stack([mono, np.zeros_like(mono)], axis=1).astype(np.float32)


def deceiving(rate: int, seen: list[np.ndarray], reader: list[np.ndarray]) -> np.ndarray:
    """Where the gain begins to move and where it comes to rest: the frames that `reader` reads highest of all
    those in which the interpolators `seen` see nothing to turn down. One after the other, (frames,)."""
    around = np.eye(FREE + 2 * WINDOW)[:, WINDOW : WINDOW + FREE]
    windows = np.lib.stride_tricks.sliding_window_view(around, WINDOW, axis=0)
    values = np.concatenate([np.eye(FREE), *(windows @ taps for taps in seen)])
    limit = np.full(2 * len(values), db(CEILING_DB - MARGIN_DB))
    beat = np.zeros((BEAT + APART, 2))
    beat[BEAT] = 16
    gain = limited(beat + 1e-9, rate, SETTINGS)[:, 1] / 1e-9
    falls, rises = BEAT - lookahead(rate) - WINDOW, BEAT + REACH
    signals = []
    for start in [*range(falls - 9, falls + 4, 3), *range(rises, rises + 90, 30)]:
        for taps in reader:
            read = np.zeros(FREE)
            read[REACH : REACH + WINDOW] = taps * gain[start : start + WINDOW]
            best = linprog(-read, np.concatenate([values, -values]), limit, bounds=(None, None))
            signal = beat[:, 0].copy()
            signal[start - REACH : start - REACH + FREE] += best.x
            signals.append(signal)
    return np.concatenate(signals)


@pytest.mark.parametrize("seen", [SINC, SINC + ANNEX_2], ids=["sinc", "both"])
@pytest.mark.parametrize("reader", [ANNEX_2, SIXTEENTHS], ids=["annex 2", "sixteenths"])
def test_no_linear_programme_finds_frames_that_are_read_above_the_ceiling(engine, seen, reader):
    on = engine(44100)
    on.settings.limiter = vars(SETTINGS)
    out = on.run(in_left(deceiving(on.rate, seen, reader)))[:, 0].astype(float)
    assert annex_2_peak(out) <= db(CEILING_DB + TOLERANCE_DB)
    assert resampled_peak(out) <= db(CEILING_DB + TOLERANCE_DB)
    assert resampled_peak(out) > db(CEILING_DB - MARGIN_DB)  # else the programmes were in vain


@pytest.mark.parametrize("seed", range(3))
def test_no_search_finds_frames_that_are_read_above_the_ceiling(engine, seed):
    """Bits, noise, Nyquist and steps of level, recombined and changed where they were read highest."""
    rng, on = np.random.default_rng(seed), engine(44100)
    on.settings.limiter = vars(SETTINGS)
    size, length, rounds = 60, 160, 25
    levels = 10 ** rng.uniform(-2.5, 1.2, (size, 8)).repeat(length // 8, axis=1)
    kinds = [
        rng.choice([-1.0, 1.0], (size, length)),
        rng.uniform(-1, 1, (size, length)),
        np.where(np.arange(length) % 2, 1.0, -1.0) * np.ones((size, 1)),
        rng.choice([-1.0, 0, 0, 0, 1.0], (size, length)),
    ]
    signals = levels * np.choose(rng.integers(0, len(kinds), (size, 1)), kinds)
    worst = 0.0
    for _ in range(rounds):
        out = on.run(in_left(np.pad(signals, ((0, 0), (0, APART))).ravel()))[:, 0].astype(float)
        read = np.array([annex_2_peak(one) for one in out.reshape(size, -1)])
        worst = max(worst, read.max())
        best = signals[np.argsort(read)[-size // 4 :]]
        mothers, fathers = best[rng.integers(0, len(best), (2, size))]
        cut = np.arange(length) < rng.integers(0, length, (size, 1))
        factors = np.where(rng.random((size, length)) < 0.03, rng.uniform(-2, 2, (size, length)), 1)
        signals = np.clip(np.where(cut, mothers, fathers) * factors, -16, 16)
        signals[: len(best)] = best
    assert db(CEILING_DB - MARGIN_DB) < worst <= db(CEILING_DB + TOLERANCE_DB)
