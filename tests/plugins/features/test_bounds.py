"""What a request or a plugin may ask of the store, and what is too much of it."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from ag06_plugins import features
from ag06_plugins.features.settings import FeatureConfig
from ag06_plugins.features.store.online import PLANS_MAX
from ag06d.plugin import RequestError

VIEW = {
    "entity": [{"name": "e"}],
    "view": [{"name": "v", "entity": "e", "dtype": "float64", "fields": [{"name": "f", "shape": [4000]}]}],
}
SCALAR = {
    "entity": [{"name": "e"}],
    "view": [{"name": "v", "entity": "e", "dtype": "float64", "fields": [{"name": "f"}]}],
}
X = [{"e": "x"}]


@pytest.fixture
def load(ag06_load):
    loaded = []

    def load(**config):
        loaded.append(ag06_load(features, **config))
        return loaded[-1]

    yield load
    for plugin in loaded:
        plugin.processors[0].close()


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("get", {"features": ["v"] * 1000, "entities": X}),
        ("get", {"features": ["v"], "entities": X * 1000}),
        ("history", {"features": ["v"], "entities": X[0], "points": 10_000}),
        ("join", {"features": ["v"] * 30, "entities": X[0], "arrays": [np.arange(100, dtype=np.int64)]}),
    ],
)
def test_more_values_than_an_answer_may_have_are_refused_before_they_are_made(load, command, arguments):
    with pytest.raises(RequestError) as caught:
        load(**VIEW).command(command, **arguments)
    assert caught.value.code == "out_of_range"


@pytest.mark.parametrize("time_ns", [-1, 1 << 63, (1 << 64) - 1, 1.5, "x"])
@pytest.mark.parametrize("key", ["start_ns", "end_ns"])
@pytest.mark.parametrize("command", ["history", "materialize"])
def test_no_moment_is_before_1970_or_beyond_int64(load, command, key, time_ns):
    what = {"view": "v"} if command == "materialize" else {"features": ["v"], "entities": X[0]}
    with pytest.raises(RequestError) as caught:
        load(**SCALAR).command(command, **what, **{key: time_ns})
    assert (caught.value.code, key in caught.value.message) == ("bad_request", True)


def test_however_reads_differ_no_more_of_them_are_remembered_than_may_be(load, ag06_context):
    plugin = load()
    for number in range(2 * PLANS_MAX):
        plugin.command("get", features=["level:mid.rms_db"] * (1 + number))
    online = features.house_of(ag06_context).store.online
    assert len(online._plans) <= PLANS_MAX


def test_what_a_plugin_pushed_is_its_own_again(load, ag06_context):
    plugin = load(**SCALAR)
    store = features.ag06_feature_store(ag06_context)
    row, times = np.array([[1.0]]), np.array([ag06_context.clock.wall_s() * 1e9], dtype=np.int64)
    store.push("v", "x", row, times)
    row[:], times[:] = 99, 99
    found = store.get_online_features(["v:f"], X)
    assert found.values.tolist() == [[1.0]]
    assert (
        plugin.command("join", features=["v:f"], entities=X[0], arrays=[found.event_ns[0]])["arrays"][0] == 1
    )


def test_rows_without_times_are_of_now(load, ag06_context):
    load(**SCALAR)
    store = features.ag06_feature_store(ag06_context)
    assert store.push("v", "x", [[1.0], [2.0]]).accepted == 2


@pytest.mark.parametrize(
    ("rows", "more"),
    [
        ([[1.0], [2.0, 3.0]], {}),
        ([[object()]], {}),
        ([["1"]], {}),
        ([[1.0]], {"times_ns": [1.5]}),
        ([[1.0]], {"times_ns": "now"}),
        ([[1.0]], {"to": "nowhere"}),
        ([[2**70]], {}),
        (np.array(1.0), {}),
    ],
)
def test_what_a_plugin_cannot_push_is_refused_as_the_bus_would(load, ag06_context, rows, more):
    load(**SCALAR)
    with pytest.raises(RequestError) as caught:
        features.ag06_feature_store(ag06_context).push("v", "x", rows, **more)
    assert caught.value.code == "bad_request"


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("abs(a['b'], 1)", "v:f: abs has 1 argument, not 2"),
        ("open('x')", "not understood"),
        ("1", "reads no"),
    ],
)
def test_an_expression_that_is_none_is_told_when_the_configuration_is_checked(expression, problem):
    fields = [{"name": "f", "expression": expression}]
    view = {"name": "v", "entity": "e", "source": "on_demand", "fields": fields}
    with pytest.raises(ValidationError, match=problem) as caught:
        FeatureConfig.model_validate({"view": [view]})
    assert caught.value.errors()[0]["loc"] == ("view", 0)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [("dead_letters", {}), ("apply", {"views": [{"name": "w", "entity": "e", "fields": [{"name": "f"}]}]})],
)
def test_a_database_that_is_gone_is_no_fault_of_the_plugin(load, ag06_context, command, arguments):
    plugin = load(**SCALAR)
    for path in (ag06_context.data_folder / "store").glob("store.sqlite*"):
        path.unlink()
    with pytest.raises(RequestError) as caught:
        plugin.command(command, **arguments)
    assert caught.value.code == "not_ready"
