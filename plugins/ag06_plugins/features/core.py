"""What is told of the extractor's rows beside themselves: a few at a glance, and a spectrum; pure.

Imports nothing of the daemon: rows come in as arrays, with the names of their columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

CHANNELS: Final = ("left", "right")
# Name and unit, and the column of the row that it is made of.
BASIC: Final = (
    ("rms", "", "rms_db"),
    ("peak", "", "peak_db"),
    ("zero_crossing_rate", "1/s", "zero_crossing_rate"),
    ("spectral_centroid", "Hz", "spectral_centroid"),
    ("spectral_rolloff", "Hz", "spectral_rolloff"),
    ("spectral_flatness", "", "spectral_flatness"),
    ("spectral_flux", "", "spectral_flux"),
)
# Hertz, and the column.
OCTAVES: Final = (
    ("31.5", "octave_db_31_5"),
    ("63", "octave_db_63"),
    ("125", "octave_db_125"),
    ("250", "octave_db_250"),
    ("500", "octave_db_500"),
    ("1000", "octave_db_1k"),
    ("2000", "octave_db_2k"),
    ("4000", "octave_db_4k"),
    ("8000", "octave_db_8k"),
    ("16000", "octave_db_16k"),
)
OCTAVES_HOPS: Final = 5  # one reading in so many hops: twenty a second

Vector = npt.NDArray[np.float32]


def columns(fields: Sequence[str], names: Sequence[str]) -> npt.NDArray[np.intp]:
    """Where `names` of the left and then of the right channel stand among a row's `fields`."""
    return np.array([fields.index(f"{channel}.{name}") for channel in CHANNELS for name in names])


class Basic:
    """The features that say most at a glance, with levels as magnitudes of full scale 1."""

    def __init__(self, fields: Sequence[str], floor_db: float) -> None:
        """Of rows with these `fields`, whose levels are `floor_db` for what is silent."""
        self._columns = columns(fields, [column for _, _, column in BASIC])
        self._levels = np.array([column.endswith("_db") for _ in CHANNELS for _, _, column in BASIC])
        self._floor_db = floor_db

    def of(self, row: Vector) -> Vector:
        """(2 x len(BASIC),): left's features, then right's."""
        values = row[self._columns]
        levels = values[self._levels]
        values[self._levels] = np.where(levels > self._floor_db, 10 ** (levels / 20), 0)
        return values


class Octaves:
    """Levels in octave bands, as a spectrum to look at: the mean power of five hops, twenty a second."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._columns = columns(fields, [column for _, column in OCTAVES])
        self.reset()

    def reset(self) -> None:
        """Forget what came in since the last reading, as after frames were lost."""
        self._waiting: list[Vector] = []

    def take(self, *rows: Vector) -> Vector | None:
        """A row of each stream; at every fifth call (2 x streams x 10,) levels in dB.

        Of the first stream left's bands, then right's, then of the second stream.
        """
        self._waiting.append(np.concatenate([row[self._columns] for row in rows]))
        if len(self._waiting) < OCTAVES_HOPS:
            return None
        power = np.mean(10 ** (np.array(self._waiting) / 10), axis=0)
        self._waiting.clear()
        return np.asarray(10 * np.log10(power), dtype=np.float32)
