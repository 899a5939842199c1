"""Faults to inject: of the spectrum, of levels over seconds, and of what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from ag06_plugins.anomaly.inject.fault import Disturber, Fault, Sound

HUMS: Final = {  # the amplitudes of 50 or 60 Hz and its multiples
    "magnetic": (1.0, 0.3, 0.5, 0.1, 0.25, 0.05, 0.12),  # into a cable: the fundamental, and odd ones
    "rectified": (0.15, 1.0, 0.1, 0.6, 0.05, 0.35, 0.05, 0.2, 0.03, 0.12),  # from a supply: even ones
}
RAMP_S: Final = 0.01  # of what begins and ends without a click
HOWL_FROM_DB: Final = -70.0  # where feedback begins, and where it grows no more
HOWL_TO_DB: Final = 0.0


def _factor(db: float) -> float:
    return float(10 ** (db / 20))


class Tones:
    """Sines that are added, of given amplitudes and frequencies in Hz, on both channels."""

    def __init__(self, rate: int, parts: Mapping[float, float], rng: np.random.Generator) -> None:
        self._rate = rate
        self._hz = np.array([hz for hz in parts if hz < 0.45 * rate])
        self._amplitudes = np.array([parts[hz] for hz in self._hz])
        self._phases = rng.uniform(0, 2 * np.pi, self._hz.size)
        self._at = 0

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - what every fault is given
        """Add them."""
        time = np.arange(self._at, self._at + len(dry))
        self._at += len(dry)
        turns = 2 * np.pi / self._rate * np.outer(time, self._hz) + self._phases
        tones = np.sin(turns) @ self._amplitudes * np.minimum(time / (RAMP_S * self._rate), 1)
        dry += tones.astype(np.float32)[:, None]


def _series(mains_hz: float, spectrum: str) -> Mapping[float, float]:
    """Amplitudes by frequency, of mean square 1."""
    parts = {mains_hz * (i + 1): amplitude for i, amplitude in enumerate(HUMS[spectrum])}
    power = sum(amplitude**2 for amplitude in parts.values()) / 2
    return {hz: amplitude / power**0.5 for hz, amplitude in parts.items()}


def _hum(mains_hz: float, spectrum: str, doc: str) -> Fault:
    def make(rate: int, strength: float, rng: np.random.Generator) -> Disturber:
        off = rng.uniform(0.998, 1.002)
        parts = _series(mains_hz, spectrum)
        return Tones(rate, {hz * off: _factor(strength) * a for hz, a in parts.items()}, rng)

    return Fault(
        name=f"hum_{mains_hz:.0f}_{spectrum}",
        kind="hum",
        doc=doc,
        make=make,
        strengths={"heard in pauses": -46.0, "heard in speech": -38.0, "loud": -28.0},
        unit="dBFS",
        seconds=8.0,
    )


def _tone(hz: float, doc: str, strengths: Mapping[str, float]) -> Fault:
    def make(rate: int, strength: float, rng: np.random.Generator) -> Disturber:
        return Tones(rate, {hz * rng.uniform(0.99, 1.01): _factor(strength) * 2**0.5}, rng)

    return Fault(
        name=f"tone_{hz:.0f}", kind="tone", doc=doc, make=make, strengths=strengths, unit="dBFS", seconds=9.0
    )


class Howl:
    """A sine that grows by so many dB a second, from what is hardly there to full scale."""

    def __init__(self, rate: int, hz: float, db_a_second: float, phase: float) -> None:
        self._rate, self._hz, self._growth, self._phase = rate, hz, db_a_second, phase
        self._at = 0

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - what every fault is given
        """Add them."""
        time = np.arange(self._at, self._at + len(dry)) / self._rate
        self._at += len(dry)
        level_db = np.minimum(self._growth * time + HOWL_FROM_DB, HOWL_TO_DB)
        howl = 10 ** (level_db / 20) * np.sin(2 * np.pi * self._hz * time + self._phase)
        np.clip(dry + howl.astype(np.float32)[:, None], -1, 1, out=dry)


def _feedback(hz: float) -> Fault:
    def make(rate: int, strength: float, rng: np.random.Generator) -> Disturber:
        return Howl(rate, hz * rng.uniform(0.97, 1.03), strength, rng.uniform(0, 2 * np.pi))

    return Fault(
        name=f"feedback_{hz:.0f}",
        kind="feedback",
        doc=f"a loop with more than unity gain at {hz:.0f} Hz: from -70 dBFS on until full scale",
        make=make,
        strengths={"slow": 20.0, "usual": 50.0, "fast": 120.0},
        unit="dB/s",
        seconds=5.0,
    )


class Hiss:
    """White noise that is added, another on each channel."""

    def __init__(self, level: float, rng: np.random.Generator) -> None:
        self._level, self._rng = level, rng

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - what every fault is given
        """Add it."""
        dry += self._level * self._rng.standard_normal(dry.shape, dtype=np.float32)


class Gain:
    """Another gain, and full scale as the limit."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def disturb(self, dry: Sound, wet: Sound) -> None:  # noqa: ARG002 - what every fault is given
        """Turn it up or down."""
        np.clip(dry * np.float32(self._factor), -1, 1, out=dry)


class Echo:
    """What was sent, some time later."""

    def __init__(self, rate: int, delay_ms: float, factor: float) -> None:
        self._sent = np.zeros((round(rate * delay_ms / 1000), 2), dtype=np.float32)
        self._factor = np.float32(factor)

    def disturb(self, dry: Sound, wet: Sound) -> None:
        """Add what was sent, and keep what is sent."""
        both = np.concatenate([self._sent, wet])
        dry += self._factor * both[: len(dry)]
        self._sent = both[len(dry) :]


def _gain(kind: str, doc: str, strengths: Mapping[str, float]) -> Fault:
    def make(rate: int, strength: float, rng: np.random.Generator) -> Disturber:  # noqa: ARG001
        return Gain(_factor(strength))

    return Fault(kind, kind, doc, make, strengths, "dB", seconds=45.0)


def _hiss(rate: int, strength: float, rng: np.random.Generator) -> Disturber:  # noqa: ARG001
    return Hiss(_factor(strength), rng)


def _loopback(delay_ms: float) -> Fault:
    def make(rate: int, strength: float, rng: np.random.Generator) -> Disturber:
        return Echo(rate, delay_ms * rng.uniform(0.95, 1.05), _factor(strength))

    return Fault(
        name=f"loopback_{delay_ms:.0f}",
        kind="loopback",
        doc=f"what is sent comes back {delay_ms:.0f} ms later",
        make=make,
        strengths={"faint": -16.0, "clear": -11.0, "strong": -6.0},
        unit="dB",
        seconds=25.0,
    )


TONE: Final[tuple[Fault, ...]] = (
    _hum(50, "magnetic", "hum of the mains in a cable, at 50 Hz and mostly odd multiples"),
    _hum(60, "magnetic", "hum of the mains in a cable, at 60 Hz and mostly odd multiples"),
    _hum(50, "rectified", "hum of a power supply, at 100 Hz and its multiples"),
    _hum(60, "rectified", "hum of a power supply, at 120 Hz and its multiples"),
    _tone(440, "a steady tone like a held note", {"weak": -50.0, "plain": -40.0, "loud": -30.0}),
    _tone(1000, "what USB packets leave in a bad ground", {"weak": -54.0, "plain": -44.0, "loud": -34.0}),
    _tone(3150, "a whistle", {"weak": -58.0, "plain": -48.0, "loud": -38.0}),
    _tone(8000, "the microframes of USB", {"weak": -60.0, "plain": -50.0, "loud": -40.0}),
    _tone(15700, "a screen's or a power supply's whine", {"weak": -56.0, "plain": -46.0, "loud": -36.0}),
    _feedback(250),
    _feedback(800),
    _feedback(2500),
    _feedback(6000),
    Fault(
        name="noise_floor",
        kind="noise_floor",
        doc="white noise sets in, after some ten seconds in which there were pauses",
        make=_hiss,
        strengths={"heard in pauses": -54.0, "plain": -48.0, "loud": -40.0},
        unit="dBFS",
        seconds=25.0,
    ),
    _loopback(6),
    _loopback(25),
    _loopback(110),
    _loopback(300),
    _gain(
        "loudness_low", "a gain that is far too low", {"soft": -24.0, "softer": -32.0, "hardly there": -40.0}
    ),
    _gain("loudness_high", "a gain that is far too high", {"hot": 18.0, "hotter": 24.0, "square": 36.0}),
)
