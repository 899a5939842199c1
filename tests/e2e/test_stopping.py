"""However it ends, the daemon leaves nothing behind."""

from __future__ import annotations

import signal
import sys

import pytest

SETTINGS = ("audio.device=recording", "hosts={live={plugins=['features']},other={plugins=['counts']}}")
CHILDREN = 4  # audio, two hosts, and the keeper of the feature store that one of them has


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_stops_it_cleanly(start, poll, number):
    with start(*SETTINGS) as daemon:
        daemon.running()
        poll(lambda: len(daemon.children()) == CHILDREN, daemon.children)
        with daemon.listen("audio.state.", "heartbeat.") as listener:
            daemon.stop(number)
            listener.until(lambda message: message.body["state"] == "stopping")
        assert "stopped" in daemon.log()


def test_a_signal_during_the_start_stops_it_cleanly(start, poll):
    with start(*SETTINGS) as daemon:
        poll(daemon.children, daemon.log)
        daemon.stop()


def test_it_stops_though_plugins_and_audio_are_past_answering(start):
    hosts = (
        "hosts={bad={plugins=['spins']},stuck={plugins=['hangs'],stall_ms=60000},held={plugins=['counts']}}"
    )
    with start("audio.device=recording", "audio.stall_ms=60000", hosts) as daemon:
        status = daemon.wait(
            lambda now: now["plugins"]["hangs"]["frames"] == 20 and now["plugins"]["counts"]["frames"]
        )
        daemon.hit(status["pids"]["audio"], signal.SIGSTOP)
        daemon.hit(status["hosts"]["held"]["pid"], signal.SIGSTOP)
        daemon.stop()


def test_killed_it_leaves_no_child(start, poll, alive):
    with start(*SETTINGS) as daemon:
        daemon.running()
        children = poll(
            lambda: daemon.children() if len(daemon.children()) == CHILDREN else {}, daemon.children
        )
        daemon.process.kill()
        daemon.process.wait()
        poll(lambda: not alive(children), lambda: alive(children))


def test_after_it_was_killed_another_takes_its_place(start):
    with start(*SETTINGS) as first:
        first.running()
        first.process.kill()
        first.process.wait()
        with start(*SETTINGS, folder=first.folder) as second:
            second.running()


def test_a_second_daemon_on_the_same_sockets_names_the_first_and_leaves_it_alone(start, whole):
    with start(*SETTINGS) as first:
        first.running()
        with start(*SETTINGS, folder=first.folder) as refused:
            assert refused.process.wait(60) == 1
            assert str(first.process.pid) in refused.log()
            assert "Traceback" not in refused.log()
        first.wait(whole)


def test_two_daemons_with_folders_of_their_own_run_side_by_side(start):
    with start(*SETTINGS) as first, start(*SETTINGS) as second:
        assert first.running()["boot"] != second.running()["boot"]


def test_a_duration_ends_it(start):
    with start(*SETTINGS, arguments=["--duration", "1"]) as daemon:
        children = daemon.children()
        daemon.check(daemon.process.wait(60), children)


def test_a_wrong_setting_is_told_and_the_exit_status_is_2(ag06d):
    done = ag06d("run", "-o", "audio.blok=64", "-o", "audio.rate=1")
    assert done.returncode == 2
    assert "did you mean block?" in done.stderr
    assert "audio.rate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_preset_that_is_not_there_is_told(ag06d):
    done = ag06d("run", "-o", "preset.start=voise", "-o", "audio.device=recording")
    assert done.returncode in (1, 2)
    assert "did you mean voice?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recording_that_is_not_there_is_waited_for_with_a_reason(start, tmp_path, sine):
    path = tmp_path / "later.wav"
    with start(f"audio.device='recording:{path}'") as daemon:
        status = daemon.wait(lambda now: now["state"] == "waiting" and now["reason"])
        assert str(path) in status["reason"]
        path.write_bytes(sine.read_bytes())
        daemon.running()


def test_its_log_can_go_nowhere(start):
    """A reader of its output that is gone is no reason to end."""
    with start(*SETTINGS, prefix=("sh", "-c", 'exec "$@" 2>/dev/full', "sh")) as daemon:
        status = daemon.running()
        daemon.hit(status["hosts"]["live"]["pid"], signal.SIGKILL)
        daemon.wait(lambda now: now["hosts"]["live"]["restarts"] == 1)
        daemon.running()


def test_a_hang_up_without_a_terminal_changes_nothing(start, poll, whole):
    """Neither to the daemon nor to audio and host."""
    with start(*SETTINGS) as daemon:
        before = daemon.running()
        for pid in (before["pids"]["audio"], *(host["pid"] for host in before["hosts"].values())):
            daemon.hit(pid, signal.SIGHUP)
        daemon.process.send_signal(signal.SIGHUP)
        poll(lambda: "SIGHUP" in daemon.log(), daemon.log)
        end = before["audio"]["position"] + 48000
        daemon.wait(lambda now: now["audio"]["position"] > end)
        after = daemon.wait(whole)
        assert after["pids"] == before["pids"]
        assert after["boot"] == before["boot"]
        for name, host in after["hosts"].items():
            assert (host["pid"], host["restarts"]) == (before["hosts"][name]["pid"], 0)


BROKEN = """
import sys
from ag06d.core import app

async def broken(self):
    raise RuntimeError("on purpose")

app.Daemon._publish_meters = broken
from ag06d.cli.daemon import main
sys.argv[0] = "ag06d"
del sys.argv[1]
main()
"""


def test_a_part_of_it_that_fails_stops_it_with_an_exit_status_that_tells(start):
    with start(*SETTINGS, prefix=(sys.executable, "-c", BROKEN)) as daemon:
        assert daemon.process.wait(60) == 1
        assert "a part of the daemon failed; the log says which" in daemon.log()
        assert "on purpose" in daemon.log()
        assert "stopped" in daemon.log()
        assert daemon.log().count("Traceback") == 1
