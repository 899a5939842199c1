from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ag06d.audio.recording import load_recording
from ag06d.audio.spec import recording_path
from ag06d.errors import RecordingError
from ag06d.paths import SHIPPED_RECORDING

RATE = 48000


@pytest.fixture
def write(tmp_path):
    def write(
        sound: np.ndarray, name: str = "sound.wav", rate: int = RATE, subtype: str | None = None
    ) -> Path:
        path = tmp_path / name
        soundfile.write(path, sound, rate, subtype=subtype)
        return path

    return write


def tones(rate: int, *frequencies_hz: float, seconds: float = 0.5) -> np.ndarray:
    time = np.arange(round(rate * seconds)) / rate
    return np.stack([0.25 * np.sin(2 * np.pi * hz * time) for hz in frequencies_hz], axis=1).astype(
        np.float32
    )


@pytest.mark.parametrize(
    ("name", "subtype", "worst"),
    [
        ("a.wav", "FLOAT", 0),
        ("a.wav", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", 2**-23),
        ("a.ogg", "VORBIS", 0.05),
    ],
)
def test_wav_flac_and_ogg_are_read_as_float32_stereo(write, name, subtype, worst):
    sound = tones(RATE, 440, 660)
    loaded = load_recording(write(sound, name, subtype=subtype), RATE)
    assert (loaded.dtype, loaded.shape) == (np.float32, sound.shape)
    assert loaded.flags.c_contiguous
    assert np.abs(loaded - sound).max() <= worst


def test_mono_stands_on_both_channels(write):
    sound = tones(RATE, 440)
    loaded = load_recording(write(sound, subtype="FLOAT"), RATE)
    np.testing.assert_array_equal(loaded, np.repeat(sound, 2, axis=1))


def test_of_more_channels_the_first_two_are_taken(write):
    sound = tones(RATE, 100, 200, 300, 400, 500, 600)
    loaded = load_recording(write(sound, subtype="FLOAT"), RATE)
    np.testing.assert_array_equal(loaded, sound[:, :2])


@pytest.mark.parametrize("file_rate", [8000, 44100, 96000])
def test_another_rate_is_converted_and_the_tone_stays_the_tone(write, file_rate):
    loaded = load_recording(write(tones(file_rate, 1000, 500), rate=file_rate, subtype="FLOAT"), RATE)
    expected = tones(RATE, 1000, 500)
    assert loaded.shape == expected.shape
    assert loaded.flags.c_contiguous
    middle = slice(RATE // 10, -RATE // 10)
    assert np.abs(loaded[middle] - expected[middle]).max() < 1e-3


def test_an_empty_recording_is_refused(write):
    with pytest.raises(RecordingError, match=r"sound\.wav: the recording is empty"):
        load_recording(write(np.zeros((0, 2))), RATE)


def test_a_recording_shorter_than_one_frame_is_empty(write):
    with pytest.raises(RecordingError, match="the recording is empty"):
        load_recording(write(np.zeros((1, 2)), rate=192000), 44100)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not audio at all" * 100, None])
def test_what_is_no_recording_is_refused_by_its_name(tmp_path, content):
    path = tmp_path / "sound.wav"
    if content is not None:
        path.write_bytes(content)
    for wrong in (path, tmp_path):
        with pytest.raises(RecordingError, match="cannot be read as a recording") as caught:
            load_recording(wrong, RATE)
        assert str(wrong) in str(caught.value)


def test_the_shipped_recording_is_there_and_is_stereo():
    loaded = load_recording(SHIPPED_RECORDING, RATE)
    assert loaded.shape[0] > RATE
    assert 0.01 < np.abs(loaded).max() <= 1


@pytest.mark.parametrize(
    ("device", "path"),
    [
        ("recording", SHIPPED_RECORDING),
        ("recording:/a/b.wav", Path("/a/b.wav")),
        ("recording:~/b.wav", Path.home() / "b.wav"),
        ("recording:/a:b.wav", Path("/a:b.wav")),
        ("auto", None),
        ("recordings", None),
        ("my recording:/a.wav", None),
        ("", None),
    ],
)
def test_a_device_named_recording_is_a_file(device, path):
    assert recording_path(device) == path
