"""A process of the daemon that is killed or held is back by itself, and what it missed is counted."""

from __future__ import annotations

import itertools
import signal
import time

import pytest

RATE = 48000


@pytest.fixture(scope="module")
def daemon(start):
    hosts = "hosts={live={plugins=['features']},other={plugins=['counts']}}"
    with start("audio.device=recording", hosts) as daemon:
        daemon.running()
        yield daemon


def clock(daemon) -> float:
    """Frames since the daemon's first stream began that are neither delivered nor counted as missed.

    Grows by the clock's frames alone, whatever happens to the stream.
    """
    audio = daemon.status()["audio"]
    return audio["position"] + audio["gap_frames"] - time.monotonic() * RATE


def test_a_host_that_is_killed_is_back_and_costs_no_frame_of_sound(daemon, whole):
    before = daemon.wait(whole)
    with daemon.listen("host.", "feature.") as listener:
        daemon.hit(before["hosts"]["live"]["pid"], signal.SIGKILL)
        listener.until(lambda m: m.topic == "host." and m.body["reason"] == "killed by SIGKILL")
        listener.until(lambda m: m.topic == "host." and m.body["state"] == "running")
        listener.until(lambda m: m.topic == "feature.basic.")
    after = daemon.wait(whole)
    assert after["hosts"]["live"]["restarts"] == before["hosts"]["live"]["restarts"] + 1
    assert after["plugins"]["features"]["state"] in ("running", "degraded")
    for count in ("streams", "restarts", "gap_frames"):
        assert after["audio"][count] == before["audio"][count]
    assert after["hosts"]["other"] | {"position": 0, "memory_mb": 0} == (
        before["hosts"]["other"] | {"position": 0, "memory_mb": 0}
    )


def test_features_go_on_over_a_hosts_death_with_every_hop_at_least_once(daemon):
    """One killed between publishing a hop and telling so in its cell is followed by one that repeats it."""
    with daemon.listen("feature.basic.") as listener:
        listener.count(5)
        daemon.hit(daemon.status()["hosts"]["live"]["pid"], signal.SIGKILL)
        daemon.wait(lambda now: now["hosts"]["live"]["state"] == "starting")
        seen = len(listener.count(1))
        daemon.running()
        listener.take()
        messages = listener.count(len(listener.heard) + seen + 50)
    sequences = [message.header["seq"] for message in messages]
    positions = [message.header["pos"] for message in messages]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    steps = [b - a for a, b in itertools.pairwise(positions)]
    assert set(steps) <= {0, 480}, "no hop is left out"
    assert steps.count(0) <= 1, "none but the one at the seam comes twice"


def test_a_host_that_is_held_is_replaced(daemon, whole):
    before = daemon.status()["hosts"]["live"]
    daemon.hit(before["pid"], signal.SIGSTOP)
    after = daemon.wait(lambda now: now["hosts"]["live"]["restarts"] > before["restarts"])
    assert after["hosts"]["live"]["pid"] != before["pid"]
    daemon.wait(lambda now: now["hosts"]["live"]["state"] == "running" and whole(now))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=lambda number: number.name)
def test_the_audio_process_is_back_and_what_it_missed_is_counted(daemon, poll, number):
    before = daemon.running()
    counted = daemon.report()
    frames = clock(daemon)
    with daemon.listen("audio.") as listener:
        daemon.hit(before["pids"]["audio"], number)
        lost = listener.until(lambda m: m.topic == "audio.state." and m.body["state"] != "running")
        stream = listener.until(lambda m: m.topic == "audio.stream.").body
        listener.until(lambda m: m.topic == "audio.state." and m.body["state"] == "running")
    after = daemon.running()
    assert lost.body["reason"]
    assert stream["streams"] == after["audio"]["streams"] == before["audio"]["streams"] + 1
    assert after["audio"]["restarts"] == before["audio"]["restarts"] + 1
    assert after["pids"]["audio"] != before["pids"]["audio"]
    assert stream["gap_frames_total"] == after["audio"]["gap_frames"] > before["audio"]["gap_frames"]
    # Every frame that the clock saw was either delivered or counted as missed.
    poll(lambda: abs(clock(daemon) - frames) < RATE / 10, lambda: (clock(daemon), frames))

    missed = after["audio"]["gap_frames"] - before["audio"]["gap_frames"]
    poll(lambda: daemon.report()["gap_frames"] == counted["gap_frames"] + missed, daemon.report)
    report = daemon.report()
    assert report["pid"] == counted["pid"]
    assert (report["breaks"], report["lost"]) == ([], 0)
    assert report["next"] - report["first"] == report["frames"]


def test_the_hosts_are_none_the_worse_for_a_lost_audio_process(daemon):
    before = daemon.running()
    daemon.hit(before["pids"]["audio"], signal.SIGKILL)
    after = daemon.wait(lambda now: now["audio"]["streams"] > before["audio"]["streams"])
    assert {name: host["restarts"] for name, host in after["hosts"].items()} == {
        name: host["restarts"] for name, host in before["hosts"].items()
    }


def test_what_was_set_outlives_the_audio_process(daemon, poll):
    daemon.client.set({"audio.mute": True, "chain.a.level.gain_db": -12})
    before = daemon.running()
    daemon.hit(before["pids"]["audio"], signal.SIGKILL)
    daemon.wait(lambda now: now["audio"]["streams"] > before["audio"]["streams"])
    daemon.running()
    end = daemon.status()["audio"]["position"] + RATE // 5
    poll(lambda: daemon.report()["next"] > end, daemon.status)
    daemon.report(afresh=True)
    end = daemon.status()["audio"]["position"] + RATE // 5
    poll(lambda: daemon.report()["next"] > end, daemon.status)
    assert daemon.report()["wet_peak"] == 0
    daemon.client.set({"audio.mute": False})
    poll(lambda: daemon.client.call("meters")["wet"]["rms_db"][0] > -100, daemon.status)


def test_the_daemon_held_for_a_while_costs_nobody_anything(daemon):
    """Its children go on without it, and it does not blame them for its own absence."""
    before = daemon.running()
    counted = daemon.report()
    daemon.process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    daemon.process.send_signal(signal.SIGCONT)
    after = daemon.running()
    assert after["pids"] == before["pids"]
    for count in ("streams", "restarts", "gap_frames"):
        assert after["audio"][count] == before["audio"][count]
    for name, host in after["hosts"].items():
        for what in ("pid", "lost_frames"):
            assert host[what] == before["hosts"][name][what]
    report = daemon.report()
    assert report["next"] - counted["next"] == report["frames"] - counted["frames"] > 2 * RATE
    assert report["breaks"] == []
