"""ag06d's end of the private socket, without a host: what a plugin's command may be asked."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from ag06d.core.link import HostLink
from ag06d.errors import RequestError
from ag06d.wire import Request
from ag06d.wire.codec import FRAME_MAX
from ag06d.wire.hostlink import HostMessage, Kind


@pytest.fixture
def sent():
    return []


@pytest.fixture
def published():
    return []


@pytest.fixture
def link(sent, published):
    """With a host that is ready, and a plugin with one command and a topic on either channel."""
    put_out, said_hello = [], []
    process = SimpleNamespace(
        name="live",
        ready=True,
        pid=7,
        own=["x"],
        told=(put_out, said_hello),
        put_out=lambda *word: put_out.append(word),
        put_out_plugins=list,
        said_hello=said_hello.append,
    )
    hosts = SimpleNamespace(host_of=lambda _: process, hosts={"live": process})
    bus = SimpleNamespace(
        observe=lambda _: None,
        retell=lambda *_: None,
        skip=lambda *_: None,
        publish=lambda *arguments, **_: published.append(arguments[1]),
    )

    def send(frames, _):
        sent.append(HostMessage.decode(frames[1:]))
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        if sent[-1].kind is Kind.REQUEST:
            reply = {"id": sent[-1].header["id"], "status": "ok"}
            link._handle("live", HostMessage(Kind.REPLY, reply), None)
        return done

    link = HostLink(bus, hosts, SimpleNamespace(send_multipart=send), dict)
    link.commands["x.echo"] = {"plugin": "x"}
    link.topics |= {
        f"x.{of}": {"plugin": "x", "name": f"x.{of}", "channel": of} for of in ("events", "stream")
    }
    return link


def test_a_command_goes_to_the_plugins_host(link, sent):
    reply = asyncio.run(link.command(Request(1, "x.echo", {"a": 1})))
    assert (reply.re, reply.status) == (1, "ok")
    assert [(message.kind, message.body) for message in sent] == [(Kind.REQUEST, {"a": 1})]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(1, "x.echo", {}, dry_run=True), "no dry run"),
        (Request(1, "x.echo", {"a": bytes(FRAME_MAX)}), f"longer than {FRAME_MAX} bytes"),
        # Half of it on the wire, where it may be made of single floats.
        (Request(1, "x.echo", {"a": [1.5] * (FRAME_MAX // 8)}), f"longer than {FRAME_MAX} bytes"),
    ],
    ids=["dry run", "bytes", "floats"],
)
def test_what_a_command_cannot_be_asked_is_bad_request_and_reaches_no_host(link, sent, request_, said):
    with pytest.raises(RequestError, match=said) as refused:
        asyncio.run(link.command(request_))
    assert refused.value.code == "bad_request"
    assert sent == []


def test_buffers_go_to_no_plugin(link, sent):
    asyncio.run(link.command(Request(1, "x.echo", {}, [bytes(1000)])))
    assert list(sent[0].buffers) == []


@pytest.mark.parametrize("told", ["events", "stream", "x"])
@pytest.mark.parametrize(("channel", "size"), [("events", 65 << 10), ("stream", (1 << 20) + 1)])
def test_what_a_host_sends_beyond_the_topics_limit_is_not_published(link, published, told, channel, size):
    header = {"plugin": "x", "topic": f"x.{channel}", "channel": told, "pos": 0, "mono": 0}
    link._handle("live", HostMessage(Kind.PUBLISH, header, {}, [bytes(size)]), None)
    assert published == []


def test_what_a_host_had_to_drop_is_counted_and_seen_in_the_sequence(link):
    process = link._hosts.hosts["live"]
    process.dropped = 0
    skipped = []
    link._bus.skip = lambda *arguments: skipped.append(arguments)
    link._handle("live", HostMessage(Kind.DROPPED, {}, {"x.stream": 3, "": 2, "gone": 1}), None)
    assert process.dropped == 6
    assert skipped == [("stream", "x.stream", 3)]


def test_topics_are_told_again_to_who_asks(link, published):
    link._tell_topics()
    assert published == ["schema.x.events", "schema.x.stream"]


def test_a_host_has_no_say_in_the_plugins_of_another(link):
    process = link._hosts.hosts["live"]
    link.commands["y.echo"] = theirs = {"plugin": "y"}
    offer = {"active": True, "topics": [], "commands": [{"name": "echo"}]}
    for kind, header, body in (
        (Kind.PLUGIN, {"plugin": "y", "state": "quarantined", "reason": "it is in my way"}, {}),
        (Kind.HELLO, {"pid": 7}, {"x": offer, "y": offer | {"commands": [{"name": "echo", "doc": "mine"}]}}),
    ):
        asyncio.run(handled(link, HostMessage(kind, header, body)))
    assert link.commands == {"x.echo": {"name": "echo", "plugin": "x"}, "y.echo": theirs}
    assert process.told == ([], [{"x": offer}])


async def handled(link, message):
    link._handle("live", message, None)
