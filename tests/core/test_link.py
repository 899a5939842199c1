"""ag06d's end of the private socket, without a host: what a plugin's command may be asked."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest

from ag06d.core.link import HostLink
from ag06d.errors import RequestError
from ag06d.wire import Request, pack, unpack
from ag06d.wire.codec import BUFFERS_MAX, FRAME_MAX
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
        if sent[-1].kind is Kind.REQUEST and link.answer is not None:
            reply = {"id": sent[-1].header["id"], "status": "ok"}
            link._handle("live", HostMessage(Kind.REPLY, reply, **link.answer), None)
        return done

    link = HostLink(bus, hosts, SimpleNamespace(send_multipart=send), dict)
    link.answer = {}  # to each request; None for none
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


def test_buffers_go_to_the_plugin_and_come_from_it(link, sent):
    link.answer = {"body": {"arrays": []}, "buffers": [b"there"]}
    reply = asyncio.run(link.command(Request(1, "x.echo", {}, [b"here"])))
    assert list(sent[0].buffers) == [b"here"]
    assert (reply.body, list(reply.buffers)) == ({"arrays": []}, [b"there"])


@pytest.mark.parametrize(
    "buffers", [[bytes(FRAME_MAX + 1)], [b""] * (BUFFERS_MAX + 1)], ids=["large", "many"]
)
def test_an_answer_that_no_client_could_read_is_the_plugins_failure(link, buffers):
    link.answer = {"buffers": buffers}
    with pytest.raises(RequestError, match=r"the answer to x\.echo: ") as refused:
        asyncio.run(link.command(Request(1, "x.echo")))
    assert refused.value.code == "internal"


@pytest.mark.parametrize(("deadline_ms", "told_s"), [(None, 5), (60_000, 60), (-1, 0), (1e300, 9e9)])
def test_the_host_is_told_until_when_somebody_waits(link, sent, deadline_ms, told_s):
    before = time.monotonic()
    with suppress(RequestError):
        asyncio.run(link.command(Request(1, "x.echo", deadline_ms=deadline_ms)))
    until = sent[0].header["deadline_ns"] / 1e9
    assert unpack(pack(sent[0].header)) == sent[0].header
    assert before + told_s - 0.01 <= until <= time.monotonic() + told_s + 1 or told_s == 9e9 < until


def test_what_was_given_up_is_forgotten_and_its_late_answer_is_nobodys(link, sent):
    link.answer = None

    async def scenario():
        with pytest.raises(RequestError, match=r"did not answer within 0\.01 s") as refused:
            await link.command(Request(1, "x.echo", deadline_ms=10))
        assert refused.value.code == "deadline"
        cancelled = asyncio.create_task(link.command(Request(2, "x.echo", {"a": 1})))
        await asyncio.sleep(0)
        assert link._waiting_bytes
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        assert (link._waiting, link._waiting_bytes) == ({}, 0)
        link._handle("live", HostMessage(Kind.REPLY, {"id": sent[0].header["id"], "status": "ok"}), None)

    asyncio.run(scenario())


def test_a_client_cannot_have_all_of_the_memory_wait_for_a_plugin(link):
    link.answer = None
    large = Request(1, "x.echo", {}, [bytes(FRAME_MAX)] * 40)

    async def scenario():
        waiting = asyncio.create_task(link.command(large))
        await asyncio.sleep(0)
        with pytest.raises(RequestError) as refused:
            await link.command(large)
        assert refused.value.code == "busy"
        link.answer = {}
        assert (await link.command(Request(2, "x.echo"))).status == "ok"
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (await link.command(large)).status == "ok"

    asyncio.run(scenario())


def test_doors_are_those_of_plugins_that_run_in_a_host_that_is_ready(link):
    live = link._hosts.hosts["live"]
    live.own = live.allowed = ["x", "y", "z"]
    offer = {"active": True, "topics": [], "commands": []}
    offers = {"x": offer | {"door": True}, "y": offer | {"door": False}, "z": offer | {"door": True}}
    asyncio.run(handled(link, HostMessage(Kind.HELLO, {"pid": 7}, offers)))
    assert link.doors() == {"x": "plugin-x.sock", "z": "plugin-z.sock"}
    live.allowed = ["x", "y"]
    assert link.doors() == {"x": "plugin-x.sock"}
    ended = {"plugin": "x", "state": "quarantined", "reason": "it raised"}
    asyncio.run(handled(link, HostMessage(Kind.PLUGIN, ended)))
    assert link.doors() == {}
    asyncio.run(handled(link, HostMessage(Kind.HELLO, {"pid": 7}, offers)))
    live.ready = False
    assert link.doors() == {}


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
    offer = {"active": True, "door": False, "topics": [], "commands": [{"name": "echo"}]}
    for kind, header, body in (
        (Kind.PLUGIN, {"plugin": "y", "state": "quarantined", "reason": "it is in my way"}, {}),
        (Kind.HELLO, {"pid": 7}, {"x": offer, "y": offer | {"commands": [{"name": "echo", "doc": "mine"}]}}),
    ):
        asyncio.run(handled(link, HostMessage(kind, header, body)))
    assert link.commands == {"x.echo": {"name": "echo", "plugin": "x"}, "y.echo": theirs}
    assert process.told == ([], [{"x": offer}])


async def handled(link, message):
    link._handle("live", message, None)
