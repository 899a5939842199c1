from __future__ import annotations

import multiprocessing
import resource
import signal
import sqlite3
import threading

import numpy as np
import pyarrow.parquet as pq
import pytest

from ag06_plugins.features.store import log
from ag06_plugins.features.store.offline import Offline, compact, layout, maintain, seal
from ag06_plugins.features.store.offline.compaction import due
from ag06d.plugin import FeatureView, RequestError

SECOND = 1_000_000_000
DAY_S = 86_400


def parquet(store):
    return [path for path in store.files() if path.suffix == ".parquet"]


def numbers(store, view="count"):
    return store.offline.read(view).values[:, 0].tolist()


def test_sealing_leaves_the_segment_that_is_written_and_tells_of_its_progress(store):
    for number in range(3):
        store.push("count", "dry", [number], [number])
        store.log.rotate()
    store.push("count", "dry", [3], [3])
    told = []
    assert seal(store.offline, lambda *each: told.append(each)) == 3
    assert [each[1:] for each in told] == [(1, 3), (2, 3), (3, 3)]
    assert [path.stem for path in log.segments(store.folder / "log")] == [f"{4:012}"]
    assert numbers(store) == [0, 1, 2, 3]


def test_rows_go_to_the_day_in_which_they_were_true(store):
    store.push("count", "dry", [DAY_S - 1, DAY_S, -1], [1, 2, 0])
    store.log.rotate()
    seal(store.offline)
    assert [path.parent.name for path in parquet(store)] == ["1969-12-31", "1970-01-01", "1970-01-02"]
    assert numbers(store) == [0, 1, 2]


def test_a_file_is_sorted_and_says_what_is_in_it(store):
    store.push("level", "wet", [2, 1], [1.0, 2.0])
    store.push("level", "dry", [3], [3.0])
    store.log.rotate()
    seal(store.offline)
    (path,) = parquet(store)
    assert path.relative_to(store.offline.folder).parts[:3] == ("level", "v1", "1970-01-01")
    table = pq.read_table(path)
    assert table.column_names == [
        "entity",
        "event_time",
        "created_time",
        *store.registry.view("level").columns,
    ]
    assert table["entity"].to_pylist() == ["dry", "wet", "wet"]
    assert table["exact"].to_pylist() == [3, 2, 1]
    said = pq.read_metadata(path).metadata
    assert FeatureView.model_validate_json(said[b"ag06d.view"]) == store.registry.view("level")
    assert said[b"ag06d.quantum"] == b'{"rms_db": 0.0078125, "bands": "f16", "exact": "f32"}'
    footer = pq.read_metadata(path).row_group(0)
    assert {"BYTE_STREAM_SPLIT"} <= set(footer.column(3).encodings)
    assert footer.column(3).compression == "ZSTD"


def test_segments_of_a_view_that_is_not_known_are_left_and_the_others_sealed(store):
    store.push("count", "dry", [1], [1])
    store.log.rotate()
    store.push("taste", "me", [1], [1.0])
    store.log.rotate()
    del store.registry.views["count@1"]
    assert seal(store.offline) == 1
    assert "there is no feature view count@1" in store.reports[0]
    assert len(log.segments(store.folder / "log")) == 2


def test_a_segment_whose_number_was_given_again_does_not_replace_the_first_ones_files(store):
    for number in (1, 2):
        store.push("count", "dry", [number], [number], created=number)
        store.log.rotate()
        seal(store.offline)
        store.log.close()
        for path in log.segments(store.folder / "log"):
            log.remove_segment(path)  # the log is thrown away, and begins again
        store.log = log.Log(store.folder / "log")
    assert numbers(store) == [1, 2]


def test_files_of_a_day_are_merged_with_those_of_their_size(store, tmp_path):
    sizes = [10, 20, 30, 40 << 20]
    paths = [(size, tmp_path / str(size)) for size in sizes]
    assert due(paths, over=True) == [path for _, path in paths[:3]]
    assert due(paths, over=False) == []
    assert due(paths * 4, over=False) == []  # as sorted, only
    assert len(due(sorted(paths * 4), over=False)) == 12
    assert due([(5 << 20, tmp_path / "a"), (39 << 20, tmp_path / "b")], over=True) != []

    for number in range(5):
        store.offline.add("count", "dry", [number * SECOND], [[number]], 1)
    assert compact(store.offline) == 5  # that day is over
    (path,) = parquet(store)
    assert path.name == "m000001.parquet"
    assert numbers(store) == [0, 1, 2, 3, 4]


def test_adding_the_same_moments_again_takes_the_place_of_the_first_time(store):
    times = np.arange(10) * SECOND
    first = store.offline.add("count", "dry", times, np.zeros((10, 1)))
    assert store.offline.add("count", "dry", times, np.ones((10, 1))) == first
    assert store.offline.add("count", "wet", times, np.ones((10, 1))) != first
    compact(store.offline)
    store.offline.add("count", "dry", times, np.full((10, 1), 2))
    assert numbers(store) == [2, 1] * 10
    with pytest.raises(RequestError, match="10 moments and rows of shape"):
        store.offline.add("count", "dry", times, np.zeros((10, 2)))


def test_days_go_when_their_view_keeps_them_no_longer(store):
    for day in range(5):
        store.offline.add("level", "dry", [day * DAY_S * SECOND], [[day] * 4])
        store.offline.add("count", "dry", [day * DAY_S * SECOND], [[day]])
    done = maintain(store.offline, now_ns=round(5.5 * DAY_S) * SECOND)
    assert numbers(store, "level") == [2, 3, 4]
    assert len(numbers(store)) == 5
    assert [(gone.view, gone.day) for gone in done.removed] == [
        ("level@1", "1970-01-01"),
        ("level@1", "1970-01-02"),
    ]
    assert "it keeps 3 days" in str(done.removed[0])
    assert len(list((store.offline.folder / "level/v1").iterdir())) == 3


def test_a_store_that_is_too_large_loses_the_oldest_rows_of_the_largest_view(store):
    values = np.random.default_rng(0).standard_normal((500, 1))
    for day in range(4):
        store.offline.add("taste", "me", day * DAY_S * SECOND + np.arange(500), values)
    store.offline.add("count", "dry", [0], [[7]])
    sizes = store.offline.sizes()
    allowed = sum(sizes.values()) - 1
    done = maintain(store.offline, max_bytes=allowed, now_ns=0)
    assert [(gone.view, gone.day) for gone in done.removed] == [("taste@1", "1970-01-01")]
    assert sum(store.offline.sizes().values()) == sum(sizes.values()) - done.removed[0].size
    assert numbers(store) == [7]
    maintain(store.offline, max_bytes=0, now_ns=0)
    assert sum(store.offline.sizes().values()) == 0


def test_what_writers_left_behind_is_removed_and_what_one_still_writes_is_not(store):
    folder = store.offline.folder / "count/v1/1970-01-01"
    folder.mkdir(parents=True)
    (folder / "a.parquet.0123.tmp").write_bytes(b"half")
    store.push("count", "dry", [1], [1])
    orphan = store.folder / "log" / "000000000099.sqlite-wal"
    orphan.touch()
    with layout.standing(folder / "b.parquet") as file:
        file.write(b"x")
        done = maintain(store.offline, now_ns=0)
    assert {path.name for path in done.cleaned} == {"a.parquet.0123.tmp", orphan.name}
    assert [path.name for path in folder.iterdir()] == ["b.parquet"]
    assert numbers(store) == [1]
    assert "b.parquet.spoiled" in store.reports[0]  # it is no Parquet file


def test_only_one_maintains_at_a_time(store):
    with (
        layout.maintaining(store.offline.folder),
        pytest.raises(RequestError, match="another process") as caught,
    ):
        maintain(Offline(store.folder, store.registry))
    assert caught.value.code == "busy"
    maintain(store.offline)


def test_a_spoiled_file_is_set_aside_and_the_rest_is_read(store):
    for number in range(3):
        store.offline.add("count", "dry", [number * SECOND + at for at in range(2000)], [[number]] * 2000)
    whole, middle, short = parquet(store)
    lost = set(range(3)) - {int(pq.read_table(whole)["exact"][0].as_py())}
    short.write_bytes(short.read_bytes()[:-100])
    damaged = bytearray(middle.read_bytes())
    damaged[200:220] = bytes(byte ^ 0xFF for byte in damaged[200:220])  # in a page, under its checksum
    middle.write_bytes(damaged)
    assert set(numbers(store)) == set(range(3)) - lost
    assert len(store.reports) == 2
    assert sorted(path.name for path in store.files() if path.suffix == ".spoiled") == sorted(
        [f"{middle.name}.spoiled", f"{short.name}.spoiled"]
    )
    assert len(numbers(store)) == 2000
    assert len(store.reports) == 2


def test_a_spoiled_segment_is_set_aside_with_what_can_be_read_of_it_sealed(store):
    for number in range(400):
        store.push("count", "dry", [number], [number], created=number)
    store.log.rotate()
    store.push("count", "dry", [999], [999])
    (path, _) = log.segments(store.folder / "log")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(path.read_bytes())
    content[-3 * 4096 :] = b"\xff" * (3 * 4096)
    path.write_bytes(content)
    found = numbers(store)
    assert 999 in found
    assert 100 < len(found) < 401
    seal(store.offline)
    assert numbers(store) == found
    assert path.with_name(f"{path.name}.spoiled").exists()
    assert not path.exists()
    assert any("spoiled" in report for report in store.reports)


def limited(folder, registry):
    """In a child: files may have 40,000 bytes, as if the disk were full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
    offline = Offline(folder, registry)
    for attempt in (seal, compact):
        try:
            attempt(offline)
        except OSError:
            continue
        raise SystemExit(1)


def test_a_full_disk_leaves_everything_as_it_was(store):
    values = np.random.default_rng(0).standard_normal((10_000, 1))
    for half in (0, 1):
        store.offline.add("taste", "me", half * SECOND + np.arange(10_000), values)
    store.push_ns("taste", "me", 5 * SECOND + np.arange(10_000), values, 1)
    store.log.rotate()
    before, rows = store.files(), store.offline.read("taste")
    segment = log.segments(store.folder / "log")[0]
    with sqlite3.connect(segment) as connection:  # what a reader may write there is not the question
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    child = multiprocessing.get_context("spawn").Process(target=limited, args=(store.folder, store.registry))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert set(store.files()) - {store.offline.folder / layout.LOCK} == set(before)
    assert segment.exists()
    assert np.array_equal(store.offline.read("taste").values, rows.values)
    assert seal(store.offline) == 1  # there is room again
    assert compact(store.offline) == 3
    assert np.array_equal(store.offline.read("taste").values, rows.values)


def test_readers_see_all_rows_while_they_are_sealed_and_merged(store):
    """One thread accepts and maintains; this one reads, and what was accepted before is always there."""
    accepted, stop, failed = [0], threading.Event(), []
    reader = Offline(store.folder, store.registry)

    def work():
        try:
            while not stop.is_set():
                number = accepted[0]
                store.push_ns("count", "dry", [number * SECOND], [number], number)
                accepted[0] = number + 1
                if number % 3 == 0:
                    store.log.rotate()
                    seal(store.offline)
                if number % 7 == 0:
                    compact(store.offline, files=2)
        except Exception as error:  # noqa: BLE001 - it is asserted on
            failed.append(error)

    store.log.close()
    store.log = log.Log(store.folder / "log")
    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(150):
            before = accepted[0]
            got = reader.read("count").values[:, 0].tolist()
            assert got == list(range(len(got)))
            assert len(got) >= before
            if before:
                asked = {"event_time": [0, (before - 1) * SECOND], "stream": ["dry", "dry"]}
                joined = reader.get_historical_features(asked, ["count"])
                assert joined.features["exact"].tolist() == [0, before - 1]
    finally:
        stop.set()
        worker.join()
    assert failed == []
    assert accepted[0] > 20
    assert store.reports == []
