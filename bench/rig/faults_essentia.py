"""Essentia's detectors of faults, for bench/faults.py: where each says that something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from bench.rig.faults_corpus import RATE, Sound

FRAME: Final = 512
HOP: Final = 256
LONGER_FRAME: Final = 2048  # a gap must fit into a frame
LONGER_HOP: Final = 1024

Detect = Callable[[Sound], list[float]]  # of one channel: seconds

DIFFERENCES: Final = (
    "essentia: detectors with their defaults, frame by frame as in its examples, on the left channel",
    "essentia tells no delay, for it is not made for a stream",
    "essentia has nothing for an offset, a dead channel, imbalance, inverted phase or clocks",
)


def available() -> bool:
    """Whether it is installed."""
    return find_spec("essentia") is not None


def _frames(sound: Sound, size: int, hop: int) -> Iterator[tuple[int, Sound]]:
    for at in range(0, len(sound) - size + 1, hop):
        yield at, sound[at : at + size]


def _standard() -> Any:  # noqa: ANN401 - it has no types
    logger: Any = import_module("essentia").log
    logger.infoActive = logger.warningActive = False
    return import_module("essentia.standard")


def _starts(made: Any, size: int, hop: int) -> Detect:  # noqa: ANN401 - likewise
    """Of a detector that tells when each thing began, and keeps count of the time itself."""

    def detect(sound: Sound) -> list[float]:
        made.reset()
        return [float(start) for _, frame in _frames(sound, size, hop) for start in made(frame)[0]]

    return detect


def saturation() -> Detect:
    """SaturationDetector."""
    return _starts(_standard().SaturationDetector(frameSize=FRAME, hopSize=HOP, sampleRate=RATE), FRAME, HOP)


def gaps() -> Detect:
    """GapsDetector."""
    made = _standard().GapsDetector(frameSize=LONGER_FRAME, hopSize=LONGER_HOP, sampleRate=RATE)
    return _starts(made, LONGER_FRAME, LONGER_HOP)


def clicks() -> Detect:
    """ClickDetector."""
    return _starts(_standard().ClickDetector(frameSize=FRAME, hopSize=HOP, sampleRate=RATE), FRAME, HOP)


def discontinuities() -> Detect:
    """DiscontinuityDetector."""
    made = _standard().DiscontinuityDetector(frameSize=FRAME, hopSize=HOP)

    def detect(sound: Sound) -> list[float]:
        made.reset()
        return [
            (at + float(place)) / RATE for at, frame in _frames(sound, FRAME, HOP) for place in made(frame)[0]
        ]

    return detect


def true_peaks() -> Detect:
    """TruePeakDetector."""
    made = _standard().TruePeakDetector(sampleRate=RATE)

    def detect(sound: Sound) -> list[float]:
        return [float(place) / RATE for place in made(sound)[0]]

    return detect


def hum() -> Detect:
    """HumDetector, which wants more than twenty seconds."""
    made = _standard().HumDetector(sampleRate=RATE)

    def detect(sound: Sound) -> list[float]:
        padded = np.pad(sound, (0, max(0, 30 * RATE - len(sound))), mode="wrap")
        return [float(start) for start in np.atleast_1d(made(padded)[3])]

    return detect


def noise_bursts() -> Detect:
    """NoiseBurstDetector."""
    made = _standard().NoiseBurstDetector()

    def detect(sound: Sound) -> list[float]:
        made.reset()
        return [at / RATE for at, frame in _frames(sound, FRAME, HOP) if len(made(frame))]

    return detect


PEERS: Final[dict[str, tuple[str, Callable[[], Detect]]]] = {
    "essentia_saturation": ("clipping", saturation),
    "essentia_gaps": ("dropout", gaps),
    "essentia_clicks": ("click", clicks),
    "essentia_discontinuity": ("click", discontinuities),
    "essentia_noise_burst": ("click", noise_bursts),
    "essentia_true_peak": ("inter_sample_over", true_peaks),
    "essentia_hum": ("hum", hum),
}
"""By name: the kind of fault that a detector is for, and how it is made."""
