"""The chain in float64, stage by stage, written from the literature and not from the C.

Frames are (count, 2). A stage's settings are anything with the fields of its C struct.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.signal import resample_poly, sosfilt

BUTTERWORTH = {12: [1 / np.sqrt(2)], 24: [0.5 / np.cos(np.pi / 8), 0.5 / np.cos(3 * np.pi / 8)]}
SILENCE = 1e-10
GATE_FALL_MS = 10
DEESS_ATTACK_MS, DEESS_RELEASE_MS = 1, 60
LOOKAHEAD_MS, MARGIN_DB = 1.5, 0.5
REACH, BETA, OVERSAMPLING = 12, 6, 4
# ITU-R BS.1770-5, Annex 2: a column for each phase of the interpolator by four.
ANNEX_2 = np.array(
    [
        [0.0017089843750, -0.0291748046875, -0.0189208984375, -0.0083007812500],
        [0.0109863281250, 0.0292968750000, 0.0330810546875, 0.0148925781250],
        [-0.0196533203125, -0.0517578125000, -0.0582275390625, -0.0266113281250],
        [0.0332031250000, 0.0891113281250, 0.1015625000000, 0.0476074218750],
        [-0.0594482421875, -0.1665039062500, -0.2003173828125, -0.1022949218750],
        [0.1373291015625, 0.4650878906250, 0.7797851562500, 0.9721679687500],
        [0.9721679687500, 0.7797851562500, 0.4650878906250, 0.1373291015625],
        [-0.1022949218750, -0.2003173828125, -0.1665039062500, -0.0594482421875],
        [0.0476074218750, 0.1015625000000, 0.0891113281250, 0.0332031250000],
        [-0.0266113281250, -0.0582275390625, -0.0517578125000, -0.0196533203125],
        [0.0148925781250, 0.0330810546875, 0.0292968750000, 0.0109863281250],
        [-0.0083007812500, -0.0189208984375, -0.0291748046875, 0.0017089843750],
    ]
)


def db(gain_db: float) -> float:
    """A gain in dB as a factor."""
    return 10 ** (gain_db / 20)


def error_db(ours: np.ndarray, reference: np.ndarray) -> float:
    """Largest difference, relative to the reference's peak."""
    return 20 * np.log10(np.abs(ours - reference).max() / np.abs(reference).max() + 1e-30)


def level_db(frames: np.ndarray) -> np.ndarray:
    """Of the louder channel."""
    return 20 * np.log10(np.maximum(np.abs(frames).max(axis=1), SILENCE))


def one_pole(ms: float, rate: float) -> float:
    """What is left after one frame of a distance that is down to 1/e after `ms`."""
    return float(np.exp(-1e3 / (ms * rate)))


def rbj(kind: str, rate: float, frequency_hz: float, q: float, gain_db: float = 0) -> np.ndarray:
    """A second-order section by the Audio EQ Cookbook."""
    w = 2 * np.pi * frequency_hz / rate
    cos, alpha, a = np.cos(w), np.sin(w) / (2 * q), 10 ** (gain_db / 40)
    root = 2 * np.sqrt(a) * alpha
    up, down = (a + 1) + (a - 1) * cos, (a + 1) - (a - 1) * cos
    b, c = {
        "highpass": ([(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], [1 + alpha, -2 * cos, 1 - alpha]),
        "peak": (
            [1 + alpha * a, -2 * cos, 1 - alpha * a],
            [1 + alpha / a, -2 * cos, 1 - alpha / a],
        ),
        "low": (
            [a * (down + root), 2 * a * ((a - 1) - (a + 1) * cos), a * (down - root)],
            [up + root, -2 * ((a - 1) + (a + 1) * cos), up - root],
        ),
        "high": (
            [a * (up + root), -2 * a * ((a - 1) + (a + 1) * cos), a * (up - root)],
            [down + root, 2 * ((a - 1) - (a + 1) * cos), down - root],
        ),
    }[kind]
    return np.array([*b, *c]) / c[0]


def filtered(section: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """`frames` through one second-order section."""
    return sosfilt([section], frames, axis=0)


def highpass(frames: np.ndarray, rate: float, settings: Any) -> np.ndarray:
    """Butterworth of order 2 or 4."""
    for q in BUTTERWORTH[settings.slope_db]:
        frames = filtered(rbj("highpass", rate, settings.frequency_hz, q), frames)
    return frames


def equalise(frames: np.ndarray, rate: float, eq: Any) -> np.ndarray:
    """Low shelf, two peaks, high shelf."""
    for name, kind in (("low", "low"), ("peak1", "peak"), ("peak2", "peak"), ("high", "high")):
        band = getattr(eq, name)
        if band.enabled:
            section = rbj(kind, rate, band.frequency_hz, band.q, band.gain_db)
            frames = filtered(section, frames)
    return frames


def followed(goals: np.ndarray, down: float, up: float) -> np.ndarray:
    """A gain in dB that follows `goals` with a one-pole, one way down and another up."""
    gains, gain = np.empty_like(goals), 0.0
    for n, goal in enumerate(goals.tolist()):
        gain = goal + (down if goal < gain else up) * (gain - goal)
        gains[n] = gain
    return gains


def gate_gain_db(frames: np.ndarray, rate: float, gate: Any) -> np.ndarray:
    """Peak envelope, open or closed, and the gain on its way there."""
    fall = one_pole(GATE_FALL_MS, rate)
    hold = round(gate.hold_ms * rate / 1000)
    goals, envelope, held = np.zeros(len(frames)), 0.0, 0
    for n, peak in enumerate(np.abs(frames).max(axis=1).tolist()):
        envelope = max(peak, envelope * fall)
        over = 20 * np.log10(max(envelope, SILENCE)) - gate.threshold_db
        is_open = over >= 0 or (held > 0 and over >= -gate.hysteresis_db)
        held = hold + 1 if is_open else max(held - 1, 0)
        if held == 0:
            goals[n] = max((gate.ratio - 1) * over, -gate.range_db)
    return followed(goals, one_pole(gate.release_ms, rate), one_pole(gate.attack_ms, rate))


def gated(frames: np.ndarray, rate: float, gate: Any) -> np.ndarray:
    """The gate."""
    return frames * db(gate_gain_db(frames, rate, gate))[:, None]


def deessed(frames: np.ndarray, rate: float, deess: Any) -> np.ndarray:
    """A first-order high shelf, its gain from the level above the corner."""
    detector = filtered(rbj("highpass", rate, deess.frequency_hz, BUTTERWORTH[12][0]), frames)
    over = np.maximum(level_db(detector) - deess.threshold_db, 0)
    goals = -np.minimum((1 - 1 / deess.ratio) * over, deess.range_db)
    gain = db(followed(goals, one_pole(DEESS_ATTACK_MS, rate), one_pole(DEESS_RELEASE_MS, rate)))
    tangent = np.tan(np.pi * deess.frequency_hz / rate)
    section = np.array([1, -1, 0, 1 + tangent, tangent - 1, 0]) / (1 + tangent)
    return frames + (gain - 1)[:, None] * filtered(section, frames)


def makeup_db(comp: Any) -> float:
    """What is set, and when automatic half of what is taken from 0 dBFS."""
    return comp.makeup_db - (comp.auto_makeup and (1 - 1 / comp.ratio) * comp.threshold_db / 2)


def compressed(frames: np.ndarray, rate: float, comp: Any) -> np.ndarray:
    """Giannoulis, Massberg and Reiss 2012: gain computer (4), smooth branching detector (17)."""
    heard = frames
    if comp.sidechain_hz > 0:
        heard = filtered(rbj("highpass", rate, comp.sidechain_hz, BUTTERWORTH[12][0]), frames)
    over = level_db(heard) - comp.threshold_db
    slope = 1 / comp.ratio - 1
    knee = max(comp.knee_db, 1e-3)
    wanted = np.select(
        [2 * over < -knee, 2 * np.abs(over) <= knee],
        [0, slope * (over + knee / 2) ** 2 / (2 * knee)],
        slope * over,
    )
    gain_db = followed(wanted, one_pole(comp.attack_ms, rate), one_pole(comp.release_ms, rate))
    return frames * db(gain_db + makeup_db(comp))[:, None]


def interpolators() -> list[np.ndarray]:
    """Three phases of a windowed sinc and the four of Annex 2, each (2 * REACH,)."""
    phases = [np.pad(phase, REACH - len(phase) // 2) for phase in ANNEX_2.T]
    for phase in range(1, OVERSAMPLING):
        t = np.arange(2 * REACH) - (REACH - 1) - phase / OVERSAMPLING
        taps = np.sinc(t) * np.i0(BETA * np.sqrt(1 - (t / REACH) ** 2))
        phases.append(taps / taps.sum())
    return phases


def true_peaks(frames: np.ndarray) -> np.ndarray:
    """For each frame, the largest magnitude at it and at every eighth after it up to the next."""
    padded = np.concatenate([np.zeros((REACH - 1, 2)), frames, np.zeros((REACH, 2))])
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH, axis=0)
    peaks = np.abs(frames).max(axis=1)
    for taps in interpolators():
        peaks = np.maximum(peaks, np.abs(around @ taps).max(axis=1))
    return peaks


def annex_2_peak(samples: np.ndarray) -> float:
    """The true peak within `samples` (frames,), not where they were cut off, as a BS.1770 meter has it."""
    return max(np.abs(np.convolve(samples, phase, "valid")).max() for phase in ANNEX_2.T)


def resampled_peak(samples: np.ndarray) -> float:
    """The largest magnitude of `samples` (frames,) at sixteen times the rate."""
    return np.abs(resample_poly(samples, 16, 1)).max()


def latency(rate: float) -> int:
    """Frames by which the chain delays: the look-ahead and the reach of the true-peak estimate."""
    return lookahead(rate) + 2 * REACH - 1


def lookahead(rate: float) -> int:
    """Frames over which the limiter's gain is averaged."""
    return int(LOOKAHEAD_MS * rate / 1000 + 0.5)


def limited(frames: np.ndarray, rate: float, limiter: Any) -> np.ndarray:
    """The least gain needed by a peak within reach, released; its mean over the look-ahead."""
    ceiling, mean, delay = db(limiter.ceiling_db - MARGIN_DB), lookahead(rate), latency(rate)
    padded = np.concatenate([np.zeros((REACH, 2)), frames, np.zeros((delay, 2))])
    needed = ceiling / np.maximum(true_peaks(padded)[: len(frames) + delay], ceiling)
    ahead = np.concatenate([np.ones(delay), needed])
    least = np.lib.stride_tricks.sliding_window_view(ahead, delay + 1).min(axis=1)
    keep = one_pole(limiter.release_ms, rate)
    held, state = np.empty_like(least), 1.0
    for n, value in enumerate(least.tolist()):
        state = min(value, 1 - (1 - state) * keep)
        held[n] = state
    gain = np.convolve(np.concatenate([np.ones(mean - 1), held]), np.full(mean, 1 / mean), "valid")
    return frames * gain[delay:, None]


def chain(frames: np.ndarray, rate: float, settings: Any) -> np.ndarray:
    """Every stage that is enabled, in order; without the delay."""
    stages = (
        (highpass, settings.highpass),
        (gated, settings.gate),
        (equalise, settings.eq),
        (deessed, settings.deess),
        (compressed, settings.comp),
        (limited, settings.limiter),
    )
    frames = db(settings.trim.gain_db) * frames.astype(float)
    for stage, of in stages:
        if stage is equalise or of.enabled:
            frames = stage(frames, rate, of)
    return db(settings.level.gain_db) * frames


def noise(count: int, seed: int = 1, peak: float = 0.5) -> np.ndarray:
    """Even noise, float32, another one in each channel."""
    return np.random.default_rng(seed).uniform(-peak, peak, (count, 2)).astype(np.float32)


def speech(rate: float, seconds: float) -> np.ndarray:
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
