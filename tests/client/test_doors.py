"""Asking a plugin at its own door, and arrays on the way there and back, with both clients."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ag06d.errors import DeadlineError, NoDaemonError, RequestError
from ag06d.wire import Reply, pack_arrays
from ag06d.wire.codec import BUFFERS_MAX, FRAME_MAX


@pytest.fixture
def door(daemon, fake, sockets):
    """The door of plugin x, which says that it is it."""
    daemon.answer("hello", doors={"x": "plugin-x.sock"})
    daemon.answer("x.who", who="daemon")
    with fake(sockets, plugin="x") as plugin:
        plugin.answer("x.who", who="plugin")
        yield plugin


def test_what_is_asked_at_a_door_goes_to_the_plugin_and_the_daemon_is_asked_where_once(daemon, door, connect):
    client = connect()
    at = client.door("x")
    assert client.call("x.who") == {"who": "daemon"}
    assert [at.call("x.who"), at.request("x.who").body] == [{"who": "plugin"}] * 2
    assert [request.op for request in daemon.asked] == ["x.who", "hello"]
    assert [request.op for request in door.asked] == ["x.who"] * 2


def test_a_plugin_without_a_door_is_told_of_and_looked_for_again(daemon, fake, sockets, connect):
    daemon.answer("hello", boot="of a daemon that knows no doors")
    at = connect().door("x")
    with pytest.raises(RequestError, match="plugin x has no door") as refused:
        at.call("x.who")
    assert refused.value.code == "not_ready"
    daemon.answer("hello", doors={"x": "plugin-x.sock"})
    with fake(sockets, plugin="x") as plugin:
        plugin.answer("x.who", who="plugin")
        assert at.call("x.who") == {"who": "plugin"}


@pytest.mark.usefixtures("door")
def test_what_the_plugin_refuses_is_raised_as_what_the_daemon_does(door, connect):
    at = connect().door("x")
    door.answers["x.do"] = lambda request: [Reply.failed(request.id, RequestError("busy", "not now"))]
    with pytest.raises(RequestError, match="not now") as refused:
        at.call("x.do")
    assert refused.value.code == "busy"
    with pytest.raises(DeadlineError):
        at.request("x.hang", timeout_s=0.05)
    assert door.asked[-1].deadline_ms == 50


def test_a_door_whose_host_ends_is_told_at_once_and_that_of_the_next_one_is_found(
    daemon, fake, sockets, connect
):
    daemon.answer("hello", doors={"x": "plugin-x.sock"})
    at = connect(timeout_s=100).door("x")
    with fake(sockets, plugin="x") as plugin:
        plugin.answer("x.who", life=1)
        assert at.call("x.who") == {"life": 1}
        ending = threading.Timer(0.1, plugin.end)
        ending.start()
        with pytest.raises(NoDaemonError, match=r"the door of plugin x .* ended before it answered x\.hang"):
            at.call("x.hang")
        ending.join()
    with pytest.raises(NoDaemonError, match="nobody answers at the door of plugin x"):
        at.call("x.who")
    with fake(sockets, plugin="x") as plugin:
        plugin.answer("x.who", life="in between")
        assert at.call("x.who") == {"life": "in between"}
    assert [request.op for request in daemon.asked] == ["hello"] * 2, "once, and when nobody was there"
    daemon.answer("hello", doors={"x": "plugin-x-2.sock"})
    with fake(sockets, plugin="x-2") as plugin:
        plugin.answer("x.who", life=2)
        assert at.call("x.who") == {"life": 2}


def test_without_a_daemon_there_is_no_door(connect, sockets):
    with pytest.raises(NoDaemonError, match=str(sockets.folder)):
        connect().door("x").call("x.who")


def test_arrays_go_with_a_request_and_come_with_its_reply(daemon, connect):
    def twice(request):
        assert request.body["n"] == 3
        entries, buffers = pack_arrays(
            *(2 * array for array in Reply(1, "ok", request.body, request.buffers).arrays)
        )
        return [Reply(request.id, "ok", {"arrays": entries}, buffers)]

    daemon.answers["twice"] = twice
    given = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array([1, -1])]
    reply = connect().request("twice", {"n": 3}, arrays=given)
    for array, returned in zip(given, reply.arrays, strict=True):
        np.testing.assert_array_equal(2 * array, returned)
        assert returned.dtype == array.dtype


@pytest.mark.parametrize("count", [BUFFERS_MAX, BUFFERS_MAX + 1])
@pytest.mark.parametrize("size", [FRAME_MAX, FRAME_MAX + 1])
def test_arrays_that_the_daemon_would_not_read_are_not_sent(daemon, connect, count, size):
    daemon.answer("take")
    arrays = [np.zeros(size, np.uint8), *[np.zeros(1)] * (count - 1)]
    client = connect()
    if (count, size) == (BUFFERS_MAX, FRAME_MAX):
        client.request("take", arrays=arrays)
        return
    with pytest.raises(RequestError, match="take: ") as refused:
        client.request("take", arrays=arrays)
    assert refused.value.code == "bad_request"
    assert daemon.asked == []


def test_arrays_and_buffers_of_ones_own_do_not_go_together(connect):
    with pytest.raises(ValueError, match="not both"):
        connect().request("take", {}, [b"x"], arrays=[np.zeros(1)])
