"""Features of one hop, pure: arrays in, numbers out. Imports nothing of the daemon.

Spectral features are of the magnitude spectrum of the last `window` samples under a periodic Hann
window; their definitions are those of Peeters, "A large set of audio features" (IRCAM, 2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

WINDOW_S: Final = 2048 / 48000
TINY: Final = 1e-10  # and so -200 dB is silence
OCTAVES_HZ: Final = (31.5, 63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)
OCTAVES_WINDOW_S: Final = 8192 / 48000
OCTAVES_HOPS: Final = 5  # one reading in so many hops: twenty a second

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature's name, unit and meaning."""

    name: str
    unit: str
    doc: str


FEATURES: Final = (
    Feature("rms", "", "Root mean square of the hop, full scale 1"),
    Feature("peak", "", "Largest magnitude of the hop, full scale 1"),
    Feature("zero_crossing_rate", "1/s", "Changes of sign per second in the hop"),
    Feature("spectral_centroid", "Hz", "Mean frequency, weighted by magnitude"),
    Feature("spectral_rolloff", "Hz", "Frequency below which `rolloff` of the energy lies"),
    Feature("spectral_flatness", "", "Geometric over arithmetic mean of the power spectrum: 1 noise, 0 tone"),
    Feature(
        "spectral_flux",
        "",
        "Root of the summed squared rises of the normalised magnitudes since the last hop",
    ),
)


class FeatureConfig(BaseModel):
    """`[plugins.features]`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    rolloff: Annotated[float, Field(gt=0, lt=1)] = 0.85
    """Share of the energy that lies below `spectral_rolloff`."""


class Extractor:
    """Features of a stream, hop by hop.

    rate: frames per second; hop: frames per call.
    """

    def __init__(self, rate: int, hop: int, config: FeatureConfig) -> None:
        self.window = 2 ** round(np.log2(WINDOW_S * rate))
        self._rate, self._hop, self._config = rate, hop, config
        self._hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window) / self.window)
        self._frequencies = np.fft.rfftfreq(self.window, 1 / rate)
        self.reset()

    def reset(self) -> None:
        """Forget the past, as after frames were lost."""
        self._past = np.zeros((2, self.window))
        self._before = np.zeros((2, self.window // 2 + 1))
        self._last = np.zeros(2)

    def extract(self, hop: npt.NDArray[np.float32]) -> Vector:
        """`hop`: (hop, 2) finite float32. Returns (2 x len(FEATURES),): left's features, then right's."""
        channels = hop.T.astype(np.float64)
        self._past = np.concatenate([self._past[:, len(hop) :], channels], axis=1)
        return np.stack([*self._temporal(channels), *self._spectral()], axis=1).ravel()

    def _temporal(self, channels: Vector) -> list[Vector]:
        rms = np.sqrt(np.mean(channels**2, axis=1))
        peak = np.abs(channels).max(axis=1)
        signs = np.concatenate([self._last[:, None], channels], axis=1) >= 0
        self._last = channels[:, -1]
        crossings = np.count_nonzero(signs[:, 1:] != signs[:, :-1], axis=1)
        return [rms, peak, crossings * self._rate / channels.shape[1]]

    def _spectral(self) -> list[Vector]:
        magnitude = np.abs(np.fft.rfft(self._past * self._hann, axis=1))
        power = magnitude**2
        total, energy = magnitude.sum(axis=1), power.sum(axis=1)
        centroid = magnitude @ self._frequencies / np.maximum(total, TINY)
        reached = np.cumsum(power, axis=1) >= self._config.rolloff * energy[:, None]
        rolloff = np.where(energy > TINY, self._frequencies[reached.argmax(axis=1)], 0)
        flatness = np.exp(np.mean(np.log(power + TINY), axis=1)) / (np.mean(power, axis=1) + TINY)
        normalised = magnitude / np.maximum(total, TINY)[:, None]
        rise = np.maximum(normalised - self._before, 0)
        self._before = normalised
        return [centroid, rolloff, flatness, np.sqrt(np.sum(rise**2, axis=1))]


class Octaves:
    """Levels in octave bands, as a spectrum to look at: of the last 171 ms, twenty times a second.

    The bands are the ten of IEC 61260-1 with the nominal centres `OCTAVES_HZ`; each is the power between
    its edges (a factor 10^0.15 to either side of the exact centre) under a periodic Hann window, in dB
    RMS of full scale, so that the bands of a sound without more below or above add up to its RMS. A line
    is 5.9 Hz wide and the window smears it over four, which only the lowest two bands notice.
    """

    def __init__(self, rate: int, streams: int) -> None:
        """`streams` of two channels each."""
        self.window = 2 ** round(np.log2(OCTAVES_WINDOW_S * rate))
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window) / self.window)
        self._hann = hann.astype(np.float32)
        self._scale = 2 / (self.window * float(np.sum(hann**2)))  # Parseval, one side
        frequencies = np.fft.rfftfreq(self.window, 1 / rate)
        exact = 1000 * 10 ** (0.3 * np.arange(-5, 5))
        edges = np.append(exact / 10**0.15, exact[-1] * 10**0.15)
        self._first = np.minimum(np.searchsorted(frequencies, edges), len(frequencies))
        self._past = np.zeros((2 * streams, self.window), dtype=np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the past, as after frames were lost."""
        self._past[:] = 0.0
        self._waiting: list[npt.NDArray[np.float32]] = []

    def take(self, *hops: npt.NDArray[np.float32]) -> Vector | None:
        """A hop of each stream, (hop, 2) finite float32; at every fifth call (2 x streams x 10,) levels.

        In dB: of the first stream left's bands, then right's, then of the second stream.
        """
        self._waiting.append(np.concatenate(hops, axis=1))
        if len(self._waiting) < OCTAVES_HOPS:
            return None
        news = np.concatenate(self._waiting).T[:, -self.window :]
        self._waiting.clear()
        self._past = np.concatenate([self._past[:, news.shape[1] :], news], axis=1)
        power = self._scale * np.abs(np.fft.rfft(self._past * self._hann, axis=1)) ** 2
        total = np.pad(np.cumsum(power, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
        bands = np.diff(total[:, self._first], axis=1)
        return np.asarray(10 * np.log10(np.maximum(bands, TINY**2))).ravel()
