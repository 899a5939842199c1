"""What a recording is like before and after the chain: outline, spectrum and loudness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ag06d.audio.recording import load_recording

Curve = npt.NDArray[np.float64]

OUTLINE_POINTS = 1600
SPECTRUM_FRAMES = 8192
OCTAVE_SHARE = 6  # the spectrum is smoothed over a sixth of an octave
STEP_S, MOMENTARY_S, SHORT_TERM_S = 0.1, 0.4, 3.0
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU, SILENCE_LUFS = -70.0, -10.0, -120.0
K_RATE = 48000.0  # of the coefficients in ITU-R BS.1770-5, annex 1
K_SECTIONS = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585),
    (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621),
)


@dataclass(frozen=True, slots=True)
class Sound:
    """One recording, measured. `low` and `high` outline the waveform of both channels together."""

    seconds: float
    low: Curve
    high: Curve
    frequencies_hz: Curve
    spectrum_db: Curve
    momentary_lufs: Curve
    short_term_lufs: Curve
    integrated_lufs: float
    peak_db: float

    @classmethod
    def of(cls, path: Path, rate: int) -> Sound:
        """Measure the recording at `path`, brought to `rate`; raises RecordingError."""
        frames = load_recording(path, rate)
        low, high = outline(frames)
        frequencies, spectrum = long_term_spectrum(frames, rate)
        powers = k_weighted_powers(frames, rate)
        return cls(
            seconds=len(frames) / rate,
            low=low,
            high=high,
            frequencies_hz=frequencies,
            spectrum_db=spectrum,
            momentary_lufs=sliding_lufs(powers, MOMENTARY_S),
            short_term_lufs=sliding_lufs(powers, SHORT_TERM_S),
            integrated_lufs=integrated_lufs(powers),
            peak_db=float(20 * np.log10(max(np.abs(frames).max(), 1e-10))),
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Before and after."""

    dry: Sound
    wet: Sound

    @classmethod
    def of(cls, dry: Path, wet: Path, rate: int) -> Comparison:
        """Measure both; raises RecordingError."""
        return cls(Sound.of(dry, rate), Sound.of(wet, rate))


def outline(frames: npt.NDArray[np.float32]) -> tuple[Curve, Curve]:
    """Least and largest sample of each of at most OUTLINE_POINTS stretches."""
    starts = np.unique(np.linspace(0, len(frames), OUTLINE_POINTS, endpoint=False).astype(int))
    low, high = frames.min(axis=1), frames.max(axis=1)
    return (
        np.minimum.reduceat(low, starts).astype(np.float64),
        np.maximum.reduceat(high, starts).astype(np.float64),
    )


def long_term_spectrum(frames: npt.NDArray[np.float32], rate: int) -> tuple[Curve, Curve]:
    """Mean power in dBFS per bin (a full-scale sine has 0 dB), smoothed: Welch with Hann windows."""
    window = np.hanning(SPECTRUM_FRAMES)
    mono = frames.mean(axis=1, dtype=np.float64)
    mono = np.pad(mono, (0, max(0, SPECTRUM_FRAMES - len(mono))))
    starts = range(0, len(mono) - SPECTRUM_FRAMES + 1, SPECTRUM_FRAMES // 2)
    power = np.zeros(SPECTRUM_FRAMES // 2 + 1)
    for start in starts:
        power += np.abs(np.fft.rfft(window * mono[start : start + SPECTRUM_FRAMES])) ** 2
    power /= len(starts) * (window.sum() / 2) ** 2
    total = np.concatenate([[0.0], np.cumsum(power)])  # of all below each edge between two bins
    edges_hz = (np.arange(len(total)) - 0.5) * rate / SPECTRUM_FRAMES
    centres = np.geomspace(20.0, min(20000.0, 0.49 * rate), 400)
    reach = 2 ** (1 / (2 * OCTAVE_SHARE))
    within = np.interp(centres * reach, edges_hz, total) - np.interp(centres / reach, edges_hz, total)
    mean = within / (centres * (reach - 1 / reach) * SPECTRUM_FRAMES / rate)
    return centres, np.asarray(10 * np.log10(np.maximum(mean, 1e-16)))


def k_gain(frequencies_hz: Curve) -> npt.NDArray[np.complex128]:
    """The K-weighting of BS.1770 at any frequency, so that it serves every rate."""
    z = np.exp(-2j * np.pi * np.minimum(frequencies_hz, K_RATE / 2) / K_RATE)
    gain = np.ones_like(z)
    for b0, b1, b2, a1, a2 in K_SECTIONS:
        gain = gain * (b0 + b1 * z + b2 * z**2) / (1 + a1 * z + a2 * z**2)
    return gain


def k_weighted_powers(frames: npt.NDArray[np.float32], rate: int) -> Curve:
    """Mean square, K-weighted, both channels added, of each whole 100 ms."""
    step = round(STEP_S * rate)
    pieces = [
        (piece.reshape(-1, step, 2) ** 2).mean(axis=1).sum(axis=1)
        for piece in _filtered(frames[: len(frames) // step * step], rate, 100 * step, 5 * step)
    ]
    return np.concatenate(pieces) if pieces else np.zeros(0)


def _filtered(frames: npt.NDArray[np.float32], rate: int, piece: int, lead: int) -> Iterator[Curve]:
    """`frames` K-weighted piece by piece; the filter has forgotten all before the `lead`."""
    for start in range(0, len(frames), piece):
        before = min(start, lead)
        part = frames[start - before : start + piece].astype(np.float64)
        size = len(part) + lead  # room for what rings on, which would wrap around to the beginning
        gain = k_gain(np.fft.rfftfreq(size, 1 / rate).astype(np.float64))
        weighted = np.fft.irfft(np.fft.rfft(part, size, axis=0) * gain[:, None], size, axis=0)
        yield weighted[before : len(part)]


def lufs(power: Curve) -> Curve:
    """Loudness of a mean square."""
    return np.asarray(np.maximum(-0.691 + 10 * np.log10(np.maximum(power, 1e-14)), SILENCE_LUFS))


def sliding_lufs(powers: Curve, window_s: float) -> Curve:
    """Loudness of the window that ends with each 100 ms; NaN until there is a whole one."""
    count = round(window_s / STEP_S)
    total = np.concatenate([[0.0], np.cumsum(powers)])
    out = np.full(len(powers), np.nan)
    if len(powers) >= count:
        out[count - 1 :] = lufs(np.maximum(total[count:] - total[:-count], 0.0) / count)
    return out


def integrated_lufs(powers: Curve) -> float:
    """Gated loudness of the whole, after BS.1770-5: blocks of 400 ms, each 100 ms."""
    count = round(MOMENTARY_S / STEP_S)
    if len(powers) < count:
        return SILENCE_LUFS
    blocks = np.convolve(powers, np.full(count, 1 / count), "valid")
    loud = blocks[lufs(blocks) > ABSOLUTE_GATE_LUFS]
    if not loud.size:
        return SILENCE_LUFS
    gate = lufs(loud.mean()) + RELATIVE_GATE_LU
    return float(lufs(loud[lufs(loud) > gate].mean()))
