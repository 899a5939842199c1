"""A plugin has the feature store through its context, in the store's host as in another."""

from __future__ import annotations

import math

import pytest

PLUGIN = """
import numpy as np
from ag06d.plugin import Entity, FeatureField, FeatureView, RequestError, Topic, hookimpl


class Mood:
    def __init__(self, context):
        self.context, self.frames = context, 0

    def process(self, frame):
        self.frames += 1
        if self.frames % 20:
            return
        features, name = self.context.features, self.context.name
        try:
            pushed = features.push(name, "studio", [float(self.frames)])
            found = features.get_online_features(["level:mid.rms_db", f"{name}:calm"],
                                                 [{"stream": "dry", "person": "studio"}])
            moments = found.event_ns[0, :1] - 1_000_000_000  # the newest rows are on their way to the log
            history = features.get_historical_features(moments, {"stream": "dry"}, ["level:mid.rms_db"])
            told = {"accepted": pushed.accepted, "read": found.to_dict(), "past": history.values[0, 0],
                    "pushed": float(self.frames)}
        except RequestError as error:
            told = {"error": error.code}
        self.context.publish(name, told)


@hookimpl
def ag06_feature_views(context):
    field = FeatureField(name="calm", low=0)
    return [Entity(name="person"), FeatureView(name=context.name, entity="person", fields=(field,))]


@hookimpl
def ag06_topics(context):
    return [Topic(context.name, "What the store said", channel="events")]


@hookimpl
def ag06_processors(context):
    return [Mood(context)]
"""


@pytest.fixture(scope="module")
def daemon(start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    for name in ("near", "far"):
        (folder / f"{name}.py").write_text(PLUGIN)
    hosts = (
        "hosts={live={plugins=['near','features'],deadline_ms=1000},other={plugins=['far'],deadline_ms=1000}}"
    )
    with start("audio.device=recording", f"plugin.folder={folder}", hosts) as daemon:
        daemon.running()
        yield daemon


def whole(message) -> bool:
    read, past = message.body.get("read"), message.body.get("past")
    return read is not None and read["level:mid.rms_db"] != [None] and math.isfinite(past)


@pytest.mark.parametrize("name", ["near", "far"])
def test_what_it_declares_it_can_push_and_read_beside_what_others_did(daemon, name):
    with daemon.listen(name) as listener:
        # At its start a host may be behind, and there is no past yet.
        told = listener.until(whole).body
        assert told["accepted"] == 1
        assert told["read"][f"{name}:calm"] == [told["pushed"]]
        assert -120 <= told["past"] <= 20
    described = daemon.client.call("features.describe", name=name)
    assert [field["name"] for field in described["views"][0]["fields"]] == ["calm"]
    assert daemon.status()["plugins"][name]["errors"] == 0


def test_without_a_store_a_plugin_is_told_so(start, tmp_path):
    (tmp_path / "far.py").write_text(PLUGIN)
    hosts = "hosts={live={plugins=[]},other={plugins=['far'],deadline_ms=1000}}"
    with start("audio.device=recording", f"plugin.folder={tmp_path}", hosts) as daemon:
        daemon.running()
        with daemon.listen("far") as listener:
            assert listener.until(lambda message: message.body).body == {"error": "not_ready"}
        assert daemon.status()["plugins"]["far"]["errors"] == 0
