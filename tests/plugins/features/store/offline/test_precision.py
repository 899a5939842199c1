from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ag06_plugins.features.store.offline import seal
from ag06_plugins.features.store.offline.precision import as_stored, quantum, rounded
from ag06d.plugin import FeatureField, FeatureView

STEPS = st.floats(min_value=5e-324, max_value=1.7e308)


def finite(dtype):
    elements = st.floats(allow_nan=False, allow_infinity=False, width=np.dtype(dtype).itemsize * 8)
    return arrays.arrays(dtype, st.integers(1, 8), elements=elements)


@settings(max_examples=500)
@given(values=st.one_of(finite(np.float32), finite(np.float64)), step=STEPS)
def test_no_value_is_further_away_than_half_a_step(values, step):
    got = rounded(values, step)
    assert got.dtype == values.dtype
    assert np.all(np.isfinite(got))
    half = step / 2
    for before, after in zip(values.tolist(), got.tolist(), strict=True):
        assert abs(before / 2 - after / 2) <= half / 2 or before == after


@settings(max_examples=300)
@given(values=finite(np.float32), exponent=st.integers(-20, 20))
def test_what_is_above_the_resolution_of_the_dtype_is_exact_and_the_rest_a_multiple(values, exponent):
    step = 1.5 * 2.0**exponent
    got = rounded(values, step)
    assert quantum(step) == 2.0**exponent
    large = np.abs(values) >= 2.0 ** (23 + exponent)
    assert np.array_equal(got[large], values[large])
    assert np.all(np.fmod(got.astype(np.float64), 2.0**exponent) == 0)
    assert np.array_equal(rounded(got, step), got)  # sealing what was sealed changes nothing


@settings(max_examples=200)
@given(values=finite(np.float32))
def test_half_precision_is_the_nearest_float16_or_exact(values):
    got = rounded(values, "f16")
    fits = np.abs(values) < 65_520
    with np.errstate(over="ignore"):
        assert np.array_equal(got[fits], values[fits].astype(np.float16).astype(np.float32))
    assert np.array_equal(got[~fits], values[~fits])
    assert rounded(values, "f32") is values


def test_what_is_not_finite_stays_and_zero_has_one_sign():
    values = np.array([np.nan, np.inf, -np.inf, -0.001, -0.0], dtype=np.float32)
    for precision in (0.01, "f16"):
        got = rounded(values, precision)
        assert np.array_equal(got[:3], values[:3], equal_nan=True)
        assert math.copysign(1, got[4]) == 1
    assert math.copysign(1, rounded(values, 0.01)[3]) == 1


@pytest.mark.parametrize("sealed", [False, True])
def test_a_row_is_the_same_before_and_after_it_is_sealed(store, sealed):
    store.push("level", "dry", [1], [[0.1234567, 3000.7, 65_535.9, 0.1234567]])
    store.log.rotate()
    if sealed:
        assert seal(store.offline) == 1
    assert store.offline.read("level").values.tolist() == [
        [round(0.1234567 * 128) / 128, 3000.0, 65_535.8984375, np.float32(0.1234567)]
    ]


def test_columns_keep_their_precision_in_whatever_order_they_are_asked_for(store):
    store.push("level", "dry", [1], [[0.13, 1.0001, 2.0001, 0.13]])
    forth = store.offline.read("level").values[0]
    back = store.offline.read("level", ["exact", "bands_01", "rms_db"]).values[0]
    assert back.tolist() == forth[[3, 2, 0]].tolist()


def test_float64_is_kept_whole_unless_a_precision_is_declared():
    field = FeatureField(name="score")
    view = FeatureView(name="taste", entity="user", dtype="float64", fields=(field,))
    assert as_stored(view, np.array([[math.pi]]), [0])[0, 0] == math.pi
