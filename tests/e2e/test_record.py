"""Recording from the rings: sample for sample, from before the request, and at no cost to the sound."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ag06d.errors import RequestError

pytestmark = pytest.mark.usefixtures("nothing_lost")

RATE = 48000
SECONDS = 5


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    """What the device plays, again and again: no two of its frames are alike."""
    return np.random.default_rng(5).uniform(-0.5, 0.5, (SECONDS * RATE, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def daemon(start, noise, tmp_path_factory):
    path = tmp_path_factory.mktemp("noise") / "noise.wav"
    soundfile.write(path, noise, RATE, subtype="FLOAT")
    hosts = "hosts={live={plugins=['counts']}}"
    with start(f"audio.device=recording:{path}", "audio.ring_seconds=3", hosts) as daemon:
        daemon.running()
        yield daemon


@pytest.fixture
def played(noise):
    """What the device played from a position on."""

    def played(position: int, frames: int) -> np.ndarray:
        return noise[np.arange(position, position + frames) % len(noise)]

    return played


def ended(listener, name: str) -> dict:
    return listener.until(lambda m: m.topic == "record.finished." and m.body["recording"] == name).body


def test_dry_is_what_the_device_played_sample_for_sample(daemon, played, tmp_path):
    path = tmp_path / "dry.wav"
    begun = daemon.client.call("record.start", path=str(path), source="dry", duration_s=1.5)
    with daemon.listen("record.") as listener:
        end = ended(listener, begun["recording"])
    assert (end["reason"], end["frames"], end["lost_frames"]) == ("complete", 1.5 * RATE, 0)
    sound, rate = soundfile.read(path, dtype="float32")
    assert (rate, len(sound)) == (RATE, end["frames"])
    np.testing.assert_array_equal(sound, played(begun["position"], len(sound)))
    peaks = [20 * np.log10(peak) for peak in np.abs(sound).max(axis=0)]
    np.testing.assert_allclose(end["peak_db"]["dry"], peaks, atol=0.01)


def test_the_seconds_before_the_request_are_in_it(daemon, played, tmp_path, poll):
    poll(lambda: daemon.status()["audio"]["position"] > 3 * RATE, daemon.status)
    before = daemon.status()["audio"]["position"]
    path = tmp_path / "dry.flac"
    begun = daemon.client.call("record.start", path=str(path), source="dry", before_s=2)
    assert before - 2 * RATE <= begun["position"] < daemon.status()["audio"]["position"] - 2 * RATE
    end = daemon.client.call("record.stop", recording=begun["recording"])
    assert (end["reason"], end["lost_frames"]) == ("stopped", 0)
    sound, _ = soundfile.read(path, dtype="float32")
    assert len(sound) == end["frames"] >= 2 * RATE
    np.testing.assert_allclose(sound, played(begun["position"], len(sound)), rtol=0, atol=2**-23)


def test_dry_and_wet_of_one_file_belong_to_the_same_moments(daemon, played, tmp_path):
    before = {path: daemon.client.get(path)[path] for path in ("audio.bypass",)}
    daemon.client.set({"audio.bypass": True})  # wet is then dry, later by the chain's latency
    time.sleep(0.2)
    try:
        path = tmp_path / "both.wav"
        begun = daemon.client.call("record.start", path=str(path), source="both", duration_s=1)
        with daemon.listen("record.") as listener:
            end = ended(listener, begun["recording"])
    finally:
        daemon.client.set(before)
    sound, _ = soundfile.read(path, dtype="float32")
    assert sound.shape == (RATE, 4)
    assert end["peak_db"].keys() == {"dry", "wet"}
    latency = daemon.status()["audio"]["latency_frames"]
    np.testing.assert_array_equal(sound[:, :2], played(begun["position"], RATE))
    np.testing.assert_array_equal(sound[:, 2:], played(begun["position"] - latency, RATE))


def test_its_progress_is_told_each_second(daemon):
    with daemon.listen("record.") as listener:
        begun = daemon.client.call("record.start", path="progress.wav")
        started = listener.until(lambda m: m.topic == "record.started.").body
        listener.until(lambda m: m.topic == "record.progress." and m.body["seconds"] > 1.9)
        (now,) = daemon.client.call("record.list")["recordings"][-1:]
        assert now["recording"] == begun["recording"]
        assert now["pid"] in daemon.children()
        end = daemon.client.call("record.stop")
    assert (started["path"], started["position"]) == (begun["path"], begun["position"])
    assert begun["path"] == end["path"] == str(daemon.folder / "state" / "recordings" / "progress.wav")
    assert soundfile.info(end["path"]).frames == end["frames"] > 1.9 * RATE


def test_one_that_is_killed_leaves_a_file_that_can_be_read_and_costs_no_sound(daemon, played, tmp_path):
    path = tmp_path / "dry.wav"
    with daemon.listen("record.") as listener:
        begun = daemon.client.call("record.start", path=str(path), source="dry")
        listener.until(lambda m: m.topic == "record.progress." and m.body["frames"] > RATE)
        daemon.hit(daemon.client.call("record.list")["recordings"][-1]["pid"], signal.SIGKILL)
        end = ended(listener, begun["recording"])
    assert end["reason"] == "killed"
    assert not path.exists()
    sound, _ = soundfile.read(end["path"], dtype="float32")
    assert len(sound) > RATE
    np.testing.assert_array_equal(sound, played(begun["position"], len(sound)))
    with pytest.raises(RequestError, match=r"dry\.wav\.part"):
        daemon.client.call("record.start", path=str(path), overwrite=True)


def test_what_one_that_was_held_has_lost_is_counted_and_silent_and_all_else_is_at_its_place(
    daemon, played, tmp_path
):
    path = tmp_path / "dry.wav"
    with daemon.listen("record.") as listener:
        begun = daemon.client.call("record.start", path=str(path), source="dry")
        pid = daemon.client.call("record.list")["recordings"][-1]["pid"]
        listener.until(lambda m: m.topic == "record.progress.")
        held = daemon.status()["audio"]["position"]
        daemon.hit(pid, signal.SIGSTOP)
        daemon.wait(lambda now: now["audio"]["position"] > held + 6 * RATE)  # the rings hold 5.5 s
        daemon.hit(pid, signal.SIGCONT)
        listener.until(lambda m: m.topic == "record.progress." and m.body["lost_frames"])
    end = daemon.client.call("record.stop", recording=begun["recording"])
    sound, _ = soundfile.read(path, dtype="float32")
    silent = ~sound.any(axis=1)
    assert end["lost_frames"] == silent.sum() > 0
    assert len(sound) == end["frames"]
    np.testing.assert_array_equal(sound[~silent], played(begun["position"], len(sound))[~silent])


def test_a_disk_that_is_full_ends_it_and_what_was_written_is_kept(daemon, played, tmp_path):
    """The limit of a file's size stands for the end of the disk: the write fails in the same way."""
    path = tmp_path / "dry.wav"
    with daemon.listen("record.") as listener:
        begun = daemon.client.call("record.start", path=str(path), source="dry")
        pid = daemon.client.call("record.list")["recordings"][-1]["pid"]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
        end = ended(listener, begun["recording"])
    assert (end["reason"], end["path"]) == ("failed", str(path))
    assert "File too large" in end["message"]
    sound, _ = soundfile.read(path, dtype="float32")
    assert len(sound) > 0.9 * RATE
    np.testing.assert_array_equal(sound, played(begun["position"], len(sound)))


def test_a_file_that_cannot_be_is_refused_and_nothing_else_happens(daemon, tmp_path, poll):
    (tmp_path / "there.wav").touch()
    before = daemon.children()
    for path, code in [("nowhere/x.wav", "bad_request"), ("there.wav", "conflict")]:
        with pytest.raises(RequestError) as caught:
            daemon.client.call("record.start", path=str(tmp_path / path))
        assert caught.value.code == code
    assert os.listdir(tmp_path) == ["there.wav"]  # noqa: PTH208 - names alone
    poll(lambda: daemon.children().keys() <= before.keys(), daemon.children)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_ctrl_c_ends_a_recording_from_the_shell_and_tells_what_it_came_to(daemon, played, tmp_path, number):
    path = tmp_path / "shell.wav"
    with (
        daemon.listen("record.") as listener,
        daemon.begin_ctl("--json", "record", str(path), "--source", "dry", "--before", "0.5") as shell,
    ):
        begun = listener.until(lambda m: m.topic == "record.started.").body
        listener.until(lambda m: m.topic == "record.progress.")
        shell.send_signal(number)
        output, errors = shell.communicate(timeout=60)
    assert (shell.returncode, errors) == (0, "")
    (line,) = output.splitlines()
    end = json.loads(line)
    assert (end["path"], end["reason"], end["lost_frames"]) == (str(path), "stopped", 0)
    sound, _ = soundfile.read(path, dtype="float32")
    assert len(sound) == end["frames"] > RATE
    np.testing.assert_array_equal(sound, played(begun["position"], len(sound)))


def test_a_script_begins_a_recording_goes_on_and_ends_it_later(daemon, tmp_path):
    path = tmp_path / "script.flac"
    assert str(path) in daemon.ctl("record", "start", str(path)).stdout
    assert "recording: " in daemon.ctl("record", "list").stdout
    assert daemon.ctl("record", "stop").stdout.splitlines()[0] == str(path)
    assert daemon.ctl("record", "stop").returncode == 1
    again = daemon.ctl("record", str(path), "--for", "0.1")
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    assert daemon.ctl("record", str(path), "--for", "0.1", "--overwrite").returncode == 0
    assert soundfile.info(path).frames == RATE // 10


def test_the_shell_tells_what_became_of_a_recording_when_the_daemon_is_stopped(start, tmp_path):
    path = tmp_path / "shell.wav"
    with start("audio.device=recording", "hosts={}") as daemon:
        daemon.running()
        with daemon.listen("record.") as listener, daemon.begin_ctl("record", str(path), "--json") as shell:
            listener.until(lambda m: m.topic == "record.progress.")
            daemon.stop()
            output, _ = shell.communicate(timeout=60)
    assert shell.returncode == 0
    end = json.loads(output.splitlines()[-1])
    assert (end["state"], end["reason"], end["path"]) == ("finished", "shutdown", str(path))
    assert soundfile.info(path).frames == end["frames"] > RATE


def test_a_daemon_that_is_stopped_finishes_its_recordings(start, tmp_path):
    path = tmp_path / "wet.wav"
    with start("audio.device=recording", "hosts={}") as daemon:
        daemon.running()
        begun = daemon.client.call("record.start", path=str(path), before_s=1)
        with daemon.listen("record.") as listener:
            listener.until(lambda m: m.topic == "record.progress.")
            daemon.stop()
            end = ended(listener, begun["recording"])
    assert end["reason"] == "shutdown"
    assert soundfile.info(path).frames == end["frames"] > RATE
    assert not Path(f"{path}.part").exists()
