from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06d.errors import PlotError
from ag06d.plot import plot_series
from ag06d.plot.series import Series

UNITS = {"dry": "LUFS", "wet": "LUFS", "rate": "Hz"}
HEARD = {at / 10: {"dry": -30.0 + at % 7, "wet": -20.0, "rate": 1000.0 * at} for at in range(50)}
PNG = b"\x89PNG\r\n\x1a\n"


def test_series_with_one_unit_share_an_axis():
    assert Series.of(5, HEARD, UNITS).groups() == {"LUFS": ["dry", "wet"], "Hz": ["rate"]}


@given(
    st.lists(st.floats(-1e9, 1e9).map(np.float32).map(float), min_size=1, max_size=20),
    st.integers(4, 20),
)
def test_a_scale_holds_all_values_in_round_steps(values, parts):
    low, high, step = Series.of(1, {at / 20: {"x": v} for at, v in enumerate(values)}, {"x": ""}).scale(
        ["x"], parts
    )
    assert low <= min(values)
    assert max(values) <= high
    assert round((high - low) / step) <= parts + 3
    assert f"{step:e}"[0] in "125"


def test_what_was_not_measured_is_not_drawn():
    heard = {0.0: {"a": -200.0, "b": -200.0}, 0.1: {"a": -3.0, "b": -200.0}, 0.2: {}}
    series = Series.of(1, heard, {"a": "dBFS", "b": "LUFS"})
    assert list(series.values) == ["a"]
    np.testing.assert_array_equal(series.values["a"], [np.nan, -3.0, np.nan])
    with pytest.raises(PlotError, match="b had no value"):
        Series.of(1, heard, {"b": "LUFS"})


def test_without_colours_every_name_has_a_figure_of_its_own():
    text = plot_series(Series.of(5, HEARD, UNITS), "meters")
    assert text.startswith("meters\n")
    assert all(f"\n{name}\n" in text for name in UNITS)
    assert (text.count("(LUFS)"), text.count("(Hz)"), text.count("(s)")) == (2, 1, 3)
    assert max(map(len, text.splitlines())) <= 80


def test_a_constant_and_a_single_value_can_be_drawn_both_ways(tmp_path):
    series = Series.of(5, {0.0: {"dry": -3.0}}, {"dry": "LUFS"})
    assert "-3" in plot_series(series, "one")
    path = tmp_path / "figure.png"
    assert plot_series(series, "one", path) == str(path)
    assert path.read_bytes().startswith(PNG)
