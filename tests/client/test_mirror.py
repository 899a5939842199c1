"""The mirror is the daemon's tree, or knows that it is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ag06d.client.mirror import Mirror
from ag06d.tree import flatten, nest
from ag06d.wire import Message

PATHS = ("audio.mute", "chain.a.comp.on", "chain.a.comp.threshold_db")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.sampled_from(PATHS), st.integers(), st.booleans()),
        st.tuples(st.just("snapshot")),
        st.tuples(st.just("restart"), st.integers()),
        st.tuples(st.just("heartbeat")),
    ),
    max_size=40,
)


class Truth:
    """The daemon's tree."""

    def __init__(self):
        self.run, self.revision, self.values = 0, 5, dict.fromkeys(PATHS, 0)

    def snapshot(self):
        return {"boot": str(self.run), "revision": self.revision, "state": nest(self.values)}

    def say(self, topic, **body):
        return Message(topic, {"boot": str(self.run)}, {"revision": self.revision, **body})

    def restart(self, value):
        self.run, self.revision, self.values = self.run + 1, 0, dict.fromkeys(PATHS, value)


@given(STEPS)
def test_after_a_heartbeat_the_mirror_is_the_truth_or_stale_and_a_snapshot_mends_it(steps):
    truth, mirror = Truth(), Mirror()
    mirror.begin(truth.snapshot())
    under_way = []  # what was said before a snapshot was answered, and comes after it
    for step, *values in steps:
        match step:
            case "change":
                path, value, arrives = values
                truth.values[path], truth.revision = value, truth.revision + 1
                if arrives:
                    under_way.append(truth.say("state.", changes={path: value}))
                continue
            case "heartbeat":
                under_way.append(truth.say("heartbeat."))
            case "restart":
                truth.restart(*values)
            case "snapshot":
                mirror.begin(truth.snapshot())
                assert not mirror.stale
        for message in under_way:
            mirror.take(message)
        under_way.clear()
        assert step != "heartbeat" or mirror.stale or mirror.values == truth.values
    mirror.begin(truth.snapshot())
    assert mirror.values == truth.values


@given(STEPS)
def test_who_adds_up_the_changes_has_the_mirrors_values(steps):
    truth, mirror = Truth(), Mirror()
    mirror.begin(truth.snapshot())
    told = dict(mirror.values)
    for step, *values in steps:
        if step == "change":
            path, value, arrives = values
            truth.values[path], truth.revision = value, truth.revision + 1
            change = mirror.take(truth.say("state.", changes={path: value})) if arrives else None
        else:
            if step == "restart":
                truth.restart(*values)
            change = mirror.take(truth.say("heartbeat."))
        if mirror.stale:
            run = mirror.boot
            change = mirror.begin(truth.snapshot())
            assert change is None or change.boot_changed == (run != mirror.boot)
        told |= change.values if change else {}
        assert told == mirror.values
        assert step == "change" or mirror.values == truth.values


def test_a_message_of_a_run_that_is_over_changes_nothing():
    truth, mirror = Truth(), Mirror()
    mirror.begin(truth.snapshot())
    truth.revision += 1
    late = truth.say("state.", changes={"audio.mute": 1})
    truth.restart(0)
    change = mirror.begin(truth.snapshot())
    assert change.boot_changed
    assert mirror.take(late) is None
    assert not mirror.stale
    assert mirror.values == flatten(nest(truth.values))


def test_a_heartbeat_of_what_is_known_asks_for_nothing():
    truth, mirror = Truth(), Mirror()
    mirror.begin(truth.snapshot())
    assert mirror.take(truth.say("heartbeat.")) is None
    assert not mirror.stale
