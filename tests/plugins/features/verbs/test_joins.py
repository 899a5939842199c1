"""`ag06ctl features join | export`: tables out of the store of this machine."""

from __future__ import annotations

import csv
import io

import numpy as np
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from ag06_plugins.features.store.store import FeatureStore
from ag06d.paths import state_folder
from ag06d.plugin import Entity, FeatureField, FeatureService, FeatureView

NOW_NS = 1_790_000_000 * 10**9
TTL_S = 2.0
MOOD = FeatureView(
    name="mood",
    entity="stream",
    ttl_s=TTL_S,
    fields=(FeatureField(name="valence"), FeatureField(name="arousal", precision=0.5)),
)
DOUBLE = FeatureView(
    name="double",
    entity="stream",
    source="on_demand",
    fields=(FeatureField(name="valence_2", expression='mood["valence"] * 2'),),
)
FEEL = FeatureService(name="feel", features=("mood", "double"), entities={"stream": "dry"})


@pytest.fixture
def kept(ctl):
    """Rows of two streams at random moments within a minute: stream to times (n,) and valences (n,)."""
    assert ctl
    random = np.random.default_rng(1)
    folder = state_folder() / "plugins" / "features" / "store"
    store = FeatureStore(folder, clock_ns=lambda: NOW_NS)
    assert store.apply([MOOD, DOUBLE], [FEEL], [Entity(name="stream")]) == []
    rows = {}
    for stream in ("dry", "wet"):
        times_ns = np.sort(random.choice(60_000, 40, replace=False)) * 10**6 + NOW_NS - 60 * 10**9
        values = random.integers(-100, 100, 40).astype(np.float32)
        store.push("mood", stream, np.stack([values, values], axis=1), times_ns)
        rows[stream] = times_ns, values
    store.close()
    return rows


def known(kept, stream: str, moment_ns: int) -> float | None:
    """What was known at a moment, by looking through all rows."""
    times_ns, values = kept[stream]
    before = np.flatnonzero((times_ns <= moment_ns) & (times_ns >= moment_ns - round(TTL_S * 1e9)))
    return float(values[before[-1]]) if before.size else None


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_join_has_what_was_known_at_each_moment_and_never_from_after(ctl, kept, tmp_path):
    moments = np.random.default_rng(2).integers(NOW_NS - 62 * 10**9, NOW_NS, 200)
    exact = kept["dry"][0][:5]
    moments = np.concatenate([moments, exact, exact - 1])
    streams = ["dry", "wet"] * 100 + ["dry"] * 10
    lines = [
        f"{at},{stream},{number}" for number, (at, stream) in enumerate(zip(moments, streams, strict=True))
    ]
    times = tmp_path / "times.csv"
    times.write_text("\n".join(["event_time,stream,label", *lines]))
    told = ctl("join", times, "--features", "mood:valence,double:valence_2")
    assert told.exit_code == 0, told.output
    found = rows_of(told.stdout)
    expected = [known(kept, stream, int(at)) for at, stream in zip(moments, streams, strict=True)]
    assert {value is None for value in expected} == {True, False}
    assert [row["label"] for row in found] == [str(number) for number in range(len(moments))]
    assert [float(row["valence"]) if row["valence"] else None for row in found] == expected
    doubled = [float(row["valence_2"]) if row["valence_2"] else None for row in found]
    assert doubled == [None if value is None else 2 * value for value in expected]


def test_moments_are_written_in_any_way_and_columns_may_have_other_names(ctl, kept, tmp_path):
    at_ns = int(kept["wet"][0][7])
    times = tmp_path / "times.csv"
    times.write_text(f'when,source\n{at_ns},wet\n{at_ns // 10**9}.{at_ns % 10**9:09},wet\n"-1h",wet\n')
    words = ("--features", "mood:valence", "--time-column", "when", "--entity-column", "stream=source")
    found = rows_of(ctl("join", times, *words).stdout)
    assert [row["valence"] for row in found] == [f"{kept['wet'][1][7]:g}"] * 2 + [""]
    assert [row["source"] for row in found] == ["wet"] * 3
    times.write_text(f"event_time\n{at_ns}\n")
    found = rows_of(ctl("join", times, "--features", "mood:valence", "--entity", "stream=wet").stdout)
    assert [row["valence"] for row in found] == [f"{kept['wet'][1][7]:g}"]


@pytest.mark.usefixtures("kept")
def test_a_table_without_rows_has_its_columns(ctl, tmp_path):
    (tmp_path / "times.csv").write_text("event_time,label\n")
    told = ctl("join", tmp_path / "times.csv", "--service", "feel")
    assert told.stdout.split() == ['"event_time","label","stream","valence","arousal","valence_2"']


def test_a_join_goes_to_a_file_and_says_how_much_was_known(ctl_json, kept, tmp_path):
    times = tmp_path / "times.csv"
    times.write_text(f"event_time\n{kept['dry'][0][0]}\n{NOW_NS - 10**15}\n")
    for suffix, reader in (("parquet", pq.read_table), ("feather", pyarrow.feather.read_table)):
        output = tmp_path / f"out.{suffix}"
        told = ctl_json("join", times, "--service", "feel", "-o", output)
        assert told["features"]["valence"] == {"missing": 1, "known": 1}
        table = reader(output)
        assert table.column_names == ["event_time", "stream", "valence", "arousal", "valence_2"]
        assert table["valence"].null_count == 1
    printed = ctl_json("join", times, "--service", "feel")
    assert [row["valence"] for row in printed["table"]] == [float(kept["dry"][1][0]), None]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("event_time\nnow\n", (), (2, "name either --features")),
        ("time\nnow\n", ("--features", "mood"), (1, "no column event_time (did you mean time?)")),
        ("event_time\nnow\nsoon\n", ("--features", "mood"), (1, "times.csv: event_time: row 2: 'soon'")),
        ("event_time\nnow\n", ("--features", "moood"), (1, "did you mean mood?")),
        ("event_time,a\nnow\n", ("--features", "mood"), (1, "times.csv: is no CSV")),
        ("", ("--features", "mood"), (1, "times.csv: is no CSV")),
        ("event_time\nnow\n", ("--features", "mood", "--entity", "dry"), (2, "write KEY=WHICH")),
        (
            "event_time\nnow\n",
            ("--features", "mood", "--store", "/nowhere"),
            (1, "there is no feature store"),
        ),
    ],
)
@pytest.mark.usefixtures("kept")
def test_what_is_wrong_with_a_join_is_told(ctl, tmp_path, text, words, expected):
    status, why = expected
    (tmp_path / "times.csv").write_text(text)
    refused = ctl("join", tmp_path / "times.csv", *words)
    assert (refused.exit_code, why in refused.stderr) == (status, True), refused.output


def test_an_export_has_every_row_of_a_stretch_of_time(ctl, ctl_json, kept, tmp_path):
    middle_ns = int(kept["dry"][0][20])
    output = tmp_path / "mood.csv"
    told = ctl_json(
        "export", "mood", "--start", middle_ns, "--end", NOW_NS, "--entity", "stream=dry", "-o", output
    )
    table = pyarrow.csv.read_csv(output)
    assert told["rows"] == table.num_rows == 20
    assert table["valence"].to_pylist() == kept["dry"][1][20:].tolist()
    assert ctl("export", "mood", "-o", tmp_path / "mood.parquet").exit_code == 0
    assert pq.read_table(tmp_path / "mood.parquet").num_rows == 80
    words = ("--service", "feel", "--every", "1s", "--start", NOW_NS - 60 * 10**9, "--end", NOW_NS)
    assert ctl("export", *words, "-o", tmp_path / "feel.feather").exit_code == 0
    grid = pyarrow.feather.read_table(tmp_path / "feel.feather")
    moments = [NOW_NS - seconds * 10**9 for seconds in range(60, 0, -1)]
    values = [None if value is None or np.isnan(value) else value for value in grid["valence"].to_pylist()]
    assert values == [known(kept, "dry", moment) for moment in moments]
