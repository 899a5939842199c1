from __future__ import annotations

import errno
import os
import resource
import shutil

import numpy as np
import pytest
import soundfile

from ag06d.errors import RequestError
from ag06d.recorder.file import WRITE_ERRORS, RecordingFile

RATE = 48000
FORMATS = [("take.wav", "float"), ("take.wav", "int24"), ("take.flac", "int24"), ("TAKE.WAV", "float")]


@pytest.fixture
def sound():
    return np.random.default_rng(1).uniform(-0.9, 0.9, (3 * RATE + 77, 4)).astype(np.float32)


def begin(path, sample_format="float", channels=4, *, overwrite=False):
    return RecordingFile(path, sample_format, channels, RATE, overwrite=overwrite)


@pytest.mark.parametrize(("name", "sample_format"), FORMATS)
def test_a_finished_file_has_every_frame_under_its_name_and_leaves_no_part(
    tmp_path, sound, name, sample_format
):
    file = begin(tmp_path / name, sample_format)
    for piece in np.array_split(sound, 50):
        file.write(piece)
    file.silence(100_000)
    assert file.finish() == tmp_path / name
    assert [path.name for path in tmp_path.iterdir()] == [name]
    read, rate = soundfile.read(tmp_path / name, dtype="float32")
    assert (rate, read.shape) == (RATE, (len(sound) + 100_000, 4))
    precision = 0 if sample_format == "float" else 2**-23
    np.testing.assert_allclose(read[: len(sound)], sound, rtol=0, atol=precision)
    assert not read[len(sound) :].any()


@pytest.mark.parametrize(("name", "sample_format"), FORMATS)
def test_a_file_that_is_cut_off_at_any_moment_is_readable_up_to_its_last_update(
    tmp_path, sound, name, sample_format
):
    file = begin(tmp_path / name, sample_format)
    for piece in np.array_split(sound, 7):
        file.write(piece)
        file.update()
        cut = shutil.copy(file.part, tmp_path / "cut")
        if file.path.suffix.lower() == ".wav":  # libsndfile would do without; others go by the header
            content = cut.read_bytes()
            data = content.index(b"data") + 8
            assert int.from_bytes(content[data - 4 : data], "little") == len(content) - data
        read, _ = soundfile.read(cut, dtype="float32")
        assert file.frames - 4097 <= len(read) <= file.frames  # FLAC is written 4096 frames at a time
        np.testing.assert_allclose(read, sound[: len(read)], rtol=0, atol=2**-23)
    file.finish()


def test_a_small_file_is_a_plain_wav_that_any_program_reads(tmp_path, sound):
    file = begin(tmp_path / "take.wav")
    file.write(sound)
    file.finish()
    assert (tmp_path / "take.wav").read_bytes()[:12:8] == b"R" + b"W"
    assert soundfile.info(tmp_path / "take.wav").format == "WAVEX"


def test_what_is_no_number_is_silence_in_whole_numbers_and_what_is_too_loud_is_full_scale(tmp_path):
    file = begin(tmp_path / "take.flac", "int24", 2)
    file.write(np.array([[np.nan, 0.5], [7.0, -7.0]], np.float32))
    file.finish()
    read, _ = soundfile.read(tmp_path / "take.flac")
    np.testing.assert_allclose(read, [[0, 0.5], [1, -1]], atol=1e-6)


def test_nothing_that_is_there_is_overwritten_unless_told(tmp_path):
    path = tmp_path / "take.wav"
    path.write_text("precious")
    with pytest.raises(RequestError, match="is there already") as caught:
        begin(path)
    assert caught.value.code == "conflict"
    file = begin(path, overwrite=True)
    assert path.read_text() == "precious"
    file.silence(10)
    file.finish()
    assert soundfile.info(path).frames == 10


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_left_of_one_that_was_cut_off_is_never_overwritten(tmp_path, overwrite):
    (tmp_path / "take.wav.part").write_text("precious")
    with pytest.raises(RequestError, match=r"take\.wav\.part"):
        begin(tmp_path / "take.wav", overwrite=overwrite)
    assert (tmp_path / "take.wav.part").read_text() == "precious"


def test_a_file_that_takes_the_name_meanwhile_keeps_it(tmp_path):
    file = begin(tmp_path / "take.wav")
    file.silence(10)
    (tmp_path / "take.wav").write_text("precious")
    assert file.finish() == tmp_path / "take.wav.part"
    assert (tmp_path / "take.wav").read_text() == "precious"
    assert soundfile.info(tmp_path / "take.wav.part").frames == 10


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("nowhere/take.wav", "bad_request", "no such folder"),
        ("file/take.wav", "bad_request", "no such folder"),
        ("folder.wav", "bad_request", "a folder"),
        (f"{'x' * 300}.wav", "denied", "too long"),
    ],
)
def test_a_place_where_no_file_can_be_is_refused_with_what_is_wrong(tmp_path, path, code, said):
    (tmp_path / "file").touch()
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(RequestError, match=said) as caught:
        begin(tmp_path / path)
    assert caught.value.code == code
    assert caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.wav"]


@pytest.mark.parametrize(("name", "sample_format"), FORMATS[:3])
def test_what_was_written_before_the_disk_was_full_is_a_whole_file(tmp_path, sound, name, sample_format):
    """The limit of a file's size stands for the end of the disk: the write fails in the same way."""
    file = begin(tmp_path / name, sample_format)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_001, limits[1]))
    try:
        file.write(sound[:RATE])
        file.update()
        with pytest.raises(WRITE_ERRORS, match=os.strerror(errno.EFBIG)):
            file.write(sound[RATE:])
        try:
            path = file.finish()
        except WRITE_ERRORS:
            path = file.part
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    read, _ = soundfile.read(path, dtype="float32")
    assert len(read) > RATE - 4097
    np.testing.assert_allclose(read, sound[: len(read)], rtol=0, atol=2**-23)


@pytest.mark.parametrize(("name", "sample_format"), FORMATS[:2])
def test_a_disk_that_is_full_from_the_start_is_told_in_the_words_of_the_system(tmp_path, name, sample_format):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(RequestError, match=f"{name}: cannot be written: {os.strerror(errno.EFBIG)}"):
            begin(tmp_path / name, sample_format)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
