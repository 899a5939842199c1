"""The host's loop: what wakes it, in which order things are done, and what a replay does otherwise."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import zmq
from ag06d._native import ffi, lib

from ag06d.arena import Arena, HostCell
from ag06d.audio.stream import Engine
from ag06d.errors import RequestError
from ag06d.host.__main__ import Host
from ag06d.host.context import HostContext
from ag06d.host.spec import HostSpec, PluginSpec
from ag06d.wire import Reply, Request, pack_arrays
from ag06d.wire.hostlink import HostMessage, Kind

RATE, HOP = 48000, 480
PATIENCE_S = 60.0
ON_ITS_WAY_MS = 500  # from a send to where it can be read
FAR_NS = 1 << 62
PLUGIN = """
from ag06d.plugin import Answer, Command, Topic, hookimpl

did = []

class Processor:
    def __init__(self, context):
        self.context = context
    def process(self, frame):
        did.append("frame")
        self.context.publish("did", {"frame": frame.position})
    def tick(self):
        did.append("tick")

def wait(body):
    did.append("begun")
    yield
    did.append("asked again")
    return {}

@hookimpl
def ag06_topics(context):
    return [Topic("did", "what it did")]

@hookimpl
def ag06_processors(context):
    return [Processor(context)]

@hookimpl
def ag06_commands(context):
    def ask(body):
        context.call("other.echo", {}, lambda status, answer: did.append(answer), arrays=body["arrays"])
        return {}
    def echo(body):
        did.append("echo")
        return {"lockstep": context.lockstep}
    return [
        Command("echo", echo, "Says it again", direct=True),
        Command("wait", wait, "Takes another turn", direct=True),
        Command("ask", ask, "Asks another plugin"),
    ]
"""


class Daemon:
    """What the host takes for ag06d, in the test's own thread, and the sound."""

    def __init__(self, context: zmq.Context, sockets, folder: Path, *, lockstep: bool) -> None:
        (folder / "lively.py").write_text(PLUGIN)
        sockets.folder.mkdir()
        self.arena = Arena.create(RATE, 0.5)
        self.engine = Engine(self.arena, 0)
        self.cell = HostCell()
        self.router = context.socket(zmq.ROUTER)
        self.router.bind(sockets.hosts)
        self.host = Host(
            HostSpec(
                parent=os.getpid(),
                name="live",
                arena_fd=self.arena.read_only_fd,
                cell_fd=self.cell.fd,
                socket=sockets.hosts,
                plugins=[PluginSpec("lively", 0, {})],
                state_folder=str(folder),
                plugin_folder=str(folder),
                lockstep=lockstep,
                position=0,
                scheduling="other",
                nice=0,
                memory_mb=1024,
                deadline_ms=1e6,
                max_errors=3,
                log_level="error",
            )
        )
        self.host.start_plugins()
        self.host.begin()
        self.hello = self.heard(Kind.HELLO)
        source = self.host.runners["lively"]._processors[0]
        self.did = vars(__import__(type(source).__module__))["did"]

    def heard(self, kind: Kind) -> HostMessage:
        """The next message of this kind."""
        while True:
            assert self.router.poll(1000 * PATIENCE_S)
            message = HostMessage.decode(self.router.recv_multipart()[1:])
            if message.kind is kind:
                return message

    def send(self, message: HostMessage) -> None:
        self.router.send_multipart([b"live", *message.encode()])

    def ask(self, command: str, body=None, buffers=()) -> None:
        header = {"id": 1, "plugin": "lively", "command": command, "deadline_ns": FAR_NS}
        self.send(HostMessage(Kind.REQUEST, header, body or {}, buffers))

    def sound(self, frames: int) -> None:
        sound = np.zeros((frames, 2), np.float32)
        lib.ag06_callback(
            ffi.from_buffer(sound), ffi.from_buffer(sound.copy()), frames, ffi.NULL, 0, self.engine.pointer
        )

    def sleep_until(self, done) -> None:
        """Turns of the host that are woken by nothing but what is watched."""
        while not done():
            self.host._tick_ns = FAR_NS
            self.host.turn(2 * PATIENCE_S)

    def close(self) -> None:
        self.host.close()
        self.router.close(linger=0)
        self.cell.close()
        self.arena.close()


@pytest.fixture
def daemon(sockets, tmp_path, request):
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    with zmq.Context() as context:
        daemon = Daemon(context, sockets, tmp_path, lockstep=getattr(request, "param", False))
        yield daemon
        daemon.close()
    for number, handler in before.items():
        signal.signal(number, handler)


def in_a_while(function, *arguments) -> None:
    threading.Timer(0.05, function, arguments).start()


def test_a_message_from_ag06d_wakes_the_host_each_time(daemon):
    for number in range(20):
        in_a_while(daemon.ask, "echo")
        daemon.sleep_until(lambda number=number: daemon.did.count("echo") > number)
        assert daemon.heard(Kind.REPLY).body == {"lockstep": False}


def test_a_request_at_a_door_wakes_the_host_each_time_whatever_else_its_plugin_sends(daemon, sockets):
    assert daemon.hello.body["lively"]["door"]
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(sockets.door("lively"))
        for number in range(20):
            daemon.sound(HOP)
            in_a_while(dealer.send_multipart, Request(number, "lively.echo").encode())
            daemon.sleep_until(lambda number=number: daemon.did.count("echo") > number)
            assert dealer.poll(1000 * PATIENCE_S)
            assert Reply.decode(dealer.recv_multipart()).re == number
    assert daemon.did.count("frame") == 20


@pytest.mark.parametrize("way", ["link", "door"])
def test_what_came_while_the_host_was_at_work_needs_nothing_else_to_wake_it(daemon, sockets, way):
    """Any use of a socket takes the sign that something came."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(sockets.door("lively"))
        for number in range(1, 6):
            dealer.send_multipart(Request(number, "lively.echo").encode())
            daemon.sleep_until(lambda number=number: daemon.did.count("echo") == 2 * number - 1)
            assert dealer.poll(1000 * PATIENCE_S)
            dealer.recv_multipart()
            daemon.host.turn(0)  # whoever was let in has been counted by now
            if way == "link":
                daemon.ask("echo")
                quiet = daemon.host.link.quiet
            else:
                dealer.send_multipart(Request(0, "lively.echo").encode())
                quiet = daemon.host.doors.quiet
            while quiet():
                pass
            daemon.sleep_until(lambda number=number: daemon.did.count("echo") == 2 * number)
            if way == "door":
                assert dealer.poll(1000 * PATIENCE_S)
                dealer.recv_multipart()


def test_frames_come_before_requests_that_have_waited_longer(daemon, sockets):
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(sockets.door("lively"))
        dealer.send_multipart(Request(1, "lively.echo").encode())
        give_up = time.monotonic() + PATIENCE_S
        while not daemon.host.doors._doors["lively"]._socket.poll(0) and time.monotonic() < give_up:
            pass
        daemon.sound(HOP)
        daemon.host.turn(0)
    assert [what for what in daemon.did if what != "tick"] == ["frame", "echo"]


def test_an_answer_that_is_waited_for_is_asked_for_again_without_anything_else_to_wake_the_host(daemon):
    daemon.ask("wait")
    daemon.sleep_until(lambda: "asked again" in daemon.did)
    assert daemon.heard(Kind.REPLY).header == {"id": 1, "status": "ok"}


def test_without_sound_ticks_come_all_the_same(daemon):
    while daemon.did.count("tick") < 3:
        daemon.host.turn(PATIENCE_S)
    assert "frame" not in daemon.did


@pytest.mark.parametrize("daemon", [True], indirect=True)
def test_in_a_replay_a_tick_comes_after_every_tenth_frame_and_at_no_other_time(daemon):
    for _ in range(35):
        daemon.sound(HOP)
        daemon.host.turn(0)
        time.sleep(0.006)  # more than two ticks of real time, all told
        daemon.host.turn(0)
    assert daemon.did == (["frame"] * 10 + ["tick"]) * 3 + ["frame"] * 5
    daemon.ask("echo")
    daemon.sleep_until(lambda: "echo" in daemon.did)
    assert daemon.heard(Kind.REPLY).body == {"lockstep": True}


def test_arrays_go_from_one_plugin_to_another_and_back(daemon):
    entries, buffers = pack_arrays(np.arange(3))
    daemon.ask("ask", {"arrays": entries}, buffers)
    daemon.sleep_until(lambda: daemon.router.poll(ON_ITS_WAY_MS))
    asked = daemon.heard(Kind.REQUEST)
    assert (asked.body, list(asked.buffers)) == ({"arrays": entries}, buffers)
    daemon.send(HostMessage(Kind.REPLY, asked.header | {"status": "ok"}, asked.body, asked.buffers))
    daemon.sleep_until(lambda: any(isinstance(what, dict) for what in daemon.did))
    (answer,) = (what for what in daemon.did if isinstance(what, dict))
    assert [array.tolist() for array in answer["arrays"]] == [[0, 1, 2]]


def test_a_command_of_a_plugin_that_does_not_run_here_is_answered(daemon):
    header = {"id": 7, "plugin": "other", "command": "echo", "deadline_ns": FAR_NS}
    daemon.send(HostMessage(Kind.REQUEST, header))
    daemon.sleep_until(lambda: daemon.router.poll(ON_ITS_WAY_MS))
    answer = daemon.heard(Kind.REPLY)
    assert (answer.header["id"], answer.body["code"]) == (7, "unknown_op")


@pytest.fixture
def frames(daemon):
    """What the plugin is given from now on: dry as it was, and whether it was disturbed."""
    found = []
    runner = daemon.host.runners["lively"]
    runner._processors[0].process = lambda frame: found.append((frame.dry.copy(), frame.dry, frame.disturbed))
    return found


def a_hop(daemon) -> None:
    """Of silence, given to the plugin."""
    daemon.sound(HOP)
    daemon.host.turn(0)


def test_what_a_plugin_disturbs_is_a_copy_and_only_plugins_see_it(daemon, frames):
    context = daemon.host.runners["lively"].context

    def disturb(dry, wet) -> None:
        dry += 0.25
        with pytest.raises(ValueError, match="read-only"):
            wet += 1

    a_hop(daemon)
    context.disturb(disturb)
    a_hop(daemon)
    context.disturb(None)
    a_hop(daemon)
    assert [disturbed for *_, disturbed in frames] == [False, True, False]
    assert [float(dry.max()) for dry, *_ in frames] == [0.0, 0.25, 0.0]
    assert not frames[1][1].flags.writeable


def test_a_disturber_that_raises_costs_its_plugin_an_error_and_disturbs_no_more(daemon, frames, caplog):
    caplog.set_level("CRITICAL", "ag06d.host.runner")
    daemon.host.runners["lively"].context.disturb(lambda *_: 1 / 0)
    for _ in range(3):
        a_hop(daemon)
    assert [disturbed for *_, disturbed in frames] == [True, False, False]
    assert daemon.cell.plugin(0)["errors"] == 1


def test_only_one_plugin_of_a_host_disturbs_at_a_time(daemon):
    first = daemon.host.runners["lively"].context
    second = HostContext("second", daemon.host.shared, Path())
    first.disturb(lambda *_: None)
    with pytest.raises(RequestError, match="lively disturbs"):
        second.disturb(lambda *_: None)
    first.disturb(None)
    second.disturb(lambda *_: None)
