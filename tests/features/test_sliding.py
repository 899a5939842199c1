from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ag06d.features import STATISTICS, Extractor, Sliding, elements, scale, statistic_names
from ag06d.features.sliding import BINS

WINDOWS_S = (0.03, 0.7, 1.5)  # 3, 70 and 150 rows: shorter than a block, longer than one, and than two
SCALES = [(-120.0, 12.0), (0.0, 1.0)]
VALUES = st.one_of(
    st.floats(-130, 20, width=32),
    st.sampled_from([0.0, -120.0, 12.0, np.nan, np.inf, -np.inf, 1e30]),
)


def wanted(rows: np.ndarray) -> np.ndarray:
    """Mean to maximum of a window, by numpy; percentiles are checked apart."""
    with np.errstate(invalid="ignore"):
        there = [column[np.isfinite(column)].astype(np.float64) for column in rows.T]
    return np.array(
        [[c.mean(), c.std(), c.min(), c.max()] if c.size else [np.nan] * 4 for c in there], dtype=np.float64
    )


def check(sliding: Sliding, rows: np.ndarray) -> None:
    for window_s in WINDOWS_S:
        last = rows[-round(100 * window_s) :]
        found = sliding.read(window_s)
        np.testing.assert_allclose(found[:, :4], wanted(last), rtol=2e-5, atol=2e-5)
        np.testing.assert_array_equal(found[:, 2:4], wanted(last)[:, 2:].astype(np.float32))
        for (low, high), column, values in zip(SCALES, last.T, found, strict=True):
            finite = column[np.isfinite(column)]
            if finite.size:
                ranked = np.percentile(finite, [5, 50, 95], method="inverted_cdf")
                inside = np.clip(ranked, low, high)
                near = np.abs(values[4:] - inside) <= (high - low) / BINS * 1.001
                assert (
                    near | ((ranked != inside) & (values[4:] >= finite.min()) & (values[4:] <= finite.max()))
                ).all()
                assert (np.diff(values[4:]) >= 0).all()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=40), st.integers(1, 12), st.integers(0, 400))
def test_it_tells_what_numpy_tells_of_the_last_rows(pattern, repeats, noise):
    rows = np.array(pattern * repeats, dtype=np.float32)
    generator = np.random.default_rng(noise)
    rows = np.concatenate([rows, generator.normal(-50, 20, (noise, 2)).astype(np.float32)])
    sliding = Sliding(SCALES, WINDOWS_S)
    for count, row in enumerate(rows, 1):
        sliding.push(row)
        if count in (1, 2, 63, 64, 65, 150, 151, 213):
            check(sliding, rows[:count])
    check(sliding, rows)


def test_a_constant_has_no_deviation_and_is_each_of_its_percentiles():
    sliding = Sliding(SCALES, WINDOWS_S)
    for _ in range(1000):
        sliding.push(np.array([-33.3, 0.1], np.float32))
    assert (sliding.read(0.7) == np.array([[-33.3], [0.1]], np.float32) * [1, 0, 1, 1, 1, 1, 1]).all()


@pytest.mark.parametrize("extreme", [1e6, -1e30, 3e38])
@pytest.mark.parametrize("at", [0, 777])
def test_nothing_is_left_of_an_extreme_value_once_it_is_out_of_the_window(extreme, at):
    rows = np.random.default_rng(1).normal(0.5, 1e-4, (1500, 2)).astype(np.float32)
    rows[at] = extreme
    sliding = Sliding(SCALES, WINDOWS_S)
    sliding.push(rows[: at + 151])
    for count in range(at + 151, at + 351):
        last = rows[count - 150 : count]
        np.testing.assert_allclose(sliding.read(1.5)[1, :2], wanted(last)[1, :2], rtol=1e-5)
        sliding.push(rows[count])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 90), max_size=8), st.integers(1, 70), st.booleans())
def test_a_recording_in_pieces_gives_the_bits_of_a_stream(cuts, every, twice):
    rows = np.random.default_rng(2).normal(-50, 20, (sum(cuts), 2)).astype(np.float32)
    rows[::17, 1] = np.nan
    stream, batch = Sliding(SCALES, WINDOWS_S), Sliding(SCALES, WINDOWS_S)
    if twice:  # what came before a reset is as if it never was
        batch.extract(rows, every)
        batch.reset()
    wanted_rows = []
    for number, row in enumerate(rows, 1):
        stream.push(row)
        if number % every == 0:
            wanted_rows.append([stream.read(window_s) for window_s in WINDOWS_S])
    pieces = np.split(rows, np.cumsum(cuts))
    found = np.concatenate([batch.extract(piece, every) for piece in pieces])
    assert found.shape == (len(rows) // every, len(WINDOWS_S), 2, len(STATISTICS))
    assert found.tobytes() == np.array(wanted_rows, np.float32).tobytes()


def test_several_rows_at_once_are_each_pushed_in_turn():
    rows = np.random.default_rng(3).normal(-50, 20, (333, 2)).astype(np.float32)
    one, many = Sliding(SCALES, WINDOWS_S), Sliding(SCALES, WINDOWS_S)
    for row in rows:
        one.push(row)
    many.push(rows[:0])
    many.push(rows[:200])
    many.push(rows[200:])
    for window_s in WINDOWS_S:
        assert one.read(window_s).tobytes() == many.read(window_s).tobytes()


def test_statistics_go_where_they_are_asked_to_and_have_names():
    sliding = Sliding(SCALES, WINDOWS_S)
    sliding.push(np.array([-20, 0.5], np.float32))
    room = np.empty((2, len(STATISTICS)), np.float32)
    assert sliding.read(0.7, room) is room
    names = statistic_names(["left.rms_db", "left.chroma_c"])
    found = dict(zip(names, room.reshape(-1), strict=True))
    assert found["left.rms_db.mean"] == -20
    assert found["left.chroma_c.p95"] == 0.5
    for wrong in (np.empty((2, 3), np.float32), np.empty((2, len(STATISTICS)))):
        with pytest.raises(ValueError, match="it is to be float32"):
            sliding.read(0.7, wrong)


def test_what_had_no_value_has_none_until_it_has_one():
    sliding = Sliding(SCALES, WINDOWS_S)
    assert np.isnan(sliding.read(0.03)).all()
    sliding.push(np.array([np.nan, 0.5], np.float32))
    assert np.isnan(sliding.read(0.03)[0]).all()
    for _ in range(3):
        sliding.push(np.array([np.inf, np.nan], np.float32))
    assert np.isnan(sliding.read(0.03)).all()
    assert sliding.read(0.7)[1, 0] == 0.5


def test_every_feature_of_ordinary_sound_lies_within_its_scale():
    generator = np.random.default_rng(0)
    sounds = [generator.normal(0, level, (48000, 2)).astype(np.float32) for level in (1e-4, 0.05, 0.3)]
    t = np.arange(48000) / 48000
    sounds += [
        np.stack([0.5 * np.sin(2 * np.pi * f * t)] * 2, 1).astype(np.float32) for f in (60, 440, 15000)
    ]
    rows = np.concatenate([Extractor(48000).extract(sound)[10:] for sound in sounds])
    for (name, feature), column in zip(elements(), rows.T, strict=True):
        low, high = scale(feature, 48000)
        assert low <= column.min(), name
        assert column.max() <= high, name


def test_a_scale_of_frequencies_grows_with_the_rate():
    features = {feature.name: feature for _, feature in elements()}
    assert scale(features["spectral_centroid"], 96000) == (0, 48000)
    assert scale(features["f0"], 96000) == (0, 1100)
    assert scale(features["rms_db"], 96000) == (-120, 12)
    assert scale(features["spectral_slope"], 24000)[1] == pytest.approx(1e-6)


@pytest.mark.parametrize(
    ("scales", "windows_s"),
    [([(1, 1)], (1,)), ([(0, np.nan)], (1,)), ([], (1,)), (SCALES, (2, 1)), (SCALES, (0,)), (SCALES, (700,))],
)
def test_what_cannot_be_is_refused(scales, windows_s):
    with pytest.raises(ValueError, match="scales are pairs"):
        Sliding(scales, windows_s)


def test_a_row_of_another_length_or_a_window_that_is_none_is_refused():
    sliding = Sliding(SCALES, WINDOWS_S)
    with pytest.raises(ValueError, match=r"\(2,\)"):
        sliding.push(np.zeros(3, np.float32))
    with pytest.raises(KeyError):
        sliding.read(2)
    with pytest.raises(ValueError, match="after every 0 rows"):
        sliding.extract(np.zeros((1, 2), np.float32), 0)
    assert sliding.read(1.5).shape == (2, len(STATISTICS))
