"""Whatever a plugin does costs its host at most; never a frame of sound, nor a frame of another host's."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from ag06d.errors import RequestError

RAISING = ("raises", "counts_beside", "raises_at_times", "raises_at_start", "refuses", "prints", "leaves")
FENCED = (*RAISING, "asked", "absent", "missing_module")
DEADLY = ("exits", "segfaults", "leaks", "hangs", "exits_at_start")


@pytest.fixture(scope="module")
def daemon(start):
    """Every bad plugin at once: those that only raise share a host, those that kill have one each."""
    deadly = ",".join(f"d_{name}={{plugins=['{name}'],memory_mb=256}}" for name in DEADLY)
    hosts = f"hosts={{live={{plugins=['features','counts']}},fenced={{plugins={list(FENCED)}}},{deadly}}}"
    with start("audio.device=recording", hosts, tracebacks=True) as daemon:
        daemon.wait(lambda status: status["plugins"]["counts"]["frames"] > 0)
        yield daemon


def plugin(daemon, name, state):
    """The plugin's part of the status once it is in `state`."""
    return daemon.wait(lambda now: now["plugins"][name]["state"] == state)["plugins"][name]


def test_a_plugin_that_raises_at_every_frame_is_quarantined_alone(daemon):
    found = plugin(daemon, "raises", "quarantined")
    assert found["errors"] == found["frames"] == 100
    assert "is not to my taste" in found["reason"]


def test_a_plugin_that_calls_sys_exit_does_not_end_its_host(daemon):
    assert "SystemExit" in plugin(daemon, "leaves", "quarantined")["reason"]


def test_a_plugin_that_raises_at_times_is_degraded_and_goes_on(daemon):
    plugin(daemon, "raises_at_times", "degraded")
    found = daemon.wait(lambda now: now["plugins"]["raises_at_times"]["frames"] > 300)
    found = found["plugins"]["raises_at_times"]
    assert abs(found["errors"] - found["frames"] // 7) <= 1  # they are read one after the other
    assert found["state"] == "degraded"
    assert daemon.log().count("plugin raises_at_times: raised") < found["errors"] / 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("refuses", "this studio has no window"),
        ("raises_at_start", "not today"),
        ("absent", "no plugin 'absent' is installed"),
        ("missing_module", "bad_plugins.nowhere"),
    ],
)
def test_a_plugin_that_cannot_start_is_refused_with_the_reason(daemon, name, reason):
    assert reason in plugin(daemon, name, "refused")["reason"]


def test_what_a_plugin_prints_goes_nowhere(daemon):
    plugin(daemon, "prints", "running")
    assert "xxxx" not in daemon.output.read_text()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("exits", "exited with status 7"),
        ("segfaults", "SIGSEGV"),
        ("leaks", "exited with status 75"),
        ("hangs", "did not return for"),
        ("exits_at_start", "exited with status 9"),
    ],
)
def test_a_plugin_that_keeps_ending_its_host_is_quarantined_with_the_reason(daemon, name, reason):
    found = plugin(daemon, name, "quarantined")
    assert reason in found["reason"]
    host = daemon.wait(lambda now: now["hosts"][f"d_{name}"]["state"] == "running")["hosts"][f"d_{name}"]
    assert host["restarts"] >= 3


def test_those_beside_the_ones_that_raise_see_every_frame(daemon):
    report = daemon.report("counts_beside")
    assert report["breaks"] == []
    assert report["next"] - report["first"] == report["frames"] + report["lost"]
    fenced = daemon.status()["hosts"]["fenced"]
    assert (fenced["restarts"], fenced["lost_frames"]) == (0, 0)


def test_a_command_answers_and_its_failures_are_the_askers_alone(daemon):
    assert daemon.client.call("asked.echo", one=1) == {"one": 1}
    with pytest.raises(RequestError, match="ZeroDivisionError") as failed:
        daemon.client.call("asked.fail")
    assert failed.value.code == "internal"
    with pytest.raises(RequestError, match="not while the tape runs") as refused:
        daemon.client.call("asked.refuse")
    assert (refused.value.code, refused.value.hint) == ("conflict", "stop the tape")
    with pytest.raises(RequestError) as unknown:
        daemon.client.call("asked.nothing")
    assert unknown.value.code == "unknown_op"


def test_a_plugin_is_traced_with_its_errors_and_nothing_is_told_of_it_before(daemon):
    with daemon.listen("trace.") as listener:
        listener.take()
        assert listener.heard == []
        done = daemon.ctl("plugins", "trace", "raises_at_times", "-n", "30", "--json")
        assert done.returncode == 0, done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(events) == 30
        frames = [event for event in events if event["what"] == "frame"]
        errors = [event for event in events if event["what"] == "error"]
        assert all(event["took_us"] > 0 for event in frames)
        assert errors
        assert all("is not to my taste" in event["traceback"] for event in errors)
        assert {event["what"] for event in events} == {"frame", "error"}
        assert {message.topic for message in listener.heard} <= {"trace.raises_at_times."}
    refused = daemon.ctl("plugins", "trace", "raises")
    assert refused.returncode == 1
    assert "quarantined" in refused.stderr


def test_a_plugin_tells_where_it_comes_from_what_it_offers_and_how_it_is_set(daemon):
    asked = daemon.ctl("plugins", "info", "asked").stdout
    assert "from     bad-plugins 1.0" in asked
    assert "command  asked.refuse: Says no" in asked
    features = json.loads(daemon.ctl("--json", "plugins", "info", "features").stdout)
    assert features["distribution"] == "ag06d"
    assert features["topics"][0]["fields"]
    assert features["settings"][0]["key"] == "rolloff"
    refuses = json.loads(daemon.ctl("plugins", "info", "refuses", "--json").stdout)
    assert refuses.items() >= {"state": "refused", "distribution": "bad-plugins", "hooks": []}.items()
    listed = json.loads(daemon.ctl("plugins", "--json").stdout)
    assert listed["plugins"].keys() == daemon.status()["plugins"].keys()


def test_after_all_of_it_no_frame_of_sound_is_lost(daemon, whole):
    status = daemon.wait(whole)
    assert status["state"] in ("running", "degraded")


def test_after_all_of_it_the_plugins_of_another_host_have_seen_every_frame(daemon):
    report = daemon.report("counts")
    assert (report["breaks"], report["lost"], report["gap_frames"]) == ([], 0, 0)
    assert report["next"] - report["first"] == report["frames"]
    live = daemon.status()["hosts"]["live"]
    assert (live["restarts"], live["lost_frames"]) == (0, 0)
    features = daemon.status()["plugins"]["features"]
    assert features["errors"] == 0
    assert abs(features["frames"] - report["frames"] // 480) < 100


def test_a_slow_plugin_costs_its_host_frames_and_each_is_counted(start, whole):
    """In its host are also one that counts, one that floods the bus, and threads that spin."""
    bad = "bad={plugins=['counts_slow','slow','floods','spins']}"
    hosts = f"hosts={{live={{plugins=['features','counts']}},{bad}}}"
    with start("audio.device=recording", "audio.ring_seconds=2", hosts) as daemon:
        status = daemon.wait(lambda now: now["hosts"]["bad"]["lost_frames"] > 0)
        assert status["plugins"]["slow"]["state"] == "degraded"
        slow = daemon.wait(lambda now: now["plugins"]["slow"]["over_deadline"] > 30)["plugins"]["slow"]
        assert slow["over_deadline"] == slow["frames"]
        report = daemon.report("counts_slow")
        assert report["lost"] > 0
        assert report["breaks"] == []
        assert report["next"] - report["first"] == report["frames"] + report["lost"]
        with daemon.listen("meters.", "flood.") as listener:
            listener.until(lambda message: message.topic == "flood.")
            assert listener.until(lambda message: message.topic == "meters.").header["src"] == "ag06d"
        daemon.wait(whole)
        report = daemon.report("counts")
        assert (report["breaks"], report["lost"]) == ([], 0)
        assert "the topic meters is the daemon's own" in daemon.log()


def test_what_a_plugin_forked_is_ended_with_its_host_and_does_not_keep_the_next_ones_messages(start, poll):
    """One that it forked leaves the host's group and lives on, with the host's connection."""
    with start("audio.device=recording", "hosts={live={plugins=['forks']}}") as daemon:
        told = daemon.folder / "state" / "plugins" / "forks" / "forked"
        try:
            with daemon.once_it_answers().listen("forks.") as listener:
                first = listener.until(lambda _: True).body["pid"]
                listener.until(lambda message: message.body["pid"] != first)
            inside, outside = map(int, told.read_text().split())
            poll(lambda: state(inside) in "Z-", lambda: state(inside))
            assert state(outside) not in "Z-"
            daemon.running()
            assert daemon.status()["hosts"]["live"]["restarts"] == 1
        finally:
            with suppress(OSError, ValueError):
                os.kill(int(told.read_text().split()[1]), signal.SIGKILL)


@pytest.mark.parametrize("guilty", ["thread_exits", "thread_closes"])
def test_a_plugin_that_ends_its_host_from_outside_of_its_calls_is_found_and_quarantined(start, whole, guilty):
    hosts = f"hosts={{live={{plugins=['features','{guilty}','counts']}}}}"
    with start("audio.device=recording", hosts, tracebacks=True) as daemon:
        assert "with it alone" in plugin(daemon, guilty, "quarantined")["reason"]
        status = daemon.wait(
            lambda now: list(now["hosts"]) == ["live"] and now["plugins"]["counts"]["state"] == "running"
        )
        assert status["plugins"]["features"]["state"] == "running"
        assert status["hosts"]["live"]["lost_frames"] <= 4 * 480  # a hop for each end
        daemon.wait(whole)


def test_a_plugin_is_switched_off_and_on_and_those_beside_it_miss_no_frame(start, whole):
    hosts = "hosts={live={plugins=['features','counts']}}"
    with start("audio.device=recording", hosts) as daemon:
        daemon.running()
        daemon.wait(lambda now: now["plugins"]["counts"]["frames"] > 10)
        assert daemon.ctl("plugins", "disable", "features").stdout == "disabled features\n"
        daemon.wait(lambda now: now["plugins"]["features"]["state"] == "disabled")
        first = daemon.wait(lambda now: now["hosts"]["live"]["state"] == "running")["hosts"]["live"]
        assert (first["restarts"], first["lost_frames"]) == (0, 0)
        daemon.stop()
        with start("audio.device=recording", hosts, folder=daemon.folder) as again:
            status = again.running()
            assert status["plugins"]["features"]["state"] == "disabled"
            assert again.ctl("plugins", "enable", "features").stdout == "enabled features\n"
            again.wait(lambda now: now["plugins"]["features"]["state"] == "running")
            with again.listen("feature.") as listener:
                listener.count(5)
            assert again.status()["hosts"]["live"]["lost_frames"] == 0
            again.wait(whole)


def state(pid: int) -> str:
    """Of a process, in one letter; `-` when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "-"
