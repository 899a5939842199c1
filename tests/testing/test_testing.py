"""What authors of plugins test with does as the host and the daemon do."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from ag06d.plugin import Command, RefusedError, Topic, hookimpl

RATE, HOP = 48000, 480
COUNTER = """
import numpy as np
from ag06d.plugin import Command, Topic, hookimpl


class Counter:
    def __init__(self, context):
        self.context, self.frames = context, 0

    def process(self, frame):
        self.frames += 1
        self.context.publish("count", {"n": self.frames}, np.float32([abs(frame.dry).max()]))
        if frame.position >= self.context.config.get("fail_at", 1e9):
            raise ValueError("as it was told")


@hookimpl
def ag06_topics():
    return [Topic("count", "Frames so far")]


@hookimpl
def ag06_processors(context):
    return [Counter(context)]
"""


class Section(BaseModel):
    factor: int = 2


def plugin(**hooks):
    return SimpleNamespace(**{f"ag06_{name}": hookimpl(hook) for name, hook in hooks.items()})


@pytest.fixture
def publisher(ag06_load):
    return ag06_load(plugin(topics=lambda: [Topic("a.b", "doc", channel="events")]))


@pytest.mark.parametrize(
    ("topic", "body", "error"),
    [("a", {}, ValueError), ("a.b", {"x": object()}, TypeError), ("a.b", {"x": bytes(70_000)}, ValueError)],
)
def test_the_context_refuses_what_the_real_one_refuses(publisher, topic, body, error):
    with pytest.raises(error):
        publisher.context.publish(topic, body)
    assert publisher.published == []


def test_what_was_published_is_as_a_client_receives_it(publisher, ag06_frames):
    array = np.arange(4, dtype=np.float32)
    for frame in ag06_frames.silence(2 * HOP / RATE):
        publisher.context.at(frame)
    publisher.context.publish("a.b", {"pair": (1, 2)}, array)
    array[:] = 0
    (message,) = publisher.published
    assert (message.topic, message.body, message.position) == ("a.b", {"pair": [1, 2]}, 2 * HOP)
    assert message.arrays[0].tolist() == [0, 1, 2, 3]


def test_a_plugin_is_loaded_as_in_a_host_with_its_model_and_its_commands(ag06_load):
    def commands(context):
        return [Command("times", lambda given: {"is": given["n"] * context.config.factor}, "Multiplies")]

    hooks = {"config_model": lambda: Section, "commands": commands}
    assert ag06_load(plugin(**hooks), factor=5).command("times", n=3) == {"is": 15}
    with pytest.raises(ValidationError):
        ag06_load(plugin(**hooks), factor="many")


def test_a_plugin_that_refuses_raises_that_in_the_test(ag06_load):
    def check():
        raise RefusedError("no window")

    with pytest.raises(RefusedError, match="no window"):
        ag06_load(plugin(check=check))


@pytest.fixture
def counter(tmp_path):
    path = tmp_path / "counter.py"
    path.write_text(COUNTER)
    return path


def test_a_replay_gives_every_message_of_a_plugin_file_in_order_and_the_status(ag06_replay, counter):
    sound = np.linspace(0, 0.5, 30 * HOP, dtype=np.float32)
    replayed = ag06_replay(sound, counter)
    counts = replayed.of("count")
    assert [message.body["n"] for message in counts] == list(range(1, 31))
    assert [message.header["pos"] for message in counts] == [HOP * n for n in range(1, 31)]
    peaks = [np.frombuffer(message.buffers[0], np.float32)[0] for message in counts]
    np.testing.assert_array_equal(peaks, sound.reshape(30, HOP).max(axis=1))
    assert replayed.status["plugins"]["counter"].items() >= {"state": "running", "frames": 30}.items()
    assert replayed.result["frames"] == 30 * HOP


def test_a_replay_as_fast_as_it_goes_drops_no_message(ag06_replay, counter):
    seconds = 60
    replayed = ag06_replay(np.zeros(seconds * RATE, np.float32), counter)
    assert [message.body["n"] for message in replayed.of("count")] == list(range(1, 100 * seconds + 1))


def test_a_replay_tells_of_errors_in_the_status_and_gives_each_plugin_its_section(ag06_replay, counter):
    replayed = ag06_replay(
        np.zeros(20 * HOP, np.float32), counter, "features", config={"counter": {"fail_at": 10 * HOP}}
    )
    plugins = replayed.status["plugins"]
    assert plugins["counter"].items() >= {"state": "degraded", "errors": 10}.items()
    assert plugins["features"].items() >= {"state": "running", "frames": 20, "errors": 0}.items()
    assert len(replayed.of("feature.basic")) == 20


def test_plugin_files_of_two_folders_are_refused(ag06_replay, tmp_path):
    with pytest.raises(ValueError, match="more than one folder"):
        ag06_replay(np.zeros(HOP, np.float32), tmp_path / "a.py", tmp_path / "b" / "c.py")


@pytest.mark.parametrize("name", ["meters", "audio.mine"])
def test_a_topic_of_the_daemons_own_is_refused(ag06_load, name):
    with pytest.raises(RefusedError, match=f"the topic {name} is the daemon's own"):
        ag06_load(plugin(topics=lambda: [Topic(name, "doc")]))
