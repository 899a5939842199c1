"""Sounds that are like instruments: a plucked string, a chord of a synthesiser, a drum kit. Float64, mono."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

GUITAR_HZ = (110.0, 146.8, 196.0, 246.9, 329.6, 82.4)
CHORD_HZ = (110.0, 138.6, 164.8, 220.0)


def scaled(wave: np.ndarray, peak_db: float) -> np.ndarray:
    """To a peak in dBFS."""
    return wave * 10 ** (peak_db / 20) / np.abs(wave).max()


def pluck(hz: float, seconds: float, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A string after Karplus and Strong (1983): noise that goes round a delay and its mean of two."""
    period = round(rate / hz)
    feedback = np.zeros(period + 2)
    feedback[0], feedback[period:] = 1, -0.498
    struck = np.zeros(round(seconds * rate))
    struck[:period] = rng.uniform(-1, 1, period)
    return lfilter([1], feedback, struck)


def played(notes: list[tuple[float, np.ndarray]], seconds: float, rate: int) -> np.ndarray:
    """Notes from when each begins, ringing into each other."""
    out = np.zeros(round(seconds * rate))
    for start_s, note in notes:
        start = round(start_s * rate)
        out[start : start + len(note)] += note[: len(out) - start]
    return out


def guitar(seconds: float, rate: int) -> np.ndarray:
    """A string picked every half second, each at its own strength."""
    rng = np.random.default_rng(3)
    count = int(2 * seconds)
    strings = (pluck(GUITAR_HZ[k % 6], 3, rate, rng) * rng.uniform(0.4, 1) for k in range(count))
    return played([(k / 2, string) for k, string in enumerate(strings)], seconds, rate)


def synth(seconds: float, rate: int) -> np.ndarray:
    """A chord of detuned saws through a low-pass, held and let go every three seconds."""
    times = np.arange(round(seconds * rate)) / rate
    saws = sum((times * (hz + detune)) % 1 * 2 - 1 for hz in CHORD_HZ for detune in (-0.3, 0.3))
    held = np.clip((times % 3) / 0.2, 0, 1) * np.clip((2.6 - times % 3) / 0.4, 0, 1)
    return held * sosfilt(butter(2, 2500, fs=rate, output="sos"), saws)


def drums(seconds: float, rate: int) -> np.ndarray:
    """Kick, snare and hi-hat."""
    rng = np.random.default_rng(5)
    times = np.arange(rate) / rate
    kick = np.sin(2 * np.pi * (50 * times - 8 / 3 * np.exp(-30 * times))) * np.exp(-9 * times)
    tone = 0.4 * np.sin(2 * np.pi * 190 * times) * np.exp(-20 * times)
    snare = rng.normal(0, 0.3, rate) * np.exp(-18 * times) + tone
    high = sosfilt(butter(2, 7000, "highpass", fs=rate, output="sos"), rng.normal(0, 0.25, rate))
    hat = high * np.exp(-60 * times)
    beat = [
        (k / 4, hat + (kick if k % 4 == 0 else snare if k % 4 == 2 else 0)) for k in range(int(4 * seconds))
    ]
    return played(beat, seconds, rate)
