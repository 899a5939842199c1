"""The host's end of the private socket, while ag06d does not take what it sends."""

from __future__ import annotations

import pytest
import zmq

from ag06d.host import link as link_module
from ag06d.host.link import Link
from ag06d.wire.hostlink import HostMessage, Kind

PATIENCE_MS = 60_000


def publish(topic: str) -> HostMessage:
    return HostMessage(Kind.PUBLISH, {"topic": topic})


@pytest.fixture
def link(sockets, monkeypatch):
    monkeypatch.setattr(link_module, "QUEUE", 2)
    sockets.folder.mkdir()
    link = Link(sockets.hosts, "live")
    yield link
    link.close()


def test_what_was_dropped_is_told_before_anything_that_comes_after_it(link, sockets):
    taken = [link.send(publish("x.a")) for _ in range(5)]
    taken += [link.send(publish("x.b")), link.send(HostMessage(Kind.SUBSCRIBE, {"topic": "y."}))]
    sent = taken.index(False)
    assert taken == [True] * sent + [False] * (7 - sent)
    assert link.dropped == 7 - sent
    assert not link.tell_dropped()
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.bind(sockets.hosts)

        def heard() -> HostMessage:
            assert router.poll(PATIENCE_MS)
            return HostMessage.decode(router.recv_multipart()[1:])

        assert [heard().header["topic"] for _ in range(sent)] == ["x.a"] * sent
        while not link.send(publish("x.a")):  # until the queue is known to have room
            pass
        dropped = heard()
        assert dropped.kind is Kind.DROPPED
        assert dropped.body == {"x.a": link.dropped - 2, "x.b": 1, "": 1}
        assert heard().kind is Kind.PUBLISH
        assert link.tell_dropped()
        assert not router.poll(50)
