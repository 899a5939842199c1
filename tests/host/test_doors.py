"""The doors of a host: what is answered there, to whom, and what is left of them."""

from __future__ import annotations

import logging
import os
import socket
import stat
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import zmq

from ag06d.host import doors as doors_module
from ag06d.host.doors import Doors
from ag06d.plugin import Answer, Command, RequestError
from ag06d.wire import PROTOCOL, Reply, Request, pack, pack_arrays

PATIENCE_S = 60
BUDGET_NS = 10**9


class Clients:
    """Sockets of clients, and the host's turns while they wait."""

    def __init__(self, doors: Doors, address: str) -> None:
        self.doors, self.address = doors, address
        self.context = zmq.Context()
        self._kept: list[zmq.Socket] = []

    def socket(self, kind: int = zmq.DEALER) -> zmq.Socket:
        made = self.context.socket(kind)
        made.connect(self.address)
        self._kept.append(made)
        return made

    def until(self, condition) -> None:
        """Serve until it holds."""
        give_up = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < give_up
            self.doors.serve(BUDGET_NS)
            time.sleep(0.0005)

    def ask(self, socket: zmq.Socket, *frames: bytes) -> Reply:
        socket.send_multipart(frames)
        self.until(lambda: socket.poll(0))
        answer = socket.recv_multipart()
        return Reply.decode(answer[1:] if answer[0] == b"" else answer)  # the delimiter, where one was sent


@pytest.fixture
def runner(start):
    def refuse(_):
        raise RequestError("conflict", "no")

    def wait(body):
        while body["n"] not in there:
            yield
        return {}

    there: set[int] = set()
    commands = [
        Command("echo", lambda body: Answer({"n": body["n"]}, body.get("arrays", ())), "says", direct=True),
        Command("refuse", refuse, "does not", direct=True),
        Command("wait", wait, "waits", direct=True),
        Command("indoors", lambda _: {}, "is for control"),
    ]
    runner = start("test", ag06_commands=lambda: commands, process=lambda _: 1 / 0, max_errors=1)
    runner.there = there
    return runner


@pytest.fixture
def doors(sockets, runner):
    sockets.folder.mkdir()
    with zmq.Context() as context:
        doors = Doors(context, sockets)
        assert doors.open("test", runner.desk, 1)
        yield doors
        doors.close()


@pytest.fixture
def clients(doors, sockets):
    clients = Clients(doors, sockets.door("test"))
    yield clients
    clients.context.destroy(linger=0)


def test_a_direct_command_is_answered_with_its_arrays_under_its_id(clients):
    entries, buffers = pack_arrays(np.arange(3), np.ones((2, 2), np.float32))
    request = Request("x", "test.echo", {"n": 1, "arrays": entries}, buffers)
    reply = clients.ask(clients.socket(), *request.encode())
    assert (reply.re, reply.status, reply.body["n"]) == ("x", "ok", 1)
    assert [array.tolist() for array in reply.arrays] == [[0, 1, 2], [[1, 1], [1, 1]]]


def test_a_req_socket_with_its_empty_delimiter_is_answered_too(clients):
    req = clients.socket(zmq.REQ)
    for number in (1, 2):
        assert clients.ask(req, *Request(number, "test.echo", {"n": number}).encode()).re == number


@pytest.mark.parametrize(
    ("request_", "code", "said"),
    [
        (Request(1, "hello"), "unknown_op", "control.sock"),
        (Request(1, "test.indoors"), "unknown_op", "control.sock"),
        (Request(1, "other.echo", {"n": 1}), "unknown_op", "control.sock"),
        (Request(1, "echo", {"n": 1}), "unknown_op", "control.sock"),
        (Request(1, "test.echo", {"n": 1}, dry_run=True), "bad_request", "dry run"),
        (Request(1, "test.refuse"), "conflict", "no"),
        (Request(1, "test.echo", {}), "internal", "KeyError"),
        (Request(1, "test.echo", {"n": 1}, deadline_ms=-1), "deadline", "in time"),
        (Request(1, "test.echo", {"n": 1, "arrays": [{}]}), "bad_request", "arrays"),
    ],
    ids=lambda value: getattr(value, "op", ""),
)
def test_what_cannot_be_answered_is_refused_in_the_words_of_control(clients, caplog, request_, code, said):
    caplog.set_level(logging.CRITICAL, "ag06d.host.runner")
    reply = clients.ask(clients.socket(), *request_.encode())
    assert (reply.re, reply.status, reply.body["code"]) == (1, "error", code)
    assert said in f"{reply.body['message']} {reply.body['hint']}"


@pytest.mark.parametrize(
    ("frames", "request_id"),
    [
        ([b"hello"], None),
        ([b"", b""], None),
        ([b"AG06/9", pack({"id": 1, "op": "test.echo"}), pack({})], None),
        ([PROTOCOL, b"\xc1", pack({})], None),
        ([PROTOCOL, pack({"id": 7, "op": 3}), pack({})], 7),
        ([PROTOCOL, pack({"id": b"7", "op": "test.echo"}), b"\xc1"], b"7"),
        ([PROTOCOL, pack({"id": 7, "op": "test.echo"}), *[pack({})] * 70], None),
    ],
)
def test_what_is_no_request_is_answered_bad_request_and_the_next_one_works(clients, frames, request_id):
    dealer = clients.socket()
    reply = clients.ask(dealer, *frames)
    assert (reply.re, reply.body["code"]) == (request_id, "bad_request")
    assert clients.ask(dealer, *Request(8, "test.echo", {"n": 8}).encode()).body == {"n": 8}


def test_one_that_waits_holds_up_nobody_and_is_answered_once_it_can_be(clients, runner):
    waits, quick = clients.socket(), clients.socket()
    waits.send_multipart(Request(1, "test.wait", {"n": 1}).encode())
    clients.until(lambda: len(runner.desk))
    assert clients.ask(quick, *Request(2, "test.echo", {"n": 2}).encode()).re == 2
    assert not waits.poll(0)
    runner.there.add(1)
    runner.desk.step()
    assert waits.poll(1000 * PATIENCE_S)
    assert Reply.decode(waits.recv_multipart()).status == "ok"


def test_a_client_that_is_gone_or_takes_no_replies_costs_only_its_own(clients, doors, runner):
    gone = clients.socket()
    gone.send_multipart(Request(1, "test.wait", {"n": 1}).encode())
    clients.until(lambda: len(runner.desk))
    gone.close(linger=0)
    clients.until(lambda: len(doors._doors["test"]._door) == 0)
    runner.there.add(1)
    runner.desk.step()
    assert doors._doors["test"].dropped == 1
    assert clients.ask(clients.socket(), *Request(2, "test.echo", {"n": 2}).encode()).re == 2


def test_no_more_is_done_at_a_time_than_there_is_time_for_and_every_door_has_its_turn(
    start, doors, sockets, monkeypatch
):
    now = [0]
    monkeypatch.setattr(doors_module, "lib", type("Lib", (), {"ag06_now_ns": staticmethod(lambda: now[0])}))
    done = []

    def toil(body):
        now[0] += 1000
        done.append(body["n"])
        return {}

    for name in ("a", "b"):
        busy = start(name, ag06_commands=lambda: [Command("toil", toil, "takes a while", direct=True)])
        assert doors.open(name, busy.desk, 2)
    asked = [Clients(doors, sockets.door(name)) for name in ("a", "b")]
    flood, seldom = (clients.socket() for clients in asked)
    for number in range(50):
        flood.send_multipart(Request(number, "a.toil", {"n": "a"}, deadline_ms=1e12).encode())
    seldom.send_multipart(Request(1, "b.toil", {"n": "b"}, deadline_ms=1e12).encode())
    time.sleep(0.2)  # for the messages to come; should they not, the test is only weaker
    doors.serve(3000)
    assert len(done) <= 4
    assert not doors.quiet()
    give_up = time.monotonic() + PATIENCE_S
    while len(done) < 51 and time.monotonic() < give_up:
        doors.serve(3000)
    assert done.index("b") <= 1
    assert len(done) == 51
    for clients in asked:
        clients.context.destroy(linger=0)


def test_its_file_is_for_user_and_group_takes_the_place_of_one_left_behind_and_goes_with_it(
    doors, sockets, runner
):
    path = Path(sockets.door("test").removeprefix("ipc://"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o770
    doors.close()
    assert list(sockets.folder.iterdir()) == []
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    before = os.umask(0)
    try:
        assert doors.open("test", runner.desk, 1)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o770
    clients = Clients(doors, sockets.door("test"))
    assert clients.ask(clients.socket(), *Request(1, "test.echo", {"n": 1}).encode()).re == 1
    clients.context.destroy(linger=0)


def test_the_file_of_another_process_in_its_place_is_left(doors, sockets):
    path = Path(sockets.door("test").removeprefix("ipc://"))
    path.unlink()
    path.write_text("of the host that the plugin runs in now")
    doors.close()
    assert path.exists()


def test_the_door_of_a_plugin_that_was_put_out_closes_and_the_others_stay(
    doors, sockets, runner, frame, start
):
    other = start("other", ag06_commands=lambda: [Command("echo", lambda _: {}, "says", direct=True)])
    assert doors.open("other", other.desk, 2)
    assert len(list(doors.files())) == 4
    assert not doors.serve(BUDGET_NS)
    runner.process(frame)
    doors.shut("test")
    doors.shut("absent")
    assert doors.serve(BUDGET_NS)
    assert len(list(doors.files())) == 2
    assert [path.name for path in sockets.doors()] == ["plugin-other.sock"]
    clients = Clients(doors, sockets.door("other"))
    assert clients.ask(clients.socket(), *Request(1, "other.echo").encode()).status == "ok"
    clients.context.destroy(linger=0)


@pytest.mark.parametrize("name", ["x" * 120, "no/such/folder"])
def test_a_door_that_cannot_be_had_is_told_of_and_the_plugin_does_without(doors, runner, caplog, name):
    with caplog.at_level(logging.ERROR, "ag06d.host.doors"):
        assert not doors.open(name, runner.desk, 1)
    assert "asked by way of ag06d alone" in caplog.text
    assert len(list(doors.files())) == 2


def test_a_door_is_closed_to_more_than_may_be_and_opened_again(sockets, runner, doors, monkeypatch):
    monkeypatch.setattr(doors_module, "CONNECTIONS_MAX", 8)
    doors.close()
    assert doors.open("test", runner.desk, 1)
    clients = Clients(doors, sockets.door("test"))
    path = Path(sockets.door("test").removeprefix("ipc://"))
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(str(path))
        clients.until(lambda: not path.exists())
        assert [left.name for left in sockets.doors()] == ["plugin-test.sock.full"]
    clients.until(path.exists)
    assert clients.ask(clients.socket(), *Request(1, "test.echo", {"n": 1}).encode()).re == 1
    clients.context.destroy(linger=0)


def test_its_files_wake_and_once_it_is_quiet_they_do_so_for_the_next_request(doors, clients):
    poller, dealer = zmq.Poller(), clients.socket()
    for file in doors.files():
        poller.register(file, zmq.POLLIN)
    clients.ask(dealer, *Request(0, "test.echo", {"n": 0}).encode())
    for number in range(1, 50):
        while not doors.quiet():
            doors.serve(BUDGET_NS)
        assert not poller.poll(0)
        dealer.send_multipart(Request(number, "test.echo", {"n": number}).encode())
        assert poller.poll(1000 * PATIENCE_S)
        clients.until(lambda: dealer.poll(0))
        assert Reply.decode(dealer.recv_multipart()).re == number
