"""No client, however rude, costs a frame of sound, or another client its answer."""

from __future__ import annotations

import os
import resource
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest
import zmq

from ag06d.client import Client
from ag06d.wire import PROTOCOL, Reply, pack

pytestmark = pytest.mark.usefixtures("nothing_lost")


@pytest.fixture(scope="module")
def daemon(start):
    hosts = "hosts={live={plugins=['features','counts']}}"
    with start("audio.device=recording", hosts) as daemon:
        daemon.running()
        yield daemon


@pytest.fixture
def dealer(daemon):
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(daemon.sockets.control)
        yield dealer


GARBAGE = [
    [b""],
    [b"", b""],
    [b"hello"],
    [b"\xff" * 1000] * 3,
    [PROTOCOL],
    [PROTOCOL, b"\xc1", b"\xc1"],
    [PROTOCOL, pack([]), pack({})],
    [PROTOCOL, pack({"id": None, "op": "status"}), pack({})],
    [PROTOCOL, pack({"id": 1}), pack({})],
    [PROTOCOL, pack({"id": 1, "op": 7}), pack({})],
    [PROTOCOL, pack({"id": 1, "op": "get", "deadline_ms": "soon"}), pack({})],
    [PROTOCOL, pack({"id": 1, "op": "get"}), pack({"path": ["a"]})],
    [PROTOCOL, pack({"id": 1, "op": "set"}), pack({"changes": {}})],
    [PROTOCOL, pack({"id": 1, "op": "set"}), pack({"changes": {"audio.mute": {"add": 1}}})],
    [PROTOCOL, pack({"id": 1, "op": "get"}), b"\x91" * 5000 + b"\x01"],
    [PROTOCOL, pack({"id": 1, "op": "get"}), pack({"path": "x" * (1 << 20)})],
    [b"AG06/9", pack({"id": 1, "op": "get"}), pack({})],
    [PROTOCOL, pack({"id": 1, "op": "get"}), pack({}), *[b""] * 100],
]


@pytest.mark.parametrize("frames", GARBAGE, ids=range(len(GARBAGE)))
def test_what_cannot_be_understood_is_answered_with_an_error(dealer, frames):
    dealer.send_multipart(frames)
    assert dealer.poll(60_000)
    reply = Reply.decode([frame for frame in dealer.recv_multipart() if frame])
    assert reply.status == "error"
    assert reply.body["message"]


def test_random_bytes_on_the_sockets_do_no_harm(daemon):
    for address in (daemon.sockets.control, daemon.sockets.events, daemon.sockets.stream):
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(address.removeprefix("ipc://"))
            raw.sendall(os.urandom(1000))
    assert daemon.client.call("hello")["protocol"] == PROTOCOL.decode()


def mutated(random: Random, frames: list[bytes]) -> list[bytes]:
    """`frames` with something wrong with them, or nothing."""
    frames = list(frames)
    for _ in range(random.randrange(3)):
        at = random.randrange(len(frames))
        frame = bytearray(frames[at])
        match random.randrange(7):
            case 0 if frame:
                frame[random.randrange(len(frame))] = random.randrange(256)
            case 1:
                frame = frame[: random.randrange(len(frame) + 1)]
            case 2:
                frame += random.randbytes(random.randrange(40))
            case 3:
                frame = bytearray(b"\x91" * random.randrange(2000))
            case 4:
                frames.insert(at, random.randbytes(random.randrange(100)))
            case 5:
                frame = bytearray(random.randbytes(random.choice((0, 10, 1000, 1 << 20))))
            case _:
                frames += [b""] * random.choice((1, 70))
        frames[at] = bytes(frame)
    return frames


def test_thousands_of_messages_that_are_nearly_right_leave_a_daemon_that_answers(daemon):
    random = Random(6)
    operations = sorted(daemon.client.call("describe")["operations"])
    values = [
        None,
        True,
        -1,
        1e308,
        "",
        "voice",
        "a",
        "chain.a.comp.ratio",
        {"add": 1},
        [1],
        b"\xff",
        "x" * 5000,
    ]
    names = ["name", "path", "changes", "slot", "toml", "tags", "source", "recording", "other", "before_s"]
    before = daemon.status()["bus"]
    with zmq.Context() as context, ExitStack() as stack:
        for number in range(4000):
            if number % 200 == 0:  # others, who have not used up what they may ask
                stack.close()
                control, events = (
                    stack.enter_context(context.socket(kind)) for kind in (zmq.DEALER, zmq.XSUB)
                )
                for fuzzer, address in ((control, daemon.sockets.control), (events, daemon.sockets.events)):
                    fuzzer.setsockopt(zmq.LINGER, 1000)
                    fuzzer.connect(address)
            body = {random.choice(names): random.choice(values) for _ in range(random.randrange(4))}
            header = {"id": number, "op": random.choice(operations), "dry_run": random.random() < 0.9}
            if header["op"] in ("record.start", "preset.save", "preset.import"):
                header["dry_run"] = True  # a disk is no part of this
            control.send_multipart(mutated(random, [PROTOCOL, pack(header), pack(body)]))
            events.send(random.choice((b"", b"\x00", b"\x01")) + random.randbytes(random.randrange(200)))
    account = daemon.wait(lambda status: status["bus"]["requests"] - before["requests"] > 2000)["bus"]
    for kind in ("malformed", "bad_request", "unknown_path"):
        assert account["refused"][kind] > before["refused"].get(kind, 0)
    assert daemon.client.call("hello")["protocol"] == PROTOCOL.decode()


def test_a_thousand_requests_whose_answers_nobody_takes_do_no_harm(daemon, dealer):
    dealer.setsockopt(zmq.RCVHWM, 1)
    for number in range(1000):
        dealer.send_multipart([PROTOCOL, pack({"id": number, "op": "describe"}), pack({})])
    assert daemon.client.get("audio.mute") == {"audio.mute": False}


def test_subscribers_that_never_read_do_not_keep_others_waiting(daemon):
    with zmq.Context() as context, ExitStack() as stack:
        for address in (daemon.sockets.events, daemon.sockets.stream) * 10:
            lazy = stack.enter_context(context.socket(zmq.SUB))
            lazy.setsockopt(zmq.RCVHWM, 1)
            lazy.setsockopt(zmq.LINGER, 0)
            lazy.subscribe(b"")
            lazy.connect(address)
        with daemon.listen("feature.basic.") as listener:
            positions = [message.header["pos"] for message in listener.count(300)]
        assert positions == list(range(positions[0], positions[0] + 300 * 480, 480))


def test_clients_that_come_and_go_do_no_harm(daemon):
    for _ in range(100):
        with Client(daemon.sockets, timeout_s=20) as client:
            assert client.call("hello")["boot"]


def test_more_connections_than_the_usual_limit_of_files_do_no_harm(start, whole):
    few = ("sh", "-c", 'ulimit -Sn 64; exec "$@"', "sh")
    with start("audio.device=recording", prefix=few) as daemon, ExitStack() as stack:
        before = daemon.running()
        for _ in range(200):
            raw = stack.enter_context(socket.socket(socket.AF_UNIX))
            raw.connect(daemon.sockets.control.removeprefix("ipc://"))
        with daemon.listen("meters.") as listener:
            listener.count(3)
        assert daemon.wait(whole)["pids"] == before["pids"]


def test_processes_that_cannot_be_started_for_want_of_files_are_started_later(start):
    with start("audio.device=recording", tracebacks=True) as daemon:
        before = daemon.running()
        pid = daemon.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used - 8, limits[1]))
        daemon.hit(before["pids"]["audio"], signal.SIGKILL)
        daemon.hit(before["hosts"]["live"]["pid"], signal.SIGKILL)
        status = daemon.wait(lambda now: now["audio"]["restarts"] > 0 and not now["pids"]["audio"])
        assert "Too many open files" in status["reason"]
        daemon.wait(lambda now: now["hosts"]["live"]["restarts"] > 0)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        after = daemon.wait(lambda now: now["audio"]["streams"] > before["audio"]["streams"])
        assert after["audio"]["gap_frames"] > 0
        daemon.running()
