"""What a recording is like before and after the chain: outline, spectrum and loudness."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ag06d.audio.recording import load_recording
from ag06d.plot.loudness import Loudness

Curve = npt.NDArray[np.float64]

OUTLINE_POINTS = 1600
SPECTRUM_FRAMES = 8192
OCTAVE_SHARE = 6  # the spectrum is smoothed over a sixth of an octave


@dataclass(frozen=True, slots=True)
class Sound:
    """One recording, measured. `low` and `high` outline the waveform of both channels together."""

    seconds: float
    low: Curve
    high: Curve
    frequencies_hz: Curve
    spectrum_db: Curve
    loudness: Loudness

    @classmethod
    def of(cls, path: Path, rate: int) -> Sound:
        """Measure the recording at `path`, brought to `rate`; raises RecordingError."""
        frames = load_recording(path, rate)
        low, high = outline(frames)
        frequencies, spectrum = long_term_spectrum(frames, rate)
        return cls(
            seconds=len(frames) / rate,
            low=low,
            high=high,
            frequencies_hz=frequencies,
            spectrum_db=spectrum,
            loudness=Loudness.of(frames, rate),
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
