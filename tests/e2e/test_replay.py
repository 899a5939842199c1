"""Replay: the whole daemon in lockstep, the same result each time."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ag06d.paths import SHIPPED_RECORDING
from ag06d.plot.sound import Comparison

RATE = 48000


@pytest.fixture(scope="module")
def voice(tmp_path_factory) -> Path:
    """Five seconds of the shipped recording, of a length that no block divides."""
    sound, rate = soundfile.read(SHIPPED_RECORDING, dtype="float32", stop=5 * RATE + 77)
    path = tmp_path_factory.mktemp("replay") / "voice.wav"
    soundfile.write(path, sound, rate)
    return path


@pytest.fixture(scope="module")
def replay(ag06d):
    def run(path, *arguments):
        done = ag06d("replay", path, "--json", *arguments)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="module")
def once(replay, voice):
    return replay(voice)


def test_every_frame_goes_through_and_none_is_lost(once):
    assert (once["frames"], once["lost_frames"]) == (5 * RATE + 77, 0)
    assert once["seconds"] == pytest.approx(once["frames"] / 48000, abs=1e-5)
    assert once.keys() >= {"speed", "sha256_wet", "alerts"}


def test_input_that_is_no_sound_is_counted_and_told(ag06d, once, tmp_path):
    sound = np.full((RATE, 2), 0.1, np.float32)
    sound[1000:1003] = np.nan
    sound[2000, 0] = np.inf
    path = tmp_path / "broken.wav"
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    done = ag06d("replay", path, "--json")
    silenced = 4 + 2 * RATE // 1000  # with the millisecond after each
    assert json.loads(done.stdout.splitlines()[-1])["bad_input_frames"] == silenced
    assert f"{silenced} frames of input were silenced: NaN, infinite" in ag06d("replay", path).stdout
    assert once["bad_input_frames"] == 0


def test_a_second_time_gives_the_same_sound(once, replay, voice):
    assert replay(voice)["sha256_wet"] == once["sha256_wet"]


@pytest.mark.parametrize("block", [16, 100, 4096])
def test_the_size_of_the_blocks_changes_nothing(once, replay, voice, block):
    result = replay(voice, "-o", f"audio.block={block}")
    assert (result["sha256_wet"], result["frames"]) == (once["sha256_wet"], once["frames"])


def test_another_preset_gives_another_sound(once, replay, voice):
    assert replay(voice, "-o", "preset.start=flat")["sha256_wet"] != once["sha256_wet"]


def test_the_output_is_the_sound_that_the_checksum_is_of(once, replay, voice, tmp_path):
    output = tmp_path / "wet.wav"
    result = replay(voice, "--output", output)
    wet, rate = soundfile.read(output, dtype="float32")
    assert (rate, wet.shape) == (48000, (once["frames"], 2))
    assert np.abs(wet).max() > 0.1
    assert hashlib.sha256(wet.tobytes()).hexdigest() == result["sha256_wet"] == once["sha256_wet"]


def test_the_loudness_that_is_plotted_is_the_one_that_is_reported(replay, voice, tmp_path):
    output = tmp_path / "wet.wav"
    result = replay(voice, "--output", output)
    plotted = Comparison.of(voice, output, 48000)
    for name, loudness in (("dry", plotted.dry.loudness), ("wet", plotted.wet.loudness)):
        assert loudness.integrated_lufs == result[name]["integrated_lufs"]
        assert loudness.peak_db == max(result[name]["max_peak_db"])
        assert np.nanmax(loudness.momentary_lufs) <= result[name]["max_momentary_lufs"]
        assert np.nanmax(loudness.short_term_lufs) <= result[name]["max_short_term_lufs"]


def test_the_plugins_see_all_of_it_however_slow_they_are(ag06d, sine):
    hosts = "hosts={live={plugins=['features']},slow={plugins=['slow'],deadline_ms=500}}"
    env = {"PYTHONPATH": str(Path(__file__).parent / "bad_plugins")}
    done = ag06d("replay", sine, "--json", "-o", hosts, "-o", "audio.ring_seconds=1", env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["lost_frames"] == 0


@pytest.mark.parametrize(("name", "subtype"), [("cd.wav", "PCM_16"), ("cd.ogg", "VORBIS")])
def test_a_stereo_recording_of_another_rate_is_resampled(replay, tmp_path, name, subtype):
    path = tmp_path / name
    times = np.arange(44100 * 2) / 44100
    stereo = 0.3 * np.column_stack([np.sin(2 * np.pi * 440 * times), np.sin(2 * np.pi * 660 * times)])
    soundfile.write(path, stereo, 44100, subtype=subtype)
    output = tmp_path / "wet.wav"
    result = replay(path, "-o", "preset.start=flat", "--output", output)
    assert (result["frames"], result["lost_frames"]) == (96000, 0)
    wet, _ = soundfile.read(output)
    middle = wet[24000:72000]
    loudest = [int(np.abs(np.fft.rfft(middle[:, channel])).argmax()) for channel in range(2)]
    assert loudest == [440, 660]


@pytest.mark.parametrize("content", [None, b"", b"RIFF but no more", os.urandom(5000)], ids=range(4))
def test_a_file_that_cannot_be_read_is_refused_in_one_line(ag06d, tmp_path, content):
    path = tmp_path / "broken.wav"
    if content is not None:
        path.write_bytes(content)
    done = ag06d("replay", path, "--json")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("ag06d:")]
    assert str(path) in line


def test_an_output_that_cannot_be_written_is_refused(ag06d, voice, tmp_path):
    done = ag06d("replay", voice, "--json", "--output", tmp_path / "nowhere" / "wet.wav")
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_a_replay(tmp_path, poll, children):
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(48000 * 600, np.float32), 48000)
    run, state = tmp_path / "r", tmp_path / "s"
    env = os.environ | {"AG06D_RUNTIME_DIR": str(run), "AG06D_STATE_DIR": str(state)}
    command = [str(Path(sys.executable).parent / "ag06d"), "replay", str(path)]
    replay = subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    poll(lambda: len(children(replay.pid)) > 1, replay.poll)
    os.killpg(replay.pid, signal.SIGINT)  # as a terminal does
    _, errors = replay.communicate(timeout=60)
    assert replay.returncode != 0
    assert "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(replay.pid, 0)
