"""Following: what comes, what was missed, and the daemon that comes back."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from ag06d.errors import DeadlineError
from ag06d.wire import pack_arrays

SNAPSHOT = {"boot": "one", "revision": 7, "state": {"audio": {"mute": False, "slot": "a"}}, "history": {}}


def test_messages_of_both_channels_come_and_others_do_not(daemon, connect):
    with connect().follow("meters.", "alert.") as messages:
        daemon.publish("stream", "meters.", {"n": 1})
        daemon.publish("stream", "feature.basic.", {"n": 2})
        daemon.publish("events", "schema.feature.basic.", {"fields": []})
        daemon.publish("events", "alert.clipping.", {"n": 3})
        heard = {messages.receive(5).topic for _ in range(2)}
        assert heard == {"meters.", "alert.clipping."}
        assert messages.receive(0.05) is None


def test_a_flood_on_one_channel_does_not_hide_the_other(daemon, connect):
    with connect().follow("alert.", "meters.") as messages:
        for channel, topic in (("events", "alert."), ("stream", "meters.")):
            for _ in range(50):
                daemon.publish(channel, topic, {})
        for _ in range(20):
            messages.receive(5)
        assert {messages.receive(5).topic for _ in range(10)} == {"alert.", "meters."}


def test_iteration_ends_after_silence_and_when_closed(daemon, connect):
    with connect().follow("meters.", timeout_s=0.1) as messages:
        daemon.publish("stream", "meters.", {"n": 1})
        assert [message.body["n"] for message in messages] == [1]
    assert list(messages) == []


def test_a_follower_tells_how_many_messages_were_lost_before_each(daemon, connect):
    with connect().follow("meters.") as messages:
        daemon.lose("stream", "meters.", 5)  # of which nobody can know, who has just joined
        daemon.publish("stream", "meters.", {})
        daemon.lose("stream", "meters.", 3)
        daemon.publish("stream", "meters.", {})
        daemon.publish("stream", "meters.", {})
        assert [messages.receive(5).missed for _ in range(3)] == [0, 3, 0]


def test_a_follower_goes_on_with_the_next_run_and_tells_of_it(fake, sockets, connect):
    client = connect()
    with fake(sockets, "one") as daemon:
        messages = client.follow("meters.")
        messages.receive(0)
        daemon.publish("stream", "meters.", {"n": 1})
        first = messages.receive(5)
    with fake(sockets, "two") as daemon:
        daemon.lose("stream", "meters.", 2)
        again = None
        while again is None:
            daemon.publish("events", "schema.feature.basic.", {"fields": []})  # nobody asked for it
            daemon.publish("stream", "meters.", {"n": 2})
            again = messages.receive(0.1)
        daemon.publish("stream", "meters.", {"n": 3})
        third = messages.receive(5)
        messages.close()
    assert (first.boot_changed, again.boot_changed, third.boot_changed) == (False, True, False)
    assert again.missed == again.header["seq"] >= 2


def test_arrays_come_as_arrays_with_the_names_that_the_daemon_has_for_them(fake, sockets, connect):
    client = connect()
    entries, buffers = pack_arrays(np.array([[0.5, 440.0]], np.float32))

    def say(daemon):
        daemon.publish("stream", "feature.basic.", {"arrays": entries}, buffers)

    with fake(sockets, "one") as daemon:
        daemon.answer("describe", topics={"feature.basic": {"fields": ["rms", "pitch"]}})
        with client.follow("feature.") as messages:
            say(daemon)
            say(daemon)
            message = messages.receive(5)
            assert message.arrays[0].dtype == np.float32
            assert message.arrays[0].shape == (1, 2)
            assert message.vector == messages.receive(5).vector == {"rms": 0.5, "pitch": 440.0}
            assert [request.op for request in daemon.asked] == ["describe"]
            daemon.publish("events", "schema.feature.basic.", {"fields": ["level", "f0"]})
            again = {}
            while "f0" not in again:  # the two channels are not in step with each other
                say(daemon)
                again = messages.receive(5).vector
            daemon.end()
            with fake(sockets, "two") as other:  # which knows nothing of that topic, and is asked once
                other.answer("describe", topics={})
                heard = []
                while len(heard) < 3:
                    say(other)
                    heard += [message for message in [messages.receive(0.1)] if message]
                assert [message.vector for message in heard] == [{}, {}, {}]
                assert [request.op for request in other.asked] == ["describe"]


@pytest.mark.usefixtures("daemon")
def test_a_follower_that_is_let_go_of_is_closed(connect):
    messages = connect().follow("meters.")
    messages.receive(0)
    del messages
    gc.collect()  # an unclosed socket would be a warning, which here is an error


def test_a_state_is_kept_in_step(daemon, connect):
    daemon.answer("snapshot", **SNAPSHOT)
    with connect().state() as state:
        assert (state["audio.mute"], state.revision) == (False, 7)
        daemon.publish(
            "events", "state.", {"revision": 7, "changes": {"audio.slot": "b"}}
        )  # before the snapshot
        daemon.publish("events", "state.", {"revision": 8, "changes": {"audio.mute": True}})
        assert state.wait_for("audio.mute", bool, timeout_s=5) is True
        assert (state["audio.slot"], state.revision) == ("a", 8)
        with pytest.raises(DeadlineError, match=r"audio.slot is still 'a'"):
            state.wait_for("audio.slot", "b".__eq__, timeout_s=0.05)
        with pytest.raises(KeyError, match=r"audio.moot"):
            state.wait_for("audio.moot", bool)


def test_a_state_with_a_gap_asks_for_all_of_it_again(daemon, connect):
    daemon.answer("snapshot", **SNAPSHOT)
    with connect().state() as state:
        daemon.answer(
            "snapshot", **SNAPSHOT | {"revision": 9, "state": {"audio": {"mute": True, "slot": "b"}}}
        )
        daemon.publish("events", "heartbeat.", {"revision": 9, "state": "running"})
        (change,) = state.changes(timeout_s=0.3)
        assert (change.revision, change.values) == (9, {"audio.mute": True, "audio.slot": "b"})
        assert not state.stale


def test_a_state_outlives_a_restart_even_while_the_new_daemon_does_not_answer(fake, sockets, connect):
    client = connect(timeout_s=0.05)
    with fake(sockets, "one") as daemon:
        daemon.answer("snapshot", **SNAPSHOT)
        state = client.state()
        state.__enter__()
    with fake(sockets, "two") as daemon:
        beat = {"revision": 0, "state": "running"}
        while not state.stale:
            daemon.publish("events", "heartbeat.", beat)
            state.refresh()
        assert state["audio.mute"] is False  # what was known last
        daemon.answer(
            "snapshot", **SNAPSHOT | {"boot": "two", "revision": 0, "state": {"audio": {"mute": True}}}
        )
        daemon.publish("events", "heartbeat.", beat)
        assert state.wait_for("audio.mute", bool, timeout_s=5)
        assert (state.boot, dict(state.values)) == ("two", {"audio.mute": True})
        state.close()
