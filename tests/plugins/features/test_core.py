from __future__ import annotations

import numpy as np
import pytest

from ag06_plugins.features.core import BASIC, OCTAVES, Basic, Octaves, columns

FLOOR_DB = -120
NAMES = [*dict.fromkeys([column for _, _, column in BASIC] + [column for _, column in OCTAVES]), "more"]
FIELDS = [f"{channel}.{name}" for channel in ("mid", "right", "left") for name in NAMES]


def row(**values: float) -> np.ndarray:
    """All fields at the floor but `values` of the left channel and the same less 20 of the right."""
    made = np.full(len(FIELDS), FLOOR_DB, dtype=np.float32)
    for name, value in values.items():
        made[FIELDS.index(f"left.{name}")] = value
        made[FIELDS.index(f"right.{name}")] = value - 20
    return made


def test_columns_are_of_left_then_right_in_the_order_asked_for():
    found = columns(FIELDS, ["more", "rms_db"])
    assert [FIELDS[column] for column in found] == ["left.more", "left.rms_db", "right.more", "right.rms_db"]
    with pytest.raises(ValueError, match="not in list"):
        columns(FIELDS, ["unheard_of"])


def test_levels_are_magnitudes_and_the_rest_is_as_it_was():
    of = Basic(FIELDS, FLOOR_DB).of(row(rms_db=-20, peak_db=0, spectral_centroid=1000))
    assert of.dtype == np.float32
    names = [name for name, _, _ in BASIC]
    left, right = (dict(zip(names, part.tolist(), strict=True)) for part in np.split(of, 2))
    assert left["rms"] == pytest.approx(0.1)
    assert left["peak"] == 1
    assert right["rms"] == pytest.approx(0.01)
    assert (left["spectral_centroid"], right["spectral_centroid"]) == (1000, 980)


def test_the_floor_is_silence():
    assert Basic(FIELDS, FLOOR_DB).of(row())[:2].tolist() == [0, 0]


def test_octaves_are_the_mean_power_of_five_hops():
    octaves = Octaves(FIELDS)
    loud, quiet = row(octave_db_1k=-10), row(octave_db_1k=-110)
    for hop in (loud, quiet, quiet, quiet):
        assert octaves.take(hop, quiet) is None
    levels = octaves.take(quiet, loud)
    assert levels.shape == (40,)
    at = [hertz for hertz, _ in OCTAVES].index("1000")
    mean = -10 - 10 * np.log10(5)
    assert levels.reshape(4, 10)[:, at] == pytest.approx([mean, mean - 20, mean, mean - 20], abs=0.01)
    assert np.delete(levels.reshape(4, 10), at, axis=1) == pytest.approx(FLOOR_DB)


def test_what_came_before_a_reset_is_forgotten():
    octaves = Octaves(FIELDS)
    for _ in range(4):
        octaves.take(row(octave_db_1k=0))
    octaves.reset()
    assert [octaves.take(row()) is None for _ in range(5)] == [True] * 4 + [False]
