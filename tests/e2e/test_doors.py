"""A plugin's own door, arrays and patience, as a user has them: asked, killed, moved, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ag06d.client import AsyncClient, Client
from ag06d.errors import Ag06Error, DeadlineError, NoDaemonError, RequestError

PLUGIN = """
import os, time
import numpy as np
from ag06d.plugin import Answer, Command, hookimpl

ticks, frames, waiting = [], [], []

def scale(body):
    return Answer({"pid": os.getpid()}, [body["factor"] * array for array in body["arrays"]])

def wait(body):
    until, told = time.monotonic() + body["seconds"], object()
    waiting.append(told)
    try:
        while time.monotonic() < until:
            yield
        return {"pid": os.getpid()}
    finally:
        waiting.remove(told)

def report(body):
    return {"pid": os.getpid(), "ticks": len(ticks), "frames": len(frames), "waiting": len(waiting)}

class Processor:
    def process(self, frame):
        frames.append(frame.position)
    def tick(self):
        ticks.append(time.monotonic())

@hookimpl
def ag06_processors(context):
    return [Processor()]

@hookimpl
def ag06_commands(context):
    if context.name == "closed":
        return [Command("report", report, "Account")]
    return [
        Command("scale", scale, "Multiplies arrays", {"factor": "by how much"}, direct=True),
        Command("wait", wait, "Answers later", {"seconds": "how long"}, direct=True),
        Command("report", report, "Account", direct=True),
    ]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """With plugins that are files."""
    folder = tmp_path_factory.mktemp("plugins")
    for name in ("desk", "closed"):
        (folder / f"{name}.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def daemon(start, folder):
    settings = f"plugin.folder={folder}", "hosts={live={plugins=['desk','closed']}}"
    with start("audio.device=recording", *settings) as daemon:
        daemon.running()
        yield daemon


def files(daemon) -> set[str]:
    return {path.name for path in (daemon.folder / "run").glob("plugin-*")}


@pytest.mark.parametrize("way", ["control", "door"])
def test_arrays_go_to_a_plugin_and_back_by_either_way(daemon, way):
    asked = daemon.client if way == "control" else daemon.client.door("desk")
    given = [np.arange(6.0).reshape(2, 3), np.zeros((0, 2), np.float32)]
    reply = asked.request("desk.scale", {"factor": 2.0}, arrays=given)
    assert reply.body["pid"] == daemon.status()["hosts"]["live"]["pid"]
    for array, returned in zip(given, reply.arrays, strict=True):
        np.testing.assert_array_equal(2 * array, returned)
    with pytest.raises(RequestError, match="5 bytes are not an array") as refused:
        asked.request("desk.scale", {"factor": 2.0, "arrays": [{"dtype": "<f4", "shape": [3]}]}, [b"short"])
    assert refused.value.code == "bad_request"


@pytest.mark.parametrize("way", ["control", "door"])
def test_an_answer_may_take_longer_than_others_and_than_five_seconds_where_the_client_waits(daemon, way):
    async def scenario() -> None:
        async with AsyncClient(daemon.sockets, timeout_s=20) as client:
            asked = client if way == "control" else client.door("desk")
            slow = asyncio.create_task(asked.call("desk.wait", seconds=5.5))
            for _ in range(3):
                assert (await asked.call("desk.wait", seconds=0.02))["pid"]
            assert not slow.done()
            assert (await slow)["pid"]

    asyncio.run(scenario())


@pytest.mark.parametrize("way", ["control", "door"])
def test_a_request_that_was_given_up_leaves_nothing_behind_in_the_host(daemon, poll, way):
    asked = daemon.client if way == "control" else daemon.client.door("desk")
    with pytest.raises(DeadlineError):
        asked.request("desk.wait", {"seconds": 3600}, timeout_s=0.05)
    poll(lambda: asked.call("desk.report")["waiting"] == 0, lambda: asked.call("desk.report"))


def test_only_a_plugin_with_direct_commands_has_a_door_for_user_and_group(daemon):
    assert daemon.client.call("hello")["doors"] == {"desk": "plugin-desk.sock"}
    assert files(daemon) == {"plugin-desk.sock"}
    assert stat.S_IMODE((daemon.folder / "run" / "plugin-desk.sock").stat().st_mode) == 0o770
    operations = daemon.client.call("describe")["operations"]
    assert operations["desk.scale"]["direct"]
    assert not operations["closed.report"]["direct"]
    with pytest.raises(RequestError, match="plugin closed has no door"):
        daemon.client.door("closed").call("closed.report")
    with pytest.raises(RequestError, match=r"control\.sock") as refused:
        daemon.client.door("desk").call("status")
    assert refused.value.code == "unknown_op"


def test_ticks_come_about_ten_times_a_second_and_are_no_frames(daemon, poll):
    before = daemon.client.call("desk.report")
    after = poll(
        lambda: (now := daemon.client.call("desk.report"))["frames"] > before["frames"] + 200 and now,
        lambda: before,
    )
    share = (after["ticks"] - before["ticks"]) / (after["frames"] - before["frames"])
    assert 0.03 < share < 0.11, "ten frames a tick, or more where a tick came late"
    plugin = daemon.status()["plugins"]["desk"]
    assert abs(plugin["frames"] - daemon.client.call("desk.report")["frames"]) < 200


def test_after_a_host_was_killed_the_door_of_the_next_one_is_found(daemon, poll):
    door = daemon.client.door("desk")
    first = door.call("desk.report")["pid"]
    daemon.hit(first, signal.SIGKILL)

    def answered() -> int:
        with suppress(NoDaemonError, RequestError):
            return door.call("desk.report")["pid"]
        return 0

    assert poll(answered, daemon.log) != first
    assert files(daemon) == {"plugin-desk.sock"}


def test_a_plugin_that_is_switched_off_has_no_door_until_it_is_back(daemon, poll):
    door = daemon.client.door("desk")
    daemon.client.call("plugins.disable", name="desk")
    poll(lambda: not files(daemon), lambda: files(daemon))
    assert daemon.client.call("hello")["doors"] == {}
    with pytest.raises(Ag06Error):
        door.call("desk.report")
    daemon.client.call("plugins.enable", name="desk")

    def answered() -> int:  # its host may begin twice, for both it was told
        with suppress(NoDaemonError, RequestError):
            return door.call("desk.report")["pid"]
        return 0

    assert poll(answered, daemon.log)


def test_on_probation_the_door_moves_with_its_plugin_and_comes_back(start, folder, poll):
    settings = f"plugin.folder={folder}", "hosts={live={plugins=['desk','exits']}}"
    answered: set[int] = set()
    with start("audio.device=recording", *settings) as daemon, Client(daemon.sockets, wait=True) as client:
        door = client.door("desk")

        def together_again() -> bool:
            with suppress(NoDaemonError, RequestError):  # each process of its host is soon over
                answered.add(door.call("desk.report")["pid"])
            status = client.status()
            live = status["hosts"]["live"]
            ended = status["plugins"]["exits"]["state"] == "quarantined"
            return ended and live["state"] == "running" and live["pid"] in answered

        with daemon.once_it_answers().listen("host.") as news:
            poll(together_again, daemon.log)
            news.take()
        assert "live.desk" in {message.body["host"] for message in news.heard}
        assert len(answered) > 1
        assert files(daemon) == {"plugin-desk.sock"}


def test_a_clean_stop_leaves_no_socket_though_a_host_was_killed_just_before(start, folder):
    settings = f"plugin.folder={folder}", "hosts={live={plugins=['desk']}}"
    with start("audio.device=recording", *settings) as daemon:
        daemon.running()
        os.kill(daemon.client.door("desk").call("desk.report")["pid"], signal.SIGKILL)
        daemon.stop()
        assert [path.name for path in (daemon.folder / "run").glob("*.sock*")] == []


def test_without_sound_plugins_tick_and_answer(start, folder, poll):
    settings = f"plugin.folder={folder}", "hosts={live={plugins=['desk']}}"
    with start("audio.device=no such device", *settings) as daemon:
        daemon.wait(lambda status: status["hosts"]["live"]["state"] == "running")
        with Client(daemon.sockets) as client:
            door = client.door("desk")
            poll(lambda: door.call("desk.report")["ticks"] > 20, lambda: door.call("desk.report"))
            assert door.call("desk.wait", seconds=0.1)["pid"]
            assert door.call("desk.report")["frames"] == 0
