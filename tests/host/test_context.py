from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import zmq

from ag06d.host.context import HostContext
from ag06d.host.link import QUEUE, Link
from ag06d.plugin import Topic
from ag06d.wire import pack, unpack_arrays
from ag06d.wire.codec import MESSAGE_MAX
from ag06d.wire.hostlink import HostMessage, Kind

PATIENCE_S = 60  # for what must come at all; nothing depends on how soon


@pytest.fixture
def context(shared, tmp_path):
    context = HostContext("test", shared, tmp_path)
    context.topics = {"test.x": Topic("test.x", "doc", channel="events")}
    return context


def test_what_is_published_is_stamped_with_the_end_of_the_frame_and_carries_arrays(context, shared, link):
    shared.position, shared.mono_ns = 960, 77
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert context.publish("test.x", {"a": 1}, array)
    context.publish("test.x", position=5)
    first, second = (HostMessage.decode(message.encode()) for message in link.sent)
    assert first.kind is Kind.PUBLISH
    assert first.header == {"plugin": "test", "topic": "test.x", "channel": "events", "pos": 960, "mono": 77}
    assert first.body["a"] == 1
    np.testing.assert_array_equal(unpack_arrays(first.body["arrays"], first.buffers)[0], array)
    assert (second.header["pos"], second.body, list(second.buffers)) == (5, {}, [])


@pytest.mark.parametrize("topic", ["test", "test.x.", "test.y", "", "state"])
def test_a_topic_that_was_not_registered_is_refused_with_those_that_were(context, link, topic):
    with pytest.raises(ValueError, match=r"did not register the topic .* it registered test\.x"):
        context.publish(topic, {})
    assert link.sent == []


def test_publishing_never_waits_for_a_reader_and_counts_what_it_drops(context, shared, sockets):
    shared.link = Link(sockets.hosts, "test")  # where nobody listens
    sent = [context.publish("test.x", {"n": n}) for n in range(QUEUE + 500)]
    assert sent[0]
    assert not sent[-1]
    assert sent.count(False) == shared.link.dropped > 0
    assert sent == sorted(sent, reverse=True), "once full, all that follow are dropped"
    shared.link.close()


def test_the_state_is_a_leaf_or_a_tree_or_a_key_error(context, shared):
    shared.state = {"audio.mute": True, "chain.a.comp.ratio": 3.0, "chain.a.comp.knee_db": 6.0}
    assert context.state("audio.mute") is True
    assert context.state("chain.a") == {"comp": {"ratio": 3.0, "knee_db": 6.0}}
    assert context.state()["audio"] == {"mute": True}
    for path in ("chain.b", "chai", "audio.mute.x"):
        with pytest.raises(KeyError):
            context.state(path)


def test_subscriptions_end_in_a_dot_and_calls_are_numbered(context, link):
    context.subscribe("feature", print)
    context.subscribe("alert.", print)
    context.call("get", {"path": "audio"}, print)
    context.call("status")
    context.call("meters", done=print)
    assert [prefix for prefix, _ in context.subscriptions] == ["feature.", "alert."]
    assert [message.header.get("topic") for message in link.sent[:2]] == ["feature.", "alert."]
    asked = [(message.header["id"], message.header["op"], message.body) for message in link.sent[2:]]
    assert asked == [(1, "get", {"path": "audio"}), (2, "status", {}), (3, "meters", {})]
    assert set(context.calls) == {1, 3}


def test_sending_is_for_the_thread_that_made_the_link(context, shared, sockets):
    shared.link = Link(sockets.hosts, "test")
    raised = []

    def elsewhere() -> None:
        publish, call = lambda: context.publish("test.x"), lambda: context.call("get")
        for use in (publish, call, lambda: context.subscribe("x", print)):
            try:
                use()
            except RuntimeError as error:
                raised.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert len(raised) == 3
    assert all("thread that runs processors" in said for said in raised)
    assert context.publish("test.x")
    shared.link.close()


@pytest.mark.parametrize("channel", ["events", "stream"])
def test_a_message_beyond_the_limit_of_its_channel_is_refused_and_not_sent(context, link, channel):
    context.topics = {"x": Topic("x", "doc", channel=channel)}
    head = len(pack({"x": bytes(MESSAGE_MAX[channel])})) - MESSAGE_MAX[channel]
    body = {"x": bytes(MESSAGE_MAX[channel] - head)}
    body["x"] += bytes(MESSAGE_MAX[channel] - len(pack(body)))  # a shorter one may need a shorter head
    assert len(pack(body)) == MESSAGE_MAX[channel]
    assert context.publish("x", body)
    body["x"] += b"1"
    link.sent.clear()
    with pytest.raises(ValueError, match=f"at most {MESSAGE_MAX[channel]} fit into a message on {channel}"):
        context.publish("x", body)
    with pytest.raises(ValueError, match="at most"):
        context.publish("x", {}, np.zeros(MESSAGE_MAX[channel], np.uint8))
    assert link.sent == []


def test_a_message_from_ag06d_that_is_none_is_passed_over(sockets):
    sockets.folder.mkdir(exist_ok=True)
    good = HostMessage(Kind.STATE, {}, {"audio.mute": True})
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.bind(sockets.hosts)
        link = Link(sockets.hosts, "test")
        link.send(good)
        route = router.recv_multipart()[0]
        nonsense = ([b"state"], [b"state", b"\xc1", b"\xc1"], [b"no kind", pack({}), pack({})], [b"\xff"] * 3)
        for frames in nonsense:
            router.send_multipart([route, *frames])
        router.send_multipart([route, *good.encode()])
        received, give_up = [], time.monotonic() + PATIENCE_S
        while not received and time.monotonic() < give_up:
            received += link.received()
        assert [message.body for message in received] == [good.body]
        link.close()
