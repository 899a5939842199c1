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
NAMES = ["dry", "wet", "x"]

# Around midnight, so that rows lie in two days, and close together, so that moments are met exactly.
moments = st.integers(-50, 50).map(lambda at: DAY + at * SECOND)
accepted = st.integers(-60, 80).map(lambda at: DAY + at * SECOND)
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


@settings(max_examples=150)
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
@given(script=st.lists(steps, max_size=14), start=moments, length=st.integers(0, 60))
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
