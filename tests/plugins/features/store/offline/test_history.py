from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ag06_plugins.features.store.offline import compact, compaction, files, reading, seal

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
TTL = 30 * SECOND  # of the view `level`
NAMES = ["dry", "wet"]

# Around midnight, so that rows lie in two days, and few, so that moments and times to live are met exactly.
moments = st.integers(-6, 6).map(lambda at: DAY + at * 10 * SECOND)
accepted = st.integers(-7, 9).map(lambda at: DAY + at * 10 * SECOND)
rows = st.lists(moments, min_size=1, max_size=6)
steps = st.one_of(
    st.tuples(st.just("push"), st.sampled_from(NAMES), rows, accepted),
    st.tuples(st.just("add"), st.sampled_from(NAMES), rows, accepted),
    st.just(("rotate",)),
    st.just(("seal",)),
    st.just(("compact",)),
)


class Reference:
    """What was accepted, and the plainest way to say what was known of it."""

    def __init__(self):
        self.rows = {}

    def accept(self, entity, times, created, first):
        for number, time in enumerate(times):
            self.rows[entity, time, created] = first + number

    def at(self, entity, moment, ttl=None, *, known=False):
        counted = [
            (time, created, value)
            for (name, time, created), value in self.rows.items()
            if name == entity
            and time <= moment
            and (ttl is None or time >= moment - ttl)
            and (not known or created <= moment)
        ]
        return max(counted)[2] if counted else None

    def all(self):
        newest = {}
        for (name, time, created), value in sorted(self.rows.items()):
            newest[time, name] = (time, name, created, value)
        return [newest[key] for key in sorted(newest)]


def played(store, script):
    """A store and a reference after the same steps; values count up."""
    reference, value = Reference(), 1
    for step in script:
        if step[0] in ("push", "add"):
            _, entity, times, created = step
            created += value  # no two steps at the same nanosecond: which one is the newer is not said then
            numbers = np.arange(value, value + len(times))
            for view in ("level", "count"):
                if step[0] == "push":
                    store.push_ns(view, entity, times, numbers, created)
                else:
                    columns = len(store.registry.view(view).columns)
                    store.offline.add(view, entity, times, np.repeat(numbers[:, None], columns, 1), created)
            reference.accept(entity, times, created, value)
            value += len(times)
        elif step[0] == "rotate":
            store.log.rotate()
        elif step[0] == "seal":
            seal(store.offline)
        else:
            compact(store.offline, files=2)
    return reference


@pytest.fixture(scope="module", autouse=True)
def small_groups():
    """Row groups of two rows, and pieces and merges of a few: what else only millions of rows would show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "GROUP_ROWS", 2)
        patch.setattr(files, "ENTITY_ROWS", 2)
        patch.setattr(compaction, "MERGE_BYTES", 200)
        patch.setattr(reading, "PIECE_BYTES", 200)
        yield


@settings(max_examples=200)
@given(
    script=st.lists(steps, max_size=14),
    asked=st.lists(st.tuples(st.sampled_from([*NAMES, "nobody"]), moments), min_size=1, max_size=12),
    known=st.booleans(),
)
def test_a_join_gives_what_looking_at_every_row_gives(new_store, script, asked, known):
    with TemporaryDirectory() as folder:
        store = new_store(Path(folder))
        reference = played(store, script)
        entities, at = zip(*asked, strict=True)
        joined = store.offline.get_historical_features(
            {"event_time": np.array(at), "stream": entities},
            ["level:exact", "count:exact"],
            as_known=known,
        )
        table = joined.to_arrow()
        level = table["level__exact"].to_numpy()
        assert [None if np.isnan(value) else int(value) for value in level] == [
            reference.at(*each, TTL, known=known) for each in asked
        ]
        assert table["count__exact"].to_pylist() == [reference.at(*each, known=known) for each in asked]
        store.log.close()


@settings(max_examples=100)
@given(script=st.lists(steps, max_size=14), start=moments, length=st.integers(0, 120))
def test_reading_gives_every_row_once_wherever_it_lies(new_store, script, start, length):
    with TemporaryDirectory() as folder:
        store = new_store(Path(folder))
        reference = played(store, script)
        end = start + length * SECOND
        for entity, first, last in ((None, -DAY, 3 * DAY), ("wet", start, end)):
            got = store.offline.read("count", None, entity, first, last)
            assert list(zip(got.times_ns, got.entities, got.created_ns, got.values[:, 0], strict=True)) == [
                row for row in reference.all() if first <= row[0] < last and entity in (None, row[1])
            ]
        newest = store.offline.materialize("level", start, end)
        expected = {name: reference.at(name, end - 1, length * SECOND - 1) for name in NAMES}
        assert dict(zip(newest.entities, newest.values[:, 3], strict=True)) == {
            name: value for name, value in expected.items() if value is not None
        }
        store.log.close()


def test_a_file_that_reaches_over_another_is_looked_into_beyond_it(store):
    for times in ([0, 100], [10, 20]):
        rows = np.repeat(np.array(times)[:, np.newaxis], 4, axis=1)
        store.offline.add("level", "dry", np.array(times) * SECOND, rows, 1)
    asked = {"event_time": np.array([105, 25, 75]) * SECOND, "stream": ["dry"] * 3}
    found = store.offline.get_historical_features(asked, ["level:exact"]).features["exact"]
    assert np.array_equal(found, [100, 20, np.nan], equal_nan=True)


def test_what_was_known_stays_what_it_was_when_files_are_merged(store):
    for created, value in ((1, 7), (3, 8)):
        store.offline.add("count", "dry", [0], [[value]], created * SECOND)
    asked = {"event_time": np.array([0, 2, 3]) * SECOND, "stream": ["dry"] * 3}
    for files_before in (2, 1):
        assert len([path for path in store.files() if path.suffix == ".parquet"]) == files_before
        known = store.offline.get_historical_features(asked, ["count"], as_known=True).to_arrow()
        assert known["exact"].to_pylist() == [None, 7, 8]
        assert store.offline.read("count").values.tolist() == [[8]]
        compact(store.offline)
