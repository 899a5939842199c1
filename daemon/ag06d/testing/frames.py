"""Frames of any sound, one after the other in position and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ag06d.plugin import Frame
from ag06d.testing.context import HOP, RATE


@dataclass(slots=True)
class FrameFactory:
    """Frames of any sound, one after the other in position and time."""

    rate: int = RATE
    hop: int = HOP
    position: int = 0

    def of(self, sound: npt.NDArray[np.float32]) -> Iterator[Frame]:
        """Whole hops of `sound`, of shape (frames,) or (frames, 2), wet equal to dry."""
        stereo = np.repeat(sound[:, None], 2, axis=1) if sound.ndim == 1 else sound
        for start in range(0, len(stereo) - self.hop + 1, self.hop):
            hop = np.ascontiguousarray(stereo[start : start + self.hop], dtype=np.float32)
            hop.flags.writeable = False
            end_ns = round((self.position + self.hop) * 1e9 / self.rate)
            yield Frame(dry=hop, wet=hop, position=self.position, mono_ns=end_ns, rate=self.rate)
            self.position += self.hop

    def silence(self, seconds: float) -> Iterator[Frame]:
        """Exact zeros."""
        return self.of(np.zeros(round(seconds * self.rate), dtype=np.float32))

    def tone(self, frequency_hz: float, seconds: float, peak: float = 0.5) -> Iterator[Frame]:
        """A sine."""
        n = np.arange(round(seconds * self.rate))
        return self.of((peak * np.sin(2 * np.pi * frequency_hz * n / self.rate)).astype(np.float32))

    def noise(self, seconds: float, rms: float = 0.1, seed: int = 0) -> Iterator[Frame]:
        """Gaussian white noise, the same on both channels, repeatable by its seed."""
        generator = np.random.default_rng(seed)
        return self.of((rms * generator.standard_normal(round(seconds * self.rate))).astype(np.float32))
