from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from ag06_plugins.features.store.offline import Offline, seal
from ag06d.plugin import RequestError

SECOND = 1_000_000_000


@pytest.fixture
def filled(store):
    """Ten rows of `level` a second apart, one of `count` after five of them."""
    store.push("level", "dry", range(10), np.arange(10))
    store.log.rotate()
    seal(store.offline)
    store.push("count", "dry", [4.5], [7])
    return store.offline


@pytest.mark.parametrize(
    "moments",
    [
        np.array([2, 5]) * SECOND,
        [2 * SECOND, 5 * SECOND],
        np.array([2, 5], dtype="datetime64[s]"),
        [datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC), datetime(1970, 1, 1, 0, 0, 5)],  # noqa: DTZ001 - taken for UTC
        [datetime(1970, 1, 1, 2, 0, at, tzinfo=timezone(timedelta(hours=2))) for at in (2, 5)],
        pa.array([2, 5], type=pa.timestamp("s")),
        pd.Series(pd.to_datetime([2, 5], unit="s", utc=True)),
    ],
)
def test_moments_are_taken_as_whatever_they_come(filled, moments):
    joined = filled.get_historical_features({"event_time": moments, "stream": ["dry"] * 2}, ["level:exact"])
    assert joined.features["exact"].tolist() == [2, 5]
    assert joined.rows["event_time"].cast(pa.int64()).to_pylist() == [2 * SECOND, 5 * SECOND]


def test_tables_and_frames_keep_their_other_columns(filled):
    frame = pd.DataFrame({"event_time": [2 * SECOND], "stream": ["dry"], "label": [1]})
    for rows in (frame, pa.Table.from_pandas(frame)):
        table = filled.get_historical_features(rows, ["level:exact"]).to_arrow()
        assert table.column_names == ["event_time", "stream", "label", "exact"]
        assert table["label"].to_pylist() == [1]
    assert filled.get_historical_features(frame, "model").to_pandas()["rms_db"].tolist() == [2]


def test_what_is_missing_is_null_of_an_integer_and_nan_of_a_float(filled, tmp_path):
    asked = {"event_time": np.array([-1, 4, 5]) * SECOND, "stream": ["dry"] * 3}
    joined = filled.get_historical_features(asked, ["count", "level:rms_db"])
    table = joined.to_arrow()
    assert table["exact"].to_pylist() == [None, None, 7]
    assert np.array_equal(table["rms_db"].to_numpy(), [np.nan, 4, 5], equal_nan=True)
    assert np.array_equal(joined.to_numpy(), [[np.nan, np.nan], [np.nan, 4], [7, 5]], equal_nan=True)
    joined.to_csv(tmp_path / "x.csv")
    assert pa.csv.read_csv(tmp_path / "x.csv")["exact"].to_pylist() == [None, None, 7]


def test_a_name_that_two_features_share_has_its_view_before_it(filled):
    asked = {"event_time": [SECOND], "stream": ["dry"]}

    def names(*references, **options):
        return list(filled.get_historical_features(asked, references, **options).features)

    assert names("level", "count") == ["rms_db", "bands_00", "bands_01", "level__exact", "count__exact"]
    assert names("level:bands") == ["bands_00", "bands_01"]
    assert names("level:exact", full_names=True) == ["level__exact"]
    assert names("level:exact", "level@1:exact", "level:exact") == ["exact"]


@pytest.mark.parametrize(
    ("rows", "features", "message"),
    [
        ({"stream": ["dry"]}, ["level"], "no column 'event_time'"),
        ({"event_time": [1]}, ["level"], "no column 'stream'"),
        ({"event_time": ["soon"], "stream": ["dry"]}, ["level"], "which are no moments"),
        ({"event_time": [1, 2], "stream": ["dry"]}, ["level"], "no table"),
        ({"event_time": [None], "stream": ["dry"]}, ["level"], "are missing"),
        ({"event_time": [1], "stream": ["dry"]}, ["level:x"], "no field 'x'"),
        ({"event_time": [1], "stream": ["dry"]}, "nothing", "no feature service 'nothing'"),
        ({"event_time": [1], "stream": ["dry"]}, ["ratio"], "computed on demand"),
        (7, ["level"], "no table"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_reason(filled, rows, features, message):
    with pytest.raises(RequestError, match=message):
        filled.get_historical_features(rows, features)


class Ratio:
    """One expression, in place of whoever reads them."""

    def inputs(self, view):
        assert view.key == "ratio@1"
        return ["level:exact", "count:exact"]

    def compute(self, view, inputs):
        assert view.key == "ratio@1"
        return (inputs["level:exact"] / inputs["count:exact"])[:, np.newaxis]


@pytest.mark.usefixtures("filled")
def test_views_on_demand_are_computed_from_what_was_at_the_moment(store):
    offline = Offline(store.folder, store.registry, on_demand=Ratio())
    asked = {"event_time": np.array([4, 6]) * SECOND, "stream": ["dry"] * 2}
    joined = offline.get_historical_features(asked, ["ratio:of_both", "level:rms_db"])
    assert np.array_equal(joined.features["of_both"], np.float32([np.nan, 6 / 7]), equal_nan=True)
    assert joined.missing["of_both"].tolist() == [True, False]
    assert joined.features["rms_db"].tolist() == [4, 6]


READERS = {
    "parquet": pq.read_table,
    "arrow": pyarrow.feather.read_table,
    "csv": pyarrow.csv.read_csv,
}


@pytest.mark.parametrize("form", READERS)
def test_a_view_and_a_service_are_exported_whole(filled, tmp_path, form):
    path = tmp_path / f"x.{form}"
    told = []
    assert filled.export("level", path, end_ns=8 * SECOND, progress=lambda *each: told.append(each)) == 8
    table = READERS[form](path)
    assert table["exact"].to_pylist() == list(range(8))
    assert table["entity"].to_pylist() == ["dry"] * 8
    assert told[-1][0] == 7 * SECOND

    assert filled.export("model", path) == 10
    table = READERS[form](path)
    assert table.column_names == ["event_time", "stream", "level__exact", "count__exact", "rms_db"]
    assert table["count__exact"].to_pylist() == [None] * 5 + [7] * 5

    count = filled.export(
        "model", path, start_ns=4 * SECOND, end_ns=6 * SECOND, every_ns=SECOND // 4, form=form
    )
    assert count == 8
    assert READERS[form](path)["level__exact"].to_pylist() == [4] * 4 + [5] * 4
    assert [entry.name for entry in tmp_path.glob("x.*")] == [path.name]


def test_an_export_of_nothing_still_has_its_columns_and_one_that_cannot_be_is_not_there(filled, tmp_path):
    path = tmp_path / "x.parquet"
    assert filled.export("level", path, start_ns=100 * SECOND) == 0
    assert "exact" in pq.read_table(path).column_names
    for what, name, options in (
        ("level", "x.xlsx", {}),
        ("level", "y.csv", {"every_ns": 1}),
        ("model", "y.csv", {"every_ns": 1}),
        ("model", "y.csv", {"entities": {}}),
    ):
        with pytest.raises(RequestError):
            filled.export(what, tmp_path / name, **options)
    assert [entry.name for entry in tmp_path.glob("?.*")] == ["x.parquet"]


def test_entities_are_those_that_have_rows_in_the_range(filled):
    filled.add("level", "wet", np.arange(3) * SECOND, np.zeros((3, 4)))
    assert filled.entities("level") == ["dry", "wet"]
    assert filled.entities("level", 5 * SECOND) == ["dry"]
    assert filled.entities("level", 100 * SECOND) == []
    assert filled.materialize("level", 0, 3 * SECOND).times_ns.tolist() == [2 * SECOND] * 2
