"""What the plugin keeps of the sound, and tells of it: its store as clients and other plugins see it."""

from __future__ import annotations

import sqlite3
import time

import numpy as np
import pytest

from ag06_plugins import features
from ag06_plugins.features import shipped
from ag06_plugins.features.house import house_of
from ag06_plugins.features.settings import StoreConfig
from ag06_plugins.features.store.offline import Offline, open_offline
from ag06d.features import STATISTICS, Extractor, Sliding, elements
from ag06d.plugin import Reduction, RequestError, Status

PATIENCE_S = 30
SECONDS = 3.0
NAMES = [name for name, _ in elements()]


@pytest.fixture
def load(ag06_load):
    """Loads the plugin; what is still open at the end is closed."""
    loaded = []

    def load(**config):
        loaded.append(ag06_load(features, **config))
        return loaded[-1]

    yield load
    for plugin in loaded:
        plugin.processors[0].close()


@pytest.fixture
def feed(ag06_context, ag06_frames):
    """Feeds seconds of noise as they would come, with a tick every tenth; the sound."""

    def feed(plugin, seconds=SECONDS, seed=0):
        frames = list(ag06_frames.noise(seconds, seed=seed))
        for number, frame in enumerate(frames):
            ag06_context.clock.advance(0.01)
            frame.mono_ns = ag06_context.clock.now_ns
            plugin.feed([frame])
            if number % 10 == 9:
                plugin.processors[0].tick()
        return np.concatenate([frame.dry for frame in frames])

    return feed


def finish(plugin, ag06_context) -> Offline:
    """Close the plugin; what it left."""
    plugin.processors[0].close()
    folder = ag06_context.data_folder / "store"
    return open_offline(folder)


@pytest.fixture
def closed(load, feed, ag06_context):
    """The store of a plugin that heard noise, and the noise."""
    plugin = load()
    sound = feed(plugin)
    plugin.processors[0].close()
    folder = ag06_context.data_folder / "store"
    loaded = open_offline(folder)
    return loaded, sound


def allowed(view) -> np.ndarray:
    """The largest error of each column, by its declared precision."""
    steps = [0 if f.precision == "f32" else f.precision / 2 for f in view.fields for _ in f.columns]
    return np.array(steps) + 1e-12


def until(what):
    give_up = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < give_up, "never"
        time.sleep(0.01)
    return found


def test_every_row_of_the_extractor_is_kept_at_its_moment(closed):
    offline, sound = closed
    rows = Extractor(48000).extract(sound)
    for part in shipped.parts(StoreConfig()):
        kept = offline.read(part.view.key, entity="dry")
        assert (np.abs(kept.values - rows[:, part.columns]) <= allowed(part.view)).all()
        assert len(kept) == round(SECONDS * 100)
        assert (np.abs(np.diff(kept.times_ns) - 10_000_000) < 1000).all()


def test_of_frames_that_are_disturbed_on_purpose_values_are_online_and_nothing_is_kept_or_learned(
    load, ag06_context, ag06_frames
):
    plugin = load()
    for number, frame in enumerate(ag06_frames.noise(SECONDS)):
        ag06_context.clock.advance(0.01)
        frame.mono_ns, frame.disturbed = ag06_context.clock.now_ns, 100 <= number < 150
        plugin.feed([frame])
    online = house_of(ag06_context).store.get_online_features(["level:mid.rms_db"], [{"stream": "dry"}])
    assert online.event_ns[0, 0] == pytest.approx(ag06_context.clock.epoch_s * 1e9, abs=1e8)
    offline = finish(plugin, ag06_context)
    kept = offline.read("level", entity="dry")
    assert len(kept) == round(SECONDS * 100) - 50
    assert np.diff(kept.times_ns).max() == pytest.approx(51 * 10_000_000, rel=0.01)
    statistics = offline.read("level_1s", entity="dry")
    assert np.diff(statistics.times_ns) == pytest.approx([1.5e9, 1e9], rel=1e-3)  # of a hundred rows each


def test_the_statistics_kept_are_those_of_the_rows_before(closed):
    offline, sound = closed
    sliding = Sliding()
    rows = Extractor(48000).extract(sound)
    kept = offline.read("level_1s", entity="dry")
    hops = offline.read("level", entity="dry")
    assert len(kept) == SECONDS
    (part,) = (part for part in shipped.parts(StoreConfig()) if part.view.name == "level")
    kept_view, found = offline.registry.view("level_1s"), 0
    for number, row in enumerate(rows):
        sliding.push(row)
        at = np.flatnonzero(kept.times_ns == hops.times_ns[number])
        if at.size:
            wanted = sliding.read(1)[list(part.columns)].ravel()
            assert (np.abs(kept.values[at[0]] - wanted) <= allowed(kept_view)).all()
            found += 1
    assert found == SECONDS


def test_every_feature_is_in_one_view_and_each_has_its_statistics():
    parts = shipped.parts(StoreConfig())
    assert sorted(column for part in parts for column in part.columns) == list(range(len(NAMES)))
    for part in parts:
        assert part.view.columns == tuple(NAMES[column] for column in part.columns)
        for window_s in shipped.WINDOWS_S:
            view = shipped.statistics(part.view, window_s, StoreConfig())
            assert view.key == shipped.statistics_key(part.view.key, window_s)
            assert view.columns == tuple(f"{c}.{s}" for c in part.view.columns for s in STATISTICS)


def test_the_newest_values_can_be_had_by_service_and_by_reference(load, feed):
    plugin = load()
    feed(plugin)
    found = plugin.command("get", service="glance", entities=[{"stream": "dry"}, {"stream": "wet"}])
    values, statuses, event_ns = found["arrays"]
    assert values.shape == statuses.shape == event_ns.shape == (2, len(found["names"]))
    assert not statuses.any()
    one = plugin.command("get", features=["level:mid.rms_db", "level_1s:mid.rms_db.mean"])
    assert one["arrays"][0][0] == pytest.approx([-20, -20], abs=1)
    none = plugin.command("get", features=["level:mid.rms_db"], entities=[{"stream": "moon"}])
    assert none["arrays"][1][0, 0] == Status.NOT_FOUND


@pytest.mark.parametrize(
    ("command", "arguments", "code"),
    [
        ("get", {"features": ["levle:mid.rms_db"]}, "unknown_path"),
        ("get", {"features": ["level:mid.rms_db"], "entities": [{}]}, "bad_request"),
        ("get", {}, "bad_request"),
        ("get", {"service": "glance", "features": ["level"]}, "bad_request"),
        ("get", {"service": "none"}, "unknown_path"),
        ("get", {"service": 5}, "bad_request"),
        ("describe", {"name": "nothing"}, "unknown_path"),
        ("history", {"features": ["level:nothing"]}, "unknown_path"),
        ("join", {"service": "glance"}, "bad_request"),
        ("push", {"view": "level", "entity": "x"}, "bad_request"),
        ("push", {"view": "level", "entity": "x", "values": [1.0]}, "bad_request"),
        ("diff", {"before": "level@1", "after": "level@2"}, "unknown_path"),
    ],
)
def test_what_is_asked_wrongly_is_told_so(load, command, arguments, code):
    with pytest.raises(RequestError) as caught:
        load().command(command, **arguments)
    assert caught.value.code == code


def test_the_past_is_told_averaged_to_as_many_points_as_are_asked_for(load, feed):
    plugin = load()
    feed(plugin)
    whole = plugin.command("history", features=["level:mid.rms_db", "level:left.peak_db"], seconds=10)
    ((series,), (times_ns, values)) = whole["series"], whole["arrays"]
    assert series == {"view": "level@1", "entity": "dry", "names": ["mid.rms_db", "left.peak_db"]}
    assert values.shape == (round(SECONDS * 100), 2)
    few = plugin.command("history", features=["level:mid.rms_db"], seconds=SECONDS, points=6)
    assert few["arrays"][1].shape == (6, 1)
    assert few["arrays"][1].mean() == pytest.approx(values[:, 0].mean(), abs=0.05)
    assert (np.diff(few["arrays"][0]) > 0).all()
    assert times_ns[0] <= few["arrays"][0][0] <= few["arrays"][0][-1] <= times_ns[-1]


def test_a_join_tells_what_was_known_at_each_moment(load, feed):
    plugin = load()
    feed(plugin)
    history = plugin.command("history", features=["level:mid.rms_db"], seconds=10)
    times_ns, values = history["arrays"]
    moments = np.concatenate([times_ns[50:60] + 5_000_000, [times_ns[0] - 1, times_ns[-1] + 2_000_000_000]])
    joined = plugin.command("join", features=["level:mid.rms_db"], arrays=[moments])
    np.testing.assert_array_equal(joined["arrays"][0][:10, 0], values[50:60, 0])
    assert np.isnan(joined["arrays"][0][10:]).all()
    direct = plugin.context.features  # what other plugins of the host are given is registered, not this fake
    assert direct is plugin.context.feature_store


def test_rows_of_other_plugins_and_clients_are_kept_once_they_are_acknowledged(load, ag06_context):
    view = {"name": "mood", "entity": "person", "fields": [{"name": "calm", "low": 0, "high": 1}]}
    plugin = load(view=[view], entity=[{"name": "person"}])
    times_ns = 1_600_000_000_000_000_000 + np.arange(4)
    rows = np.array([[0.1], [0.2], [7], [0.4]])
    answer = plugin.command("push", view="mood", entity="ann", arrays=[rows, times_ns])
    assert answer["accepted"] == 3
    (rejected,) = answer["rejected"]
    assert rejected == {"index": 2, "reason": "calm is 7; it is to be 0 to 1"}
    (letter,) = plugin.command("dead_letters")["dead_letters"]
    assert (letter["view"], letter["entity"], letter["event_ns"]) == ("mood@1", "ann", int(times_ns[2]))
    offline = open_offline(ag06_context.data_folder / "store")
    assert offline.read("mood").values[:, 0].tolist() == pytest.approx([0.1, 0.2, 0.4])
    found = plugin.command("get", features=["mood:calm"], entities=[{"person": "ann"}])
    assert found["arrays"][0][0, 0] == pytest.approx(0.4)


def test_what_is_only_offline_can_be_had_online(load):
    plugin = load(view=[{"name": "v", "entity": "stream", "fields": [{"name": "f"}], "source": "batch"}])
    times_ns = 1_600_000_000_000_000_000 + np.arange(3)
    plugin.command("push", view="v", entity="x", to="offline", arrays=[np.arange(3.0)[:, None], times_ns])

    def value():
        return plugin.command("get", features=["v:f"], entities=[{"stream": "x"}])["arrays"]

    assert value()[1][0, 0] == Status.NOT_FOUND
    assert plugin.command("materialize", view="v") == {"view": "v@1", "entities": 1}
    assert value()[0][0, 0] == 2


def test_a_service_is_published_as_often_as_it_says(load, feed, ag06_context):
    service = {
        "name": "half",
        "features": ["level:mid.rms_db", "reduction:comp_reduction_db"],
        "entities": {"stream": "dry"},
        "publish_hz": 50,
    }
    plugin = load(service=[service])
    feed(plugin, seconds=1)
    topic = plugin.topics["feature.service.half"]
    assert (topic.fields, topic.units) == (("level:mid.rms_db", "reduction:comp_reduction_db"), ("dB", "dB"))
    heard = [m for m in ag06_context.published if m.topic == topic.name]
    assert len(heard) == 50
    values, statuses = heard[-1].arrays
    assert values[0] == pytest.approx(-20, abs=1)
    assert np.isnan(values[1])
    assert statuses.tolist() == [Status.PRESENT, Status.NOT_FOUND]


def test_a_view_that_goes_stale_is_an_event_and_so_is_its_coming_back(load, feed, ag06_context):
    plugin = load()
    feed(plugin, seconds=0.2)
    ag06_context.published.clear()
    ag06_context.clock.advance(2)
    plugin.processors[0].tick()
    feed(plugin, seconds=0.2)
    told = [(m.body["view"], m.body["stale"]) for m in ag06_context.published if m.topic == "feature.stale"]
    views = [part.view.key for part in shipped.parts(StoreConfig())] + ["reduction@1"]
    assert sorted(told[: len(views)]) == sorted((view, True) for view in views)
    assert sorted(told[len(views) :]) == sorted((view, False) for view in views)


def test_a_full_disk_is_an_event_and_room_again_another_and_no_row_of_sound_is_lost(
    load, feed, ag06_context, monkeypatch
):
    plugin = load()
    store = house_of(ag06_context).store

    def told() -> list[str]:
        plugin.tick()
        return [m.body["trouble"] for m in ag06_context.published if m.topic == "feature.store"]

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", full)
        feed(plugin, seconds=0.5)
        assert "disk is full" in until(told)[-1]
        with pytest.raises(RequestError, match="disk is full"):
            plugin.command("push", view="reduction", entity="wet", values=[0.0, 0, 0, 0])
    until(lambda: told()[-1] == "")
    feed(plugin, seconds=0.5, seed=1)
    offline = finish(plugin, ag06_context)
    assert len(offline.read("level", entity="dry")) == 100
    assert len(offline.read("reduction")) == 100


def test_the_reduction_of_wet_is_kept_with_it(load, ag06_frames, ag06_context):
    plugin = load()
    for frame in ag06_frames.noise(0.2):
        frame.reduction_db = Reduction(1.0, 2.0, 3.0, 4.0)
        plugin.feed([frame])
    offline = finish(plugin, ag06_context)
    assert set(map(tuple, offline.read("reduction").values.tolist())) == {(1, 2, 3, 4)}
    assert offline.entities("reduction") == ["wet"]


def test_a_replay_keeps_nothing_and_can_be_read_while_it_lasts(load, feed, ag06_context):
    ag06_context.lockstep = True
    plugin = load()
    feed(plugin)
    assert plugin.command("get", features=["level:mid.rms_db"])["arrays"][0][0, 0] == pytest.approx(
        -20, abs=1
    )
    with pytest.raises(RequestError, match="nothing is kept"):
        plugin.command("history", features=["level:mid.rms_db"])
    plugin.processors[0].close()
    assert not (ag06_context.data_folder / "store").exists()


def test_a_store_that_cannot_be_opened_costs_no_feature(load, feed, ag06_context, caplog):
    ag06_context.data_folder.mkdir(parents=True)
    (ag06_context.data_folder / "store").write_text("in the way")
    plugin = load()
    feed(plugin, seconds=0.5)
    assert "nothing is kept" in caplog.text
    status = plugin.command("status")
    assert status["writing"]["kept"] is False
    assert "cannot be used" in status["writing"]["trouble"]
    assert sum(m.topic == "feature.dry" for m in ag06_context.published) == 50


def test_the_keeper_seals_what_was_logged_and_says_what_there_is(load, feed, ag06_context):
    # The clock of the test stands in 2023, and nothing is to go for being old.
    plugin = load(store={"seal_s": 1, "hop_days": 1e5, "statistics_days": 1e5})
    feed(plugin)

    def sealed():
        plugin.processors[0].tick()
        return plugin.command("status")["keeper"].get("sealed_segments")

    time.sleep(1)
    until(sealed)
    status = plugin.command("status")
    assert status["keeper"]["files"] > 0
    assert status["keeper"]["trouble"] == ""
    offline = finish(plugin, ag06_context)
    assert len(offline.read("level", entity="wet")) == round(SECONDS * 100)


def test_a_view_of_the_configuration_that_contradicts_what_is_kept_is_told_and_the_rest_goes_on(load):
    view = {"name": "v", "entity": "stream", "fields": [{"name": "f", "unit": "dB"}]}
    load(view=[view]).processors[0].close()
    again = load(view=[{**view, "fields": [{"name": "f", "unit": "Pa"}]}])
    (problem,) = again.command("status")["problems"]
    assert "give it version 2" in problem
    assert "level@1" in again.command("list")["views"]
