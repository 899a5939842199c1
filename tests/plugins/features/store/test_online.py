from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ag06_plugins.features.store.online import Newest, Online, Status, ViewTable
from ag06_plugins.features.store.registry import Registry
from ag06d.plugin import Entity, FeatureField, FeatureView, RequestError

SECOND = 1_000_000_000
DRY = [{"stream": "dry"}]


def view(name: str, *columns: str, **more) -> FeatureView:
    fields = tuple(FeatureField(name=column) for column in columns)
    return FeatureView(**{"name": name, "entity": "stream", "fields": fields} | more)


@pytest.fixture
def online():
    registry = Registry()
    difference = FeatureField(name="difference", expression='level["rms"] - level["peak"] + tone["f0"] * 0')
    views = [
        view("level", "rms", "peak", ttl_s=1),
        view("tone", "f0", ttl_s=10),
        view("mixer", "gain", entity="mixer"),
        FeatureView(name="calc", entity="stream", source="on_demand", fields=(difference,)),
    ]
    assert registry.apply(views, (), [Entity(name="stream"), Entity(name="mixer")]) == []
    made = Online(registry)
    made.changed()
    return made


def put(online, key, entity, at_s, *values):
    online.table(key).put(entity, Newest(round(at_s * SECOND), 0, np.array(values, np.float32)), 100 * SECOND)


def read(online, *references, rows=DRY, now_s=100.0):
    return online.read(online.plan(references), rows, round(now_s * SECOND))


@given(st.lists(st.tuples(st.integers(1, 5), st.integers()), min_size=1))
def test_the_newest_row_wins_in_whatever_order_rows_come(pushed):
    table = ViewTable(view("level", "rms"))
    for event_ns, value in pushed:
        table.put("dry", Newest(event_ns, 0, np.array([value], object)), 100 * SECOND)
    newest = max(event_ns for event_ns, _ in pushed)
    (last,) = [value for event_ns, value in pushed if event_ns == newest][-1:]
    assert table.rows["dry"].row[0] == last


def test_features_come_in_the_order_in_which_they_are_asked_for_each_with_its_time(online):
    put(online, "level@1", "dry", 99.5, 1, 2)
    put(online, "tone@1", "dry", 95, 440)
    found = read(online, "level:peak", "tone:f0", "level:rms", "level")
    assert found.names == ("level:peak", "tone:f0", "level:rms", "level:rms", "level:peak")
    assert found.values[0].tolist() == [2, 440, 1, 1, 2]
    assert (found.event_ns[0] / SECOND).tolist() == [99.5, 95, 99.5, 99.5, 99.5]
    assert not found.statuses.any()


def test_a_row_counts_up_to_its_time_to_live_and_not_beyond(online):
    put(online, "level@1", "dry", 99, 1, 2)
    assert read(online, "level:rms").statuses[0, 0] == Status.PRESENT
    late = read(online, "level:rms", now_s=100.000000001)
    assert late.statuses[0, 0] == Status.OUTSIDE_MAX_AGE
    assert late.to_dict() == {"level:rms": [None]}


def test_an_entity_without_a_row_is_not_found(online):
    put(online, "level@1", "dry", 100, 1, 2)
    found = read(online, "level:rms", rows=[{"stream": "wet"}, *DRY])
    assert found.statuses[:, 0].tolist() == [Status.NOT_FOUND, Status.PRESENT]
    assert np.isnan(found.values[0, 0])
    assert found.event_ns[0, 0] == 0
    assert found.to_dict() == {"level:rms": [None, 1]}


def test_one_read_may_be_of_several_entities(online):
    put(online, "level@1", "dry", 100, 1, 2)
    put(online, "mixer@1", "ag06", 100, 7)
    assert read(online, "level:rms", "mixer:gain", rows=[{"stream": "dry", "mixer": "ag06"}]).values[
        0
    ].tolist() == [1, 7]
    with pytest.raises(RequestError, match="which mixer"):
        read(online, "level:rms", "mixer:gain")


def test_an_on_demand_feature_is_as_present_and_as_old_as_the_least_of_its_inputs(online):
    put(online, "level@1", "dry", 99.5, 1, 3)
    assert read(online, "calc:difference").statuses[0, 0] == Status.NOT_FOUND
    put(online, "tone@1", "dry", 95, 440)
    found = read(online, "calc:difference", "level:peak")
    assert found.values[0].tolist() == [-2, 3]
    assert found.event_ns[0, 0] == 95 * SECOND
    assert read(online, "calc:difference", now_s=101).statuses[0, 0] == Status.OUTSIDE_MAX_AGE


def test_a_new_version_is_read_where_none_is_named(online):
    put(online, "level@1", "dry", 100, 1, 2)
    assert read(online, "level:rms").values[0, 0] == 1
    registry = online._registry
    assert registry.apply([view("level", "rms", version=2)]) == []
    online.changed()
    put(online, "level@2", "dry", 100, 5)
    assert read(online, "level:rms", "level@1:rms").values[0].tolist() == [5, 1]
