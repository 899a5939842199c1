from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest
import soundfile

from ag06d.arena import Arena, HostCell
from ag06d.audio.recording import RecordingDevice
from ag06d.audio.sink import FRAMES, WetSink
from ag06d.audio.stream import Engine
from ag06d.errors import RecordingError

RATE = 48000
FADE_IN = round(0.0225 * RATE)  # frames: a stream begins in silence


@pytest.fixture
def arena():
    arena = Arena.create(RATE, 0.1)
    yield arena
    arena.close()


@pytest.fixture
def cell():
    cell = HostCell()
    yield cell
    cell.close()


@pytest.fixture
def replay(arena, cell, tmp_path):
    """Plays a sound in lockstep into a sink; what the sink says, and the file it wrote."""

    def replay(sound: np.ndarray, block: int):
        path, output = tmp_path / "sound.wav", tmp_path / "wet.wav"
        soundfile.write(path, sound, RATE, subtype="FLOAT")
        sink = WetSink(arena, cell, output)
        device = RecordingDevice(path, Engine(arena, 0), block, loop=False, lockstep=True, readers=[cell])
        while device.active:
            sink.drain(0.01)
        device.stop()
        result = sink.finish()
        return result, soundfile.read(output, dtype="float32", always_2d=True)

    return replay


@pytest.mark.parametrize("frames", [5 * FRAMES, 20_011, 1])
def test_file_and_checksum_are_all_that_left_the_chain(replay, arena, cell, frames):
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, (frames, 2)).astype(np.float32)
    result, (wet, rate) = replay(sound, block=96)
    assert (rate, wet.shape) == (RATE, sound.shape)
    assert result == {"sha256_wet": hashlib.sha256(wet.tobytes()).hexdigest(), "lost_frames": 0}
    assert cell.position == arena.head == frames
    settled = FADE_IN + arena.latency
    np.testing.assert_array_equal(wet[settled:], sound[FADE_IN : max(frames - arena.latency, FADE_IN)])


def test_a_file_that_cannot_be_written_is_told_at_once(arena, cell, tmp_path):
    with pytest.raises(RecordingError, match=r"cannot be written"):
        WetSink(arena, cell, tmp_path / "absent" / "wet.wav")


def test_without_readers_a_recording_that_loops_goes_on(arena, tmp_path):
    path = tmp_path / "sound.wav"
    soundfile.write(path, np.zeros((100, 2)), RATE)
    device = RecordingDevice(path, Engine(arena, 0), 64, loop=True)
    until = time.monotonic() + 60
    while arena.head < 1000 and time.monotonic() < until:
        time.sleep(0.005)
    assert device.active
    device.stop()
    assert not device.active
    assert arena.head >= 1000
    assert device.document() == {"name": "recording:sound.wav", "api": "recording", "path": str(path)}


def test_a_replay_that_fails_leaves_an_older_output_as_it_was(arena, cell, tmp_path):
    output = tmp_path / "wet.wav"
    output.write_bytes(b"the last take")
    sink = WetSink(arena, cell, output)
    sink.abandon()
    assert output.read_bytes() == b"the last take"
    assert list(tmp_path.iterdir()) == [output]


def test_an_output_that_could_not_hold_float_frames_is_refused(arena, cell, tmp_path):
    with pytest.raises(RecordingError, match=r"name a \.wav file"):
        WetSink(arena, cell, tmp_path / "wet.flac")
