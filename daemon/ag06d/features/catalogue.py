"""Every feature by name: unit, range, size and meaning, in the order in which the C code lays them out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ag06d._native import lib

FLOOR_DB: Final = int(lib.AG06_FEATURE_FLOOR_DB)
LOUDEST_DB: Final = 120  # what is louder is taken for that
SIGNALS: Final = ("left", "right", "mid")
PITCHES: Final = ("c", "c_sharp", "d", "d_sharp", "e", "f", "f_sharp", "g", "g_sharp", "a", "a_sharp", "b")
OCTAVES: Final = ("31_5", "63", "125", "250", "500", "1k", "2k", "4k", "8k", "16k")
HIGHEST_HZ: Final = 96000  # half of the highest rate
SCALE_RATE: Final = 48000  # at which scales are told
LEVELS: Final = (float(FLOOR_DB), 12.0)
HERTZ: Final = (0.0, SCALE_RATE / 2)

GROUPS: Final = {
    "level": int(lib.AG06_FEATURES_LEVEL),
    "spectrum": int(lib.AG06_FEATURES_SPECTRUM),
    "mfcc": int(lib.AG06_FEATURES_MFCC),
    "tone": int(lib.AG06_FEATURES_TONE),
    "pitch": int(lib.AG06_FEATURES_PITCH),
    "hum": int(lib.AG06_FEATURES_HUM),
    "meter": int(lib.AG06_FEATURES_METER),
}


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of one or, by `parts`, several elements; `group` is what has to be asked for to get it.

    `scale` is where its values lie as a rule, at 48 kHz: percentiles are told to a 1024th of it.
    """

    name: str
    group: str
    unit: str
    low: float
    high: float
    doc: str
    scale: tuple[float, float]
    parts: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each element: its own, or with the part's behind it."""
        return tuple(f"{self.name}_{part}" for part in self.parts) or (self.name,)


def _level(name: str, doc: str, group: str = "level", parts: tuple[str, ...] = ()) -> Feature:
    return Feature(name, group, "dB", FLOOR_DB, LOUDEST_DB + 60, doc, LEVELS, parts)


SIGNAL_FEATURES: Final = (
    _level("rms_db", "Root mean square of the hop, of full scale 1"),
    _level("peak_db", "Largest magnitude of the hop, of full scale 1"),
    _level("true_peak_db", "Largest magnitude between the samples too, after BS.1770-5 Annex 2", "meter"),
    Feature(
        "crest_db", "level", "dB", 0, 60, "Peak over root mean square of the hop; 0 for silence", (0, 40)
    ),
    Feature("dc_offset", "level", "", -1e6, 1e6, "Mean of the window, full scale 1", (-0.25, 0.25)),
    Feature(
        "zero_crossing_rate",
        "level",
        "1/s",
        0,
        2 * HIGHEST_HZ,
        "Changes of sign per second in the hop",
        (0, SCALE_RATE),
    ),
    Feature(
        "spectral_centroid", "spectrum", "Hz", 0, HIGHEST_HZ, "Mean frequency, weighted by magnitude", HERTZ
    ),
    Feature(
        "spectral_spread",
        "spectrum",
        "Hz",
        0,
        HIGHEST_HZ,
        "Standard deviation of the frequency, likewise",
        HERTZ,
    ),
    Feature(
        "spectral_rolloff",
        "spectrum",
        "Hz",
        0,
        HIGHEST_HZ,
        "Frequency below which `rolloff` of the energy lies",
        HERTZ,
    ),
    Feature(
        "spectral_flatness",
        "spectrum",
        "",
        0,
        1.001,
        "Geometric over arithmetic mean of the power spectrum: 1 noise, 0 tone",
        (0, 1),
    ),
    Feature(
        "spectral_flux",
        "spectrum",
        "",
        0,
        2,
        "Root of the summed squared rises of the normalised magnitudes since the last hop",
        (0, 1),
    ),
    Feature(
        "spectral_slope",
        "spectrum",
        "1/Hz",
        -1,
        1,
        "Slope of the normalised magnitudes over frequency",
        (-2.5e-7, 2.5e-7),
    ),
    Feature(
        "f0", "pitch", "Hz", 0, 1100, "Fundamental frequency by YIN, 50 Hz to 1 kHz; 0 for silence", (0, 1100)
    ),
    Feature(
        "voicing",
        "pitch",
        "",
        0,
        1,
        "How periodic the sound is: 1 - YIN's normalised difference at f0",
        (0, 1),
    ),
    Feature("hnr_db", "pitch", "dB", -20, 40, "Harmonics to noise below 6 kHz, from the same", (-20, 40)),
    _level("hum_50_db", "50 Hz and its harmonics to 500 Hz, root mean square over a second", "hum"),
    _level("hum_60_db", "60 Hz and its harmonics to 600 Hz, root mean square over a second", "hum"),
    _level("noise_floor_db", "Quietest 100 ms of the last 10 s, root mean square"),
    _level(
        "log_mel_db",
        "Power in Slaney's mel bands from 0 Hz to half the rate",
        "mfcc",
        tuple(f"{band:02}" for band in range(lib.AG06_MELS)),
    ),
    Feature(
        "mfcc",
        "mfcc",
        "dB",
        -2000,
        2000,
        "Orthonormal DCT-II of the log mel bands",
        (-760, 300),
        tuple(f"{number:02}" for number in range(lib.AG06_MFCCS)),
    ),
    Feature(
        "chroma",
        "tone",
        "",
        0,
        1,
        "Energy of each pitch class, the largest 1; 0 for silence",
        (0, 1),
        PITCHES,
    ),
    _level(
        "octave_db", "Root mean square of each octave band; the name is its middle in Hz", "tone", OCTAVES
    ),
)

HOP_FEATURES: Final = (
    Feature(
        "correlation",
        "meter",
        "",
        -1,
        1,
        "Correlation of left and right over 400 ms; 0 where one is silent",
        (-1, 1),
    ),
    Feature(
        "balance", "meter", "", -1, 1, "Where the energy of 400 ms is: -1 all left, 1 all right", (-1, 1)
    ),
    Feature(
        "momentary_lufs", "meter", "LUFS", FLOOR_DB, 200, "Loudness of the last 400 ms (BS.1770-5)", LEVELS
    ),
    Feature("short_term_lufs", "meter", "LUFS", FLOOR_DB, 200, "Loudness of the last 3 s", LEVELS),
)


def elements(signals: tuple[str, ...] = SIGNALS) -> Iterator[tuple[str, Feature]]:
    """Name and feature of every element of an extractor's row, such as `left.rms_db`, `mid.mfcc_00`."""
    for feature in HOP_FEATURES:
        yield feature.name, feature
    for signal in signals:
        for feature in SIGNAL_FEATURES:
            for name in feature.names:
                yield f"{signal}.{name}", feature


def scale(feature: Feature, rate: int) -> tuple[float, float]:
    """`feature.scale` at `rate` frames per second, of which the frequencies of a spectrum are a share."""
    grows = {"Hz": 1, "1/s": 1, "1/Hz": -2}.get(feature.unit, 0) if feature.group != "pitch" else 0
    factor = float(rate / SCALE_RATE) ** grows
    return feature.scale[0] * factor, feature.scale[1] * factor
