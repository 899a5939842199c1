from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
import zmq.asyncio

from ag06d.core.bus import (
    HIGH_WATER,
    IN_FLIGHT_MAX,
    LAST_TOLD,
    REPLIES_HIGH_WATER,
    SUBSCRIPTIONS_A_TURN,
    Bus,
)
from ag06d.core.config import BusConfig
from ag06d.core.folders import SocketFolder, lock_state_folder
from ag06d.core.link import HostLink
from ag06d.errors import DaemonRunningError, RequestError
from ag06d.wire import PROTOCOL, Message, Reply, Request, pack
from ag06d.wire.hostlink import HostMessage, Kind

PATIENCE_S = 60  # for what must come at all; nothing depends on how soon
FLOOD = 5000  # messages: several times what may wait in a socket


async def answer(request: Request) -> Reply:
    match request.op:
        case "echo":
            return Reply(request.id, "ok", request.body, request.buffers)
        case "refuse":
            raise RequestError("busy", "not now", "later")
        case "fail":
            raise KeyError("a mistake of ours")
        case "unsendable":
            return Reply(request.id, "ok", {"x": object()})
    await asyncio.Event().wait()
    raise AssertionError


async def until(condition: Callable[[], Any]) -> None:
    """Wait for what must come."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what libzmq does in its own thread sets no event
            await asyncio.sleep(0.001)


class Clients:
    """Sockets of clients in the bus's own loop, closed at the end."""

    def __init__(self, bus: Bus, sockets) -> None:
        self.bus, self.sockets = bus, sockets
        self.told = asyncio.Event()
        self.toiled = 0
        self._context = zmq.asyncio.Context()

    def socket(self, kind: int, address: str, rcvhwm: int = 1000) -> zmq.asyncio.Socket:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.RCVHWM, rcvhwm)
        socket.connect(address)
        return socket

    async def ask(self, socket: zmq.asyncio.Socket, *frames: bytes) -> Reply:
        await socket.send_multipart(frames)
        answer = await self.next(socket)
        return Reply.decode(answer[1:] if answer[0] == b"" else answer)  # the delimiter, where one was sent

    async def next(self, socket: zmq.asyncio.Socket) -> list[bytes]:
        return await asyncio.wait_for(socket.recv_multipart(), PATIENCE_S)

    async def subscribe(self, channel: str, *topics: str) -> zmq.asyncio.Socket:
        """A subscription that is in effect, because it was welcomed."""
        socket = self.socket(zmq.SUB, getattr(self.sockets, channel))
        for topic in (*topics, "welcome."):
            socket.subscribe(topic)
        while Message.decode(await self.next(socket)).topic != "welcome.":
            pass
        socket.unsubscribe("welcome.")
        return socket

    def close(self) -> None:
        self._context.destroy(linger=0)


@pytest.fixture
def serving(sockets):
    @asynccontextmanager
    async def serving(**limits: Any) -> AsyncIterator[Clients]:
        sockets.folder.mkdir(exist_ok=True)
        bus = Bus(sockets, lambda: 4711, BusConfig(**limits))
        clients = Clients(bus, sockets)

        async def answer_when_told(request: Request) -> Reply:
            if request.op == "toil":
                began = time.thread_time()
                while time.thread_time() < began + 0.003:
                    pass
                clients.toiled += 1
                return Reply(request.id, "ok")
            if request.op == "when told":
                await clients.told.wait()
                return Reply(request.id, "ok")
            return await answer(request)

        beats = iter(range(10**9))
        work = (
            bus.serve(answer_when_told),
            bus.greet(0.001),
            bus.heartbeat(lambda: {"beat": next(beats)}, 0.01),
        )
        tasks = [asyncio.create_task(task) for task in work]
        try:
            yield clients
        finally:
            clients.close()
            for task in [*tasks, *bus._tasks]:
                task.cancel()
            await asyncio.gather(*tasks, *bus._tasks, return_exceptions=True)
            bus.close()

    return serving


def test_a_folder_is_held_by_one_daemon_and_the_second_is_told_which(sockets):
    code = (
        "import sys; from pathlib import Path; from ag06d.paths import Sockets\n"
        "from ag06d.core.folders import SocketFolder; held = SocketFolder(Sockets(Path(sys.argv[1])))\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(sockets.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(DaemonRunningError, match=rf"pid {other.pid} .*AG06D_RUNTIME_DIR"):
            SocketFolder(sockets)
        other.kill()
        other.wait()
    SocketFolder(sockets).release()  # a dead holder is none
    SocketFolder(sockets).release()


def test_a_state_is_held_by_one_daemon_whatever_folder_its_sockets_are_in(tmp_path):
    held = lock_state_folder(tmp_path / "state")
    assert held
    with pytest.raises(DaemonRunningError, match=rf"pid {os.getpid()} holds the state .*AG06D_STATE_DIR"):
        lock_state_folder(tmp_path / "state")
    held.release()
    again = lock_state_folder(tmp_path / "state")
    assert again
    again.release()
    (tmp_path / "file").touch()
    assert lock_state_folder(tmp_path / "file") is None, "nothing can be kept there"


def test_no_socket_is_left_behind_not_even_one_that_was_closed_to_more(sockets, serving):
    async def scenario() -> None:
        async with serving(client_connections=8) as clients:
            clients.bus.router(sockets.hosts)
            with ExitStack() as stack:
                for _ in range(8):
                    raw = stack.enter_context(socket.socket(socket.AF_UNIX))
                    raw.connect(sockets.control.removeprefix("ipc://"))
                await until(lambda: clients.bus.account()["turned_away"] == 1)
                assert len(list(sockets.folder.iterdir())) == 4
                clients.bus._doors["control"].close()
                assert len(list(sockets.folder.iterdir())) == 3
        assert list(sockets.folder.iterdir()) == []

    asyncio.run(scenario())


def test_socket_files_that_somebody_removed_are_told_of_once_and_those_of_another_are_left(
    sockets, serving, caplog
):
    path = sockets.folder / "control.sock"

    async def scenario() -> None:
        async with serving() as clients:
            subscriber = await clients.subscribe("events", "heartbeat.")
            path.unlink()
            path.write_text("of another daemon")
            for _ in range(20):
                await clients.next(subscriber)
        assert path.read_text() == "of another daemon"

    with caplog.at_level(logging.ERROR, "ag06d.core.bus"):
        asyncio.run(scenario())
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: the socket was removed, and nobody new finds this daemon there: start it again"
    ]


def test_only_user_and_group_may_use_folder_and_sockets(sockets, serving):
    def modes() -> dict[str, int]:
        return {path.name: stat.S_IMODE(path.stat().st_mode) for path in sockets.folder.glob("*.sock")}

    async def scenario() -> None:
        folder = SocketFolder(sockets)
        async with serving():
            assert stat.S_IMODE(sockets.folder.stat().st_mode) & 0o007 == 0
            assert modes() == {"control.sock": 0o770, "events.sock": 0o770, "stream.sock": 0o770}
        folder.release()

    before = os.umask(0)
    try:
        asyncio.run(scenario())
    finally:
        os.umask(before)


def test_a_request_is_answered_under_its_id_with_its_buffers(serving):
    async def scenario() -> None:
        async with serving() as clients:
            dealer = clients.socket(zmq.DEALER, clients.sockets.control)
            request = Request("x1", "echo", {"a": 1}, [b"one", b""])
            assert await clients.ask(dealer, *request.encode()) == Reply("x1", "ok", {"a": 1}, [b"one", b""])

    asyncio.run(scenario())


def test_a_req_socket_with_its_empty_delimiter_is_answered_too(serving):
    async def scenario() -> None:
        async with serving() as clients:
            req = clients.socket(zmq.REQ, clients.sockets.control)
            for number in (1, 2):
                assert (await clients.ask(req, *Request(number, "echo").encode())).re == number

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("frames", "request_id", "said"),
    [
        ([b""], None, "frames"),
        ([b"", b""], None, "frames"),
        ([b"hello"], None, "frames"),
        ([PROTOCOL, pack({"id": 1, "op": "echo"})], None, "frames"),
        ([b"AG06/9", pack({"id": 1, "op": "echo"}), pack({})], None, "AG06/1"),
        ([PROTOCOL, b"\xc1", pack({})], None, "msgpack"),
        ([PROTOCOL, pack({"op": "echo"}), pack({})], None, "id"),
        ([PROTOCOL, pack({"id": "ä" * 33, "op": "echo"}), pack({})], None, "66 bytes; it has 64"),
        ([PROTOCOL, pack({"id": b"x" * 65, "op": "echo"}), pack({})], None, "65 bytes; it has 64"),
        ([PROTOCOL, pack({"id": 7, "op": 3}), pack({})], 7, "op"),
        ([PROTOCOL, pack({"id": "seven", "op": "echo"}), pack([])], "seven", "body"),
        ([PROTOCOL, pack({"id": b"7", "op": "echo"}), b"\xc1"], b"7", "msgpack"),
        ([PROTOCOL, pack({"id": 1, "op": "echo"}), *[pack({})] * 70], None, "frames"),
    ],
)
def test_what_is_no_request_is_answered_bad_request(serving, frames, request_id, said):
    async def scenario() -> None:
        async with serving() as clients:
            dealer = clients.socket(zmq.DEALER, clients.sockets.control)
            reply = await clients.ask(dealer, *frames)
            assert (reply.re, reply.status, reply.body["code"]) == (request_id, "error", "bad_request")
            assert said in reply.body["message"]
            assert clients.bus.account()["refused"] == {"malformed": 1}
            assert (await clients.ask(dealer, *Request(2, "echo").encode())).status == "ok"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("op", "code", "message"),
    [
        ("refuse", "busy", "not now"),
        ("fail", "internal", "fail: the daemon failed at it"),
        ("unsendable", "internal", "unsendable: the daemon failed at it"),
    ],
)
def test_an_operation_that_fails_is_answered_and_the_next_one_works(serving, caplog, op, code, message):
    caplog.set_level(logging.CRITICAL, "ag06d.core.bus")

    async def scenario() -> None:
        async with serving() as clients:
            dealer = clients.socket(zmq.DEALER, clients.sockets.control)
            reply = await clients.ask(dealer, *Request(1, op).encode())
            assert (reply.re, reply.status, reply.body["code"]) == (1, "error", code)
            assert message in reply.body["message"]
            assert clients.bus.account()["refused"] == {code: 1}
            assert (await clients.ask(dealer, *Request(2, "echo").encode())).status == "ok"

    asyncio.run(scenario())


def test_one_that_takes_long_holds_up_nobody_and_too_many_are_refused_as_busy(serving):
    async def scenario() -> None:
        async with serving(client_in_flight=IN_FLIGHT_MAX) as clients:
            dealer, other = (clients.socket(zmq.DEALER, clients.sockets.control) for _ in range(2))
            for number in range(IN_FLIGHT_MAX - 1):
                await dealer.send_multipart(Request(number, "wait").encode())
            assert (await clients.ask(dealer, *Request("one more", "echo").encode())).status == "ok"
            await dealer.send_multipart(Request("last", "wait").encode())
            await until(lambda: len(clients.bus._tasks) == IN_FLIGHT_MAX)
            reply = await clients.ask(other, *Request("too many", "echo").encode())
            assert (reply.re, reply.body["code"]) == ("too many", "busy")
            assert clients.bus.account()["limited"] == {"all": 1}

    asyncio.run(scenario())


def test_what_one_client_has_in_flight_is_limited_and_takes_nothing_from_another(serving):
    async def scenario() -> None:
        async with serving(client_in_flight=3) as clients:
            rude, other = (clients.socket(zmq.DEALER, clients.sockets.control) for _ in range(2))
            for number in range(3):
                await rude.send_multipart(Request(number, "wait").encode())
            reply = await clients.ask(rude, *Request("fourth", "echo").encode())
            assert (reply.re, reply.body["code"], bool(reply.body["hint"])) == ("fourth", "busy", True)
            assert (await clients.ask(other, *Request(1, "echo").encode())).status == "ok"
            account = clients.bus.account()
            assert (account["limited"], account["refused"]) == ({"in_flight": 1}, {"busy": 1})

    asyncio.run(scenario())


def test_a_client_that_asks_too_fast_is_told_to_wait_and_another_is_not(serving):
    async def scenario() -> None:
        async with serving(client_burst=5, client_requests_per_s=0.001) as clients:
            rude, other = (clients.socket(zmq.DEALER, clients.sockets.control) for _ in range(2))
            replies = [await clients.ask(rude, *Request(number, "echo").encode()) for number in range(7)]
            assert [reply.status for reply in replies] == ["ok"] * 5 + ["error"] * 2
            assert {reply.body["code"] for reply in replies[5:]} == {"busy"}
            assert (await clients.ask(other, *Request(1, "echo").encode())).status == "ok"
            assert clients.bus.account()["limited"] == {"rate": 2}

    asyncio.run(scenario())


def test_a_client_that_floods_does_not_keep_another_from_its_answers(serving):
    async def scenario() -> None:
        async with serving() as clients:
            flood = Flood(zmq.DEALER, clients.sockets.control, Request(0, "wait").encode())
            flood.start()
            await until(lambda: clients.bus.account()["limited"].get("in_flight", 0) > 100)
            dealer = clients.socket(zmq.DEALER, clients.sockets.control)
            for number in range(50):
                before = clients.bus.account()["requests"]
                assert (await clients.ask(dealer, *Request(number, "echo").encode())).status == "ok"
                assert clients.bus.account()["requests"] > before
            flood.enough.set()
            flood.join()
            assert flood.is_alive() is False

    asyncio.run(scenario())


def test_one_who_asks_seldom_is_next_whatever_others_have_waiting(serving):
    async def scenario() -> None:
        async with serving() as clients:
            rude = [clients.socket(zmq.DEALER, clients.sockets.control) for _ in range(20)]
            for dealer in rude:
                for number in range(20):
                    await dealer.send_multipart(Request(number, "toil").encode())
            await until(lambda: clients.toiled > len(rude))
            dealer = clients.socket(zmq.DEALER, clients.sockets.control)
            assert (await clients.ask(dealer, *Request(1, "echo").encode())).status == "ok"  # it is connected
            before = clients.toiled
            assert before < 200, "they were to have much more waiting"
            assert (await clients.ask(dealer, *Request(2, "echo").encode())).status == "ok"
            assert clients.toiled - before < len(rude)

    asyncio.run(scenario())


def test_what_is_no_request_is_dropped_and_counted_beyond_the_limit(serving):
    async def scenario() -> None:
        async with serving(client_burst=3, client_requests_per_s=0.001) as clients:
            rude, other = (clients.socket(zmq.DEALER, clients.sockets.control) for _ in range(2))
            junk = [PROTOCOL, b"\xc1", b"\xc1"]
            assert [(await clients.ask(rude, *junk)).re for _ in range(3)] == [None] * 3
            for _ in range(5):
                await rude.send_multipart(junk)
            busy = await clients.ask(rude, *Request("known", "echo").encode())
            assert (busy.re, busy.body["code"]) == ("known", "busy"), "and nothing came before it"
            account = clients.bus.account()
            assert (account["refused"], account["dropped"]) == ({"malformed": 8, "busy": 1}, 5)
            assert (await clients.ask(other, *Request(1, "echo").encode())).status == "ok"

    asyncio.run(scenario())


def test_a_reply_to_somebody_who_is_gone_is_dropped_and_counted(serving):
    async def scenario() -> None:
        async with serving() as clients:
            dealer = clients.socket(zmq.DEALER, clients.sockets.control)
            await dealer.send_multipart(Request(1, "when told").encode())
            await until(lambda: clients.bus._tasks and clients.bus.account()["clients"]["control"] == 1)
            dealer.close(linger=0)
            await until(lambda: clients.bus.account()["clients"]["control"] == 0)
            clients.told.set()
            await until(lambda: not clients.bus._tasks)
            assert clients.bus.account()["dropped"] == 1

    asyncio.run(scenario())


def test_a_client_that_takes_no_replies_is_kept_few_of_them_and_further_ones_are_dropped(serving):
    async def scenario() -> None:
        async with serving(client_in_flight=256) as clients:
            deaf = clients.socket(zmq.DEALER, clients.sockets.control, rcvhwm=1)
            large = Request("x" * 64, "echo", {}, [bytes(1 << 19)]).encode()
            for _ in range(2 * REPLIES_HIGH_WATER):
                await deaf.send_multipart(large)
            await until(lambda: clients.bus.account()["requests"] == 2 * REPLIES_HIGH_WATER)
            await until(lambda: not clients.bus._tasks)
            assert clients.bus.account()["dropped"] >= REPLIES_HIGH_WATER // 2
            dealer = clients.socket(zmq.DEALER, clients.sockets.control)
            assert (await clients.ask(dealer, *Request(1, "echo").encode())).status == "ok"

    asyncio.run(scenario())


def test_connections_are_counted_and_the_door_is_closed_to_more_than_may_be(serving):
    async def scenario() -> None:
        async with serving(client_connections=8) as clients:
            path, stack = clients.sockets.control.removeprefix("ipc://"), ExitStack()
            dealer = clients.socket(zmq.DEALER, clients.sockets.control)
            assert (await clients.ask(dealer, *Request(1, "echo").encode())).status == "ok"
            raws = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(8)]
            for raw in raws[1:]:
                raw.connect(path)
            await until(lambda: clients.bus.account()["clients"]["control"] == 8)
            with pytest.raises(FileNotFoundError):
                raws[0].connect(path)
            assert clients.bus.account()["turned_away"] == 1
            assert (await clients.ask(dealer, *Request(2, "echo").encode())).status == "ok"
            raws[1].close()
            await until(lambda: clients.bus.account()["clients"]["control"] == 7)
            late = clients.socket(zmq.DEALER, clients.sockets.control)
            assert (await clients.ask(late, *Request(3, "echo").encode())).status == "ok"
            stack.close()
            await until(lambda: clients.bus.account()["clients"] == {"control": 2, "events": 0, "stream": 0})

    asyncio.run(scenario())


@pytest.mark.parametrize("channel", ["events", "stream"])
def test_a_subscriber_is_welcomed_and_then_misses_nothing(serving, channel):
    async def scenario() -> None:
        async with serving() as clients:
            subscriber = await clients.subscribe(channel, "topic.")
            for number in range(5):
                clients.bus.publish(channel, "topic.a", {"n": number}, [bytes([number])], source="me")
                clients.bus.publish(channel, "other", {})
            clients.bus.publish(channel, "topic.b.", {}, position=5, mono_ns=6)
            messages = [Message.decode(await clients.next(subscriber)) for _ in range(6)]
            assert [message.topic for message in messages] == ["topic.a."] * 5 + ["topic.b."]
            assert [message.header["seq"] for message in messages] == [0, 1, 2, 3, 4, 0]
            assert [(message.body, message.buffers) for message in messages[:5]] == [
                ({"n": number}, [bytes([number])]) for number in range(5)
            ]
            first, last = messages[0].header, messages[-1].header
            assert first.keys() == {"v", "boot", "seq", "t", "mono", "pos", "src"}
            assert (first["v"], first["boot"], first["pos"], first["src"]) == (
                1,
                clients.bus.boot,
                4711,
                "me",
            )
            assert (last["pos"], last["mono"], last["src"]) == (5, 6, "ag06d")

    asyncio.run(scenario())


@pytest.mark.parametrize("channel", ["events", "stream"])
def test_the_heart_beats_on_both_channels(serving, channel):
    async def scenario() -> None:
        async with serving() as clients:
            subscriber = await clients.subscribe(channel, "heartbeat.")
            first, second = [Message.decode(await clients.next(subscriber)) for _ in range(2)]
            assert second.header["seq"] == first.header["seq"] + 1
            assert second.body["beat"] > first.body["beat"]

    asyncio.run(scenario())


def test_a_subscriber_that_does_not_read_costs_only_its_own_messages_and_sees_the_gap(serving):
    async def scenario() -> None:
        async with serving() as clients:
            slow = await clients.subscribe("stream", "topic.")
            quick = await clients.subscribe("events", "alert.")
            number = 20 * (HIGH_WATER["stream"] + 1000)
            for _ in range(number):
                clients.bus.publish("stream", "topic", {}, [bytes(4096)])
            clients.bus.publish("events", "alert", {})
            assert Message.decode(await clients.next(quick)).topic == "alert."
            seen = []
            while await slow.poll(200):
                seen.append(Message.decode(await slow.recv_multipart()).header["seq"])
            assert seen == sorted(set(seen))
            assert 0 < len(seen) < number

    asyncio.run(scenario())


def test_a_loss_at_the_end_is_known_from_the_next_heartbeat(serving):
    async def scenario() -> None:
        async with serving() as clients:
            slow = await clients.subscribe("stream", "")
            number = 20 * (HIGH_WATER["stream"] + 1000)
            for _ in range(number):
                clients.bus.publish("stream", "topic", {}, [bytes(4096)])
            seen, last = -1, -1
            while last < 0 or seen == number - 1:
                message = Message.decode(await clients.next(slow))
                assert seen < number - 1, "the last message was to be lost"
                if message.topic == "topic.":
                    seen = message.header["seq"]
                elif message.topic == "heartbeat." and message.body["last"].get("topic.") == number - 1:
                    last = message.body["last"]["topic."]
            assert seen < last == number - 1

    asyncio.run(scenario())


@pytest.mark.parametrize("channel", ["events", "stream"])
def test_one_who_comes_late_or_comes_back_knows_what_was_missed(serving, channel):
    async def scenario() -> None:
        async with serving() as clients:
            for _ in range(3):
                clients.bus.publish(channel, "topic", {})
            address = getattr(clients.sockets, channel)
            subscriber = clients.socket(zmq.SUB, address)
            for topic in ("topic.", "welcome."):
                subscriber.subscribe(topic)
            welcome = Message.decode(await clients.next(subscriber))
            assert welcome.body == {"channel": channel, "last": {"topic.": 2}}
            clients.bus.publish(channel, "topic", {})
            assert Message.decode(await clients.next(subscriber)).header["seq"] == 3
            await until(lambda: clients.bus.account()["clients"][channel] == 1)
            subscriber.disconnect(address)
            await until(lambda: clients.bus.account()["clients"][channel] == 0)
            for _ in range(2):
                clients.bus.publish(channel, "topic", {})
            subscriber.connect(address)
            assert Message.decode(await clients.next(subscriber)).body["last"] == {"topic.": 5}
            clients.bus.publish(channel, "topic", {})
            assert Message.decode(await clients.next(subscriber)).header["seq"] == 6

    asyncio.run(scenario())


def test_what_was_lost_before_it_came_to_the_bus_is_a_gap_in_its_sequence(serving):
    async def scenario() -> None:
        async with serving() as clients:
            subscriber = await clients.subscribe("events", "topic.")
            clients.bus.publish("events", "topic", {})
            clients.bus.skip("events", "topic", 4)
            assert clients.bus.last("events")["topic."] == 4
            clients.bus.publish("events", "topic", {})
            assert [Message.decode(await clients.next(subscriber)).header["seq"] for _ in range(2)] == [0, 5]

    asyncio.run(scenario())


def test_heartbeats_tell_of_the_topics_that_were_published_last(serving):
    async def scenario() -> None:
        async with serving() as clients:
            for number in range(LAST_TOLD + 50):
                clients.bus.publish("events", f"t{number}", {})
            clients.bus.publish("events", "t0", {})
            last = clients.bus.last("events")
            assert len(last) <= LAST_TOLD
            assert (last["t0."], last[f"t{LAST_TOLD + 49}."]) == (1, 0)
            assert "t1." not in last

    asyncio.run(scenario())


@pytest.mark.parametrize(("asked", "comes"), [("schema.", 1), ("schema.x.", 1), ("", 1), ("topic.", 0)])
def test_what_is_known_is_told_again_to_one_who_comes_late(serving, asked, comes):
    async def scenario() -> None:
        async with serving() as clients:
            clients.bus.retell("schema.", lambda: clients.bus.publish("events", "schema.x", {"name": "x"}))
            subscriber = await clients.subscribe("events", asked)
            for _ in range(20):
                await asyncio.sleep(0.001)
            clients.bus.publish("events", "topic", {})
            topics = []
            while len(topics) < comes + (asked in ("", "topic.")):
                message = Message.decode(await clients.next(subscriber))
                topics += [message.topic] if message.topic in ("schema.x.", "topic.") else []
            assert topics.count("schema.x.") == comes

    asyncio.run(scenario())


def test_observers_see_every_message_as_it_was_sent(serving):
    async def scenario() -> None:
        async with serving() as clients:
            seen: list[Message] = []
            clients.bus.observe(seen.append)
            subscriber = await clients.subscribe("events", "topic.")
            clients.bus.publish("events", "topic", {"x": 1})
            message = Message.decode(await clients.next(subscriber))
            assert [other for other in seen if other.topic == "topic."] == [
                Message(message.topic, message.header, message.body, ())
            ]

    asyncio.run(scenario())


class Flood(threading.Thread):
    """A client that sends `messages` over and over, as fast as they are taken, and reads nothing."""

    def __init__(self, kind: int, address: str, *messages: list[bytes]) -> None:
        super().__init__()
        self._kind, self._address, self._messages = kind, address, messages
        self.enough = threading.Event()

    def run(self) -> None:
        with zmq.Context() as context, context.socket(self._kind) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.SNDTIMEO, 100)
            socket.connect(self._address)
            messages = itertools.cycle(self._messages)
            give_up = time.monotonic() + PATIENCE_S  # should nobody ever have a turn to end it
            while not self.enough.is_set() and time.monotonic() < give_up:
                with suppress(zmq.Again):
                    socket.send_multipart(next(messages))


async def most_in_a_turn(handled, *floods: Flood) -> int:
    """How much `handled()` grew at most between two turns of another task."""
    for flood in floods:
        flood.start()
    most = before = handled()
    while handled() < FLOOD and all(flood.is_alive() for flood in floods):
        await asyncio.sleep(0)
        most, before = max(most, handled() - before), handled()
    for flood in floods:
        flood.enough.set()
        flood.join()
    return most


def test_every_task_has_its_turn_between_the_messages_of_clients_that_flood(serving):
    async def scenario() -> None:
        async with serving() as clients:
            garbage = Flood(zmq.DEALER, clients.sockets.control, [b"AG06/1", b"x", b"y"])
            toggling = Flood(zmq.XSUB, clients.sockets.stream, [b"\x01q"], [b"\x00q"])
            assert 0 < await most_in_a_turn(lambda: clients.bus.account()["requests"], garbage, toggling) <= 2
            dealer = clients.socket(zmq.DEALER, clients.sockets.control)
            assert (await clients.ask(dealer, *Request(1, "echo").encode())).status == "ok"

    asyncio.run(scenario())


def test_subscriptions_that_never_end_hold_up_nobody():
    frames = iter([b"\x01q", b"\x00q"] * 10 * SUBSCRIPTIONS_A_TURN)
    assert len(Bus._subscriptions(SimpleNamespace(recv=lambda _: next(frames)))) == SUBSCRIPTIONS_A_TURN / 2
    assert next(frames, None) is not None, "more are left for another turn"


def test_every_task_has_its_turn_between_the_messages_of_a_host_that_floods(sockets):
    seen = []

    async def scenario() -> None:
        sockets.folder.mkdir(exist_ok=True)
        bus = Bus(sockets, lambda: 0)
        hosts = SimpleNamespace(hosts=SimpleNamespace(get=seen.append))
        serving = asyncio.create_task(HostLink(bus, hosts, bus.router(sockets.hosts), dict).serve(answer))
        flood = Flood(zmq.DEALER, sockets.hosts, HostMessage(Kind.PUBLISH, {"topic": "x"}).encode())
        assert 0 < await most_in_a_turn(lambda: len(seen), flood) <= 2
        serving.cancel()
        bus.close()

    asyncio.run(scenario())


def test_a_host_takes_over_the_name_of_one_whose_connection_lives_on(sockets):
    """As in a process that a plugin forked before it ended its host."""

    async def scenario() -> None:
        sockets.folder.mkdir(exist_ok=True)
        bus = Bus(sockets, lambda: 0)
        router = bus.router(sockets.hosts)
        with zmq.Context() as context, context.socket(zmq.DEALER) as dead, context.socket(zmq.DEALER) as new:
            for socket, said in ((dead, b"first"), (new, b"second")):
                socket.setsockopt(zmq.IDENTITY, b"live")
                socket.setsockopt(zmq.LINGER, 0)
                socket.connect(sockets.hosts)
                socket.send(said)
                heard = await asyncio.wait_for(router.recv_multipart(), PATIENCE_S)
                assert heard == [b"live", said]
            await router.send_multipart([b"live", b"to the second"])
            assert new.poll(1000 * PATIENCE_S)
            assert not dead.poll(0)
        bus.close()

    asyncio.run(scenario())
